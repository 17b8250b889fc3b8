"""The embedded stack: starts, watches and stops the parts of one installation."""
