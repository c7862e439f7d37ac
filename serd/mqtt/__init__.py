"""The way to an MQTT broker: connection, events that wait, the broker inside the process."""
