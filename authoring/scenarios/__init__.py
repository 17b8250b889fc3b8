"""Scenarios: small YAML files that say what happens, how people and systems answer, and what must come of it."""
