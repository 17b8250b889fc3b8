"""What Twilio's error codes of a delivery mean, in words that say what to do."""

from collections.abc import Mapping

NOT_DELIVERED: Mapping[str, str] = {
    "21610": "the person has opted out by STOP: reach them by another channel until they write START",
    "30001": "too many messages were waiting at Twilio",
    "30002": "the Twilio account is suspended",
    "30003": "the phone is off or out of reach",
    "30004": "the phone or its carrier blocks our messages",
    "30005": "the number does not exist: correct it on the roster",
    "30006": "the number is a landline: put a mobile number on the roster",
    "30007": "the carrier took it for spam",
    "30008": "the carrier gave no reason",
    "30034": "our number is not registered with the carriers (A2P 10DLC)",
    "63003": "the number has no WhatsApp: correct it on the roster",
    "63016": "the person has not written on WhatsApp for 24 hours, and no template was used",
    "63024": "the number has no WhatsApp: correct it on the roster",
    "63027": "the WhatsApp template does not exist in this language: correct it in the settings",
}
"""What Twilio's error codes of a delivery mean (twilio.com/docs/api/errors)."""
