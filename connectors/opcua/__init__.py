"""OPC UA servers with PackML tags and alarms."""
