"""The HTTP door: webhooks, callbacks and the web console. Thin routes."""
