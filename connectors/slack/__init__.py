"""Slack: direct messages with buttons, and the presses that come back."""
