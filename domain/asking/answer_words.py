"""The words that answer a text, in every language at once: the sender's language is not known here.

Written in capitals and without diacritics: whoever reads a text makes it so first, hence `zakończone` and
`zakonczone` are one word. Twilio acts by itself on the keywords of STOP, START and HELP (its docs on opt-out
keywords), so none of them may be an answer.
"""

from collections.abc import Mapping

STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START = frozenset({"START", "YES", "UNSTOP"})
HELP = frozenset({"HELP", "INFO"})
OUR_HELP = frozenset({"?", "HILFE", "AYUDA", "POMOC"})
"""Twilio does not know these: we alone answer them."""

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "accept": "OK, OKAY, ACCEPT, TAKE IT, ON IT",
        "decline": "NO, DECLINE",
        "arrived": "HERE, ARRIVED",
        "answer": "EST, ESTIMATE, ETA",
        "done": "DONE, FIXED, FINISHED",
        "reject": "REJECT, NONE",
        "hand_over": "GIVE, HANDOVER, HAND OVER, PASS TO",
        "ask": "ASK, QUESTION",
        "inform": "NOTE, TELL",
        "snooze": "LATER, SNOOZE, REMIND",
        "mine": "MINE, MY TASKS, TASKS",
        "report": "REPORT",
    },
    "de": {
        "accept": "OK, JA, NEHME ICH, UBERNEHME, UEBERNEHME, ANNEHMEN",
        "decline": "NEIN, ABLEHNEN",
        "arrived": "DA, HIER, BIN DA, ANGEKOMMEN",
        "answer": "ZEIT, DAUER",
        "done": "FERTIG, ERLEDIGT, BEHOBEN",
        "reject": "KEINE, VERWERFEN",
        "hand_over": "UBERGEBEN, UEBERGEBEN, UBERGABE, UEBERGABE, WEITER AN",
        "ask": "FRAGE, FRAGEN",
        "inform": "NOTIZ, HINWEIS",
        "snooze": "SPATER, SPAETER, ERINNERN",
        "mine": "MEINE, MEINE AUFGABEN, AUFGABEN",
        "report": "MELDEN, MELDUNG, STORUNG, STOERUNG",
    },
    "es": {
        "accept": "OK, SI, VALE, ACEPTO, ACEPTAR",
        "decline": "NO, RECHAZO",
        "arrived": "AQUI, LLEGUE, YA ESTOY",
        "answer": "TIEMPO, ESTIMADO",
        "done": "LISTO, HECHO, TERMINADO, RESUELTO",
        "reject": "NINGUNA, NINGUNO, RECHAZAR",
        "hand_over": "PASAR, PASAR A, CEDER, CEDER A",
        "ask": "PREGUNTA, PREGUNTAR",
        "inform": "NOTA, AVISAR",
        "snooze": "LUEGO, DESPUES, MAS TARDE",
        "mine": "MIS TAREAS, TAREAS",
        "report": "REPORTAR, AVERIA",
    },
    "pl": {
        "accept": "OK, TAK, BIORE, PRZYJMUJE",
        "decline": "NIE, ODMAWIAM",
        "arrived": "JESTEM, NA MIEJSCU",
        "answer": "CZAS, SZACUNEK",
        "done": "GOTOWE, ZROBIONE, ZAKONCZONE, NAPRAWIONE",
        "reject": "ODRZUC, ODRZUCAM, ZADNA, ZADNE",
        "hand_over": "PRZEKAZ, PRZEKAZUJE",
        "ask": "PYTANIE, PYTAM",
        "inform": "NOTATKA, UWAGA",
        "snooze": "POZNIEJ, PRZYPOMNIJ",
        "mine": "MOJE, MOJE ZADANIA, ZADANIA",
        "report": "ZGLOS, ZGLASZAM, AWARIA",
    },
}

ANSWERS: Mapping[str, Mapping[str, str]] = {
    language: {word: verb for verb, words in table.items() for word in words.split(", ")}
    for language, table in _WORDS.items()
}

VERBS: Mapping[str, str] = {word: verb for table in ANSWERS.values() for word, verb in table.items()}

NUMBER_WORDS = frozenset({"OPTION", "NUMBER", "NR", "NUMMER", "OPCION", "NUMERO", "OPCJA", "NUMER", "WARIANT"})
"""`K7QP option 2` is `K7QP 2`."""

UNITS: Mapping[str, str] = {
    **dict.fromkeys(("M", "MIN", "MINS", "MINUTE", "MINUTES", "MINUTEN", "MINUTO", "MINUTOS"), "m"),
    **dict.fromkeys(("MINUT", "MINUTA", "MINUTY"), "m"),
    **dict.fromkeys(("H", "HR", "HRS", "HOUR", "HOURS", "STD", "STUNDE", "STUNDEN", "HORA", "HORAS"), "h"),
    **dict.fromkeys(("GODZ", "GODZINA", "GODZINY", "GODZIN"), "h"),
    **dict.fromkeys(("D", "DAY", "DAYS", "TAG", "TAGE", "DIA", "DIAS", "DZIEN", "DNI"), "d"),
}

KEYWORDS = VERBS.keys() | STOP | START | HELP | OUR_HELP
"""What a text may begin with: a task's code is none of these."""
