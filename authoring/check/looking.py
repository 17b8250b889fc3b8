"""A definition as the proofs look at it: its steps with their places, what is read anywhere, what a span comes to."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from authoring.check.facts import SiteFacts
from authoring.check.possible import Possible, Typed, Values, possible, tree
from authoring.check.samples import long_value, ordinary
from domain.errors import ConfigError
from domain.language import expressions
from domain.language.definition import ApproveStep, PostStep, document_path, step_name, walk
from domain.language.definition_rules import Path, Problem, Source, conditions, texts
from domain.typing.scopes import Scopes
from domain.typing.tree import Record
from domain.values import Json, duration

Proof = Iterator[Problem]
PATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
WORD = re.compile(r"[A-Za-z_]\w*")
_MARKED = re.compile(r"{[{%](.*?)[%}]}", re.S)


@dataclass(frozen=True)
class Placed:
    """A step: where it runs (`1.planning.0`), and where it stands in the document."""

    path: str
    at: Path
    step: Any

    @property
    def name(self) -> str:
        return step_name(self.step) or self.path


class Look:
    """One definition with the types of what it may read, and the site if it is known."""

    def __init__(self, scopes: Scopes, site: SiteFacts | None = None) -> None:
        self.definition, self.scopes, self.site = scopes.definition, scopes, site
        self.kept: dict[str, Any] = {}  # what one proof found out and another needs

    @cached_property
    def steps(self) -> list[Placed]:
        found = walk(self.definition.steps)
        return [Placed(path, document_path(self.definition, path), step) for path, step in found]

    @cached_property
    def expressions(self) -> list[Source]:
        return list(conditions(self.definition))

    @cached_property
    def texts(self) -> list[Source]:
        return list(texts(self.definition))

    @cached_property
    def parameters(self) -> Mapping[str, Json]:
        """The definition's, with the site's values."""
        own = self.site.parameters(self.definition.definition) if self.site else {}
        return {**self.definition.parameters, **own}

    @cached_property
    def reads(self) -> frozenset[str]:
        """Every dotted path in any expression or text, and the steps named otherwise (`decision`, `not_by`)."""
        sources = [source.text for source in self.expressions]
        sources += [part for text in self.texts for part in _MARKED.findall(text.text)]
        found = {path for source in sources for path in PATH.findall(source)}
        for placed in self.steps:
            found |= {placed.step.decision} if isinstance(placed.step, PostStep) else set()
            found |= set(placed.step.not_by) if isinstance(placed.step, ApproveStep) else set()
        return frozenset(found)

    def is_read(self, name: str) -> bool:
        """Is this name, or anything in it, read anywhere? Also as part of a loop's results (`one.agree.answer`)."""
        return any(f".{name}." in f".{path}." for path in self.reads)

    def span(self, text: Json) -> timedelta | None:
        """How long a span is at least (business time as if it were plain); None when that is not known beforehand."""
        try:
            found = expressions.evaluate(text, {"params": self.parameters}) if expressions.is_expression(text) else text
            return duration(str(found).removesuffix(" business"))
        except (ConfigError, ValueError):
            return None

    def values(self, scope: Record, texts: Iterable[str], *, long: bool) -> dict[str, Json]:
        """Values for the names that these texts mention; site and machine are the site's own, as far as it is known."""
        named = {word for text in texts for word in WORD.findall(text)} | {"site"}
        make = long_value if long else ordinary
        found = {name: make(part.type) for name, part in scope.fields.items() if name in named}
        return found | {name: value for name, value in self._world.items() if name in named}

    @cached_property
    def _world(self) -> dict[str, Json]:
        known = self.site
        if known is None:
            return {"site": {"id": "site", "title": "The works", "timezone": "UTC"}}
        machine = max(known.described.values(), key=lambda one: len(one["title"]))
        site = {"id": known.site.site, "title": known.site.title, "timezone": known.site.timezone}
        return {"site": site, "equipment": dict(machine)}

    def outcome(self, source: str, scope: Record, given: Mapping[str, Values] | None = None) -> Possible:
        """What an expression can give in this scope."""
        node = tree(source)
        return possible(node, Typed(scope, given or {})) if node is not None else Possible(None, False)


def words(span: timedelta) -> str:
    """`1d12h`, `30m`, as authors write it."""
    seconds = int(span.total_seconds())
    found = ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        found += f"{seconds // size}{unit}" if seconds >= size else ""
        seconds %= size
    return found or "0s"
