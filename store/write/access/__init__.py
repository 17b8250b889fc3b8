"""Writing who may come in, who may decide, and how often."""
