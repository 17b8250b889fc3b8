"""Writing: only activities, intake and admin may; a transaction is opened by them, never here."""
