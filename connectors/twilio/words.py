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
