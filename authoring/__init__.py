"""Checking, simulating, replaying and drawing definitions. Writes nothing."""
