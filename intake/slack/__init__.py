"""Slack's door and what Slack is shown."""
