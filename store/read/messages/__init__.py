"""Reading messages to people, and whether they arrive."""
