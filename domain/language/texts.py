"""What an author says: one text, or the same in several languages. Pure.

A plain text is in the site's language. Whoever reads another one gets it in theirs if it is there, else in the site's,
else in English, else in any.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag

SHIPPED = ("de", "en", "es", "pl")
FALLBACK = "en"
MOST = 4_000  # characters of one text
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]


def _kind(value: Any) -> str:
    return "languages" if isinstance(value, dict) else "text"


Text = Annotated[
    Annotated[str, Field(max_length=MOST), Tag("text")]
    | Annotated[
        dict[Language, Annotated[str, Field(max_length=MOST)]],
        Field(min_length=1, description="language -> text"),
        Tag("languages"),
    ],
    Discriminator(_kind),
]
"""`Lathe 1 is down`, or `{en: Lathe 1 is down, de: Drehmaschine 1 steht}`."""


class FactText(BaseModel):
    """A fact with a label in several languages."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: Text
    value: Text


def _fact_kind(value: Any) -> str:
    labelled = isinstance(value, FactText) or (isinstance(value, dict) and {"label", "value"} & set(value))
    return "fact" if labelled else "text"


AuthoredFact = Annotated[Annotated[Text, Tag("text")] | Annotated[FactText, Tag("fact")], Discriminator(_fact_kind)]
"""The value of a fact whose label is its key, or `{label: .., value: ..}`."""


def fact_texts(facts: dict[str, AuthoredFact]) -> Iterator[tuple[str, Text, Text]]:
    """Key, label and value of each."""
    for key, fact in facts.items():
        yield (key, fact.label, fact.value) if isinstance(fact, FactText) else (key, key, fact)


def pick(text: str | dict[str, str], *wanted: str) -> str:
    """The text in the first of these languages that it has; `de-AT` takes `de`."""
    if isinstance(text, str):
        return text
    found = nearest(text, *wanted, FALLBACK)
    return text[found] if found else next(iter(text.values()))


def nearest(known: Any, *wanted: str) -> str:
    """The first of these languages, or its base, that is among the known ones; empty when none is."""
    for language in wanted:
        for name in (language, language.partition("-")[0]):
            if name in known:
                return name
    return ""


def languages(*texts: str | dict[str, str]) -> set[str]:
    """Every language that any of these texts is written in; nothing for plain ones."""
    return {language for text in texts if isinstance(text, dict) for language in text}


def each(text: str | dict[str, str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text with its place in the field: `()` for a plain one, else `(language,)`."""
    if isinstance(text, str):
        yield (), text
    else:
        yield from (((language,), said) for language, said in text.items())


def every(*texts: str | dict[str, str]) -> list[str]:
    """The texts of all languages."""
    return [said for text in texts for _, said in each(text)]


def words(*texts: str | dict[str, str]) -> frozenset[str]:
    """Every word that stands in these texts, in any language: the names that they may read are among them."""
    return frozenset(word for text in every(*texts) for word in _WORD.findall(text))


def plain_option(option: Any) -> Any:
    """An option with title and summary in one language, as expressions read it."""
    if not isinstance(option, dict):
        return option
    said = {name: option[name] for name in ("title", "summary") if isinstance(option.get(name), dict)}
    return option | {name: pick(text) for name, text in said.items()}
