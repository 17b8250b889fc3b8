"""A Slack workspace: its Web API, what people see and do there, and what it sends to the app."""
