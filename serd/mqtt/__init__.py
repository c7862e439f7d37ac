"""Delivery over MQTT: topics, the connection, the queue of events, the embedded broker."""
