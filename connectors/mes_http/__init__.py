"""A manufacturing execution system over HTTP."""
