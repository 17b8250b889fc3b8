"""What the planner's options are called, in the languages that ship. Pure."""

from collections.abc import Mapping

from domain.values import Json

Words = Mapping[str, tuple[str, str, Mapping[str, str]]]
"""Language -> title, summary, and the label of each figure by its name."""

PUSH_RIGHT: Words = {
    "en": (
        "Push right",
        "Same order, same machines, later.",
        {"moved": "Orders moved", "late": "Orders late", "delay": "Delay in all"},
    ),
    "de": (
        "Nach hinten schieben",
        "Gleiche Reihenfolge, gleiche Maschinen, später.",
        {"moved": "Verschobene Aufträge", "late": "Zu späte Aufträge", "delay": "Verzug insgesamt"},
    ),
    "es": (
        "Retrasar todo",
        "El mismo orden y las mismas máquinas, más tarde.",
        {"moved": "Órdenes movidas", "late": "Órdenes tarde", "delay": "Retraso total"},
    ),
    "pl": (
        "Przesunąć na później",
        "Ta sama kolejność i maszyny, później.",
        {"moved": "Przesunięte zlecenia", "late": "Spóźnione zlecenia", "delay": "Opóźnienie łącznie"},
    ),
}
GAPS: Words = {
    "en": ("Into the gaps", "Moves nobody.", {"moved": "Orders moved", "in_time": "In time", "on": "On"}),
    "de": (
        "In die Lücken",
        "Verschiebt niemanden.",
        {"moved": "Verschobene Aufträge", "in_time": "Pünktlich", "on": "Auf"},
    ),
    "es": ("En los huecos", "No mueve a nadie.", {"moved": "Órdenes movidas", "in_time": "A tiempo", "on": "En"}),
    "pl": (
        "W wolne miejsca",
        "Nikogo nie przesuwa.",
        {"moved": "Przesunięte zlecenia", "in_time": "Na czas", "on": "Na"},
    ),
}
_YES_NO = {
    "en": ("yes", "no"),
    "de": ("ja", "nein"),
    "es": ("sí", "no"),
    "pl": ("tak", "nie"),
}


def option_words(words: Words, figures: Mapping[str, str | bool]) -> dict[str, Json]:
    """`title`, `summary` and `figures` in English, and `languages` with the others."""
    said = {language: _said(language, words, figures) for language in words}
    return said.pop("en") | {"languages": said}


def _said(language: str, words: Words, figures: Mapping[str, str | bool]) -> dict[str, Json]:
    title, summary, labels = words[language]
    yes, no = _YES_NO[language]
    told = {name: (yes if value else no) if isinstance(value, bool) else value for name, value in figures.items()}
    return {
        "title": title,
        "summary": summary,
        "figures": [{"label": labels[name], "value": value} for name, value in told.items()],
    }
