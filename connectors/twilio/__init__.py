"""Twilio: SMS to people, and their answers by a task's code."""
