"""The outside world: one folder for each system, each adapting one client library to a role."""
