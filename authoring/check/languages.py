"""Is a definition that speaks several languages written in all that people here read?"""

from collections.abc import Iterator
from typing import Any

from authoring.check.looking import Look, Proof
from domain.language.definition import ApproveStep, TaskStep
from domain.language.definition_rules import Path, Problem
from domain.language.texts import SHIPPED, Text, fact_texts, nearest
from domain.language.texts import languages as languages_of

_CODE = "mos.text.language"


def languages(look: Look) -> Proof:
    """A text in some languages, but not in one that is read here (not known: in one that ships), is shown to those
    people in another. Nothing is said about plain texts."""
    wanted = look.site.languages if look.site else SHIPPED
    for path, text in _texts(look):
        written = languages_of(text)
        missing = [language for language in wanted if written and not nearest(written, language)]
        if missing:
            told = f"not written in {', '.join(missing)}: who reads that gets another language"
            yield Problem(path, told, _CODE, "warning", f"add '{missing[0]}: ...'")


def _texts(look: Look) -> Iterator[tuple[Path, Text]]:
    yield ("title",), look.definition.title
    for placed in look.steps:
        yield from (((*placed.at, *inside), text) for inside, text in _of_step(placed.step))


def _of_step(step: Any) -> Iterator[tuple[Path, Text]]:
    yield from ((("title",), getattr(step, "title", "")), (("text",), getattr(step, "text", "")))
    for key, label, value in fact_texts(getattr(step, "facts", {})):
        yield from ((("facts", key), label), (("facts", key), value))
    for name, ask in step.ask.items() if isinstance(step, TaskStep) else ():
        yield ("ask", name, "label"), ask.label
        yield from ((("ask", name, "words", value), text) for value, text in ask.words.items())
    if isinstance(step, ApproveStep) and isinstance(step.options, list):
        for index, option in enumerate(step.options):
            for field in ("title", "summary"):
                text = option.get(field, "") if isinstance(option, dict) else ""
                yield ("options", index, field), text if isinstance(text, str | dict) else ""
