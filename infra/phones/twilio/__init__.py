"""A Twilio account: SMS, WhatsApp and calls, and its callbacks."""
