"""The chain of audit records, and checking it."""
