"""The only door from workflows to the world."""
