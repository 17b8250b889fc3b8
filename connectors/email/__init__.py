"""E-mail to people: one way, as a fallback."""
