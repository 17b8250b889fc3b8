"""Types of what definitions may read, and the check of every expression and text against them. Pure."""
