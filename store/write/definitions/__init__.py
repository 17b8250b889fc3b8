"""Writing versions of definitions, and which of them is in force."""
