"""Home Assistant's MQTT device discovery of a node."""
