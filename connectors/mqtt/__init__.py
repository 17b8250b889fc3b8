"""MQTT brokers with a Unified Namespace in plain JSON."""
