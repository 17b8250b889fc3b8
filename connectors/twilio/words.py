"""The words that answer an SMS, in every language at once: the sender's language is not known here.

Twilio acts by itself on the keywords of STOP, START and HELP (its docs on opt-out keywords), so none of them may be an
answer.
"""

from collections.abc import Mapping

STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START = frozenset({"START", "YES", "UNSTOP"})
HELP = frozenset({"HELP", "INFO"})

ANSWERS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "OK": "accept",
        "ACCEPT": "accept",
        "NO": "decline",
        "DECLINE": "decline",
        "HERE": "arrived",
        "ARRIVED": "arrived",
        "EST": "answer",
        "ESTIMATE": "answer",
        "DONE": "done",
        "REJECT": "reject",
        "NONE": "reject",
    },
    "de": {
        "OK": "accept",
        "NEIN": "decline",
        "DA": "arrived",
        "HIER": "arrived",
        "ZEIT": "answer",
        "DAUER": "answer",
        "FERTIG": "done",
        "ERLEDIGT": "done",
        "KEINE": "reject",
    },
}

VERBS: Mapping[str, str] = {word: verb for table in ANSWERS.values() for word, verb in table.items()}

UNITS: Mapping[str, str] = {
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes", "minuten"), "m"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "std", "stunde", "stunden"), "h"),
    **dict.fromkeys(("d", "day", "days", "tag", "tage"), "d"),
}

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
}
"""What Twilio's error codes of a delivery mean (twilio.com/docs/api/errors)."""
