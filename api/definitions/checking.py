"""A definition being written, looked at: what is wrong where, what could be read there, and its drawing."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from admin.definitions.versions import called_by
from api.deps import ApiDeps
from authoring.check import SiteFacts, examine, published
from authoring.drawing import Drawing, draw
from domain.errors import NotFoundError
from domain.language.definition import Definition
from domain.language.definition_text import DefinitionError, Finding, Mark, Marks, read
from domain.typing.scopes import scope_of
from domain.typing.tree import Record, show

_SHOWN = 50
_EXCERPT = 160
_ORDER = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class Remark:
    """A finding with the line that it is about; `caret` is how far into `excerpt` it points."""

    finding: Finding
    excerpt: str
    caret: int


@dataclass(frozen=True)
class Name:
    """What an expression or a text may read: `repair.estimate`, and its type in words."""

    path: str
    type: str


@dataclass(frozen=True)
class Checked:
    """`definition` None: the text can't be read as one yet, so there is neither drawing nor names. `whole`: with the
    definitions that it calls, as they are in force."""

    remarks: Sequence[Remark]
    more: int
    definition: Definition | None = None
    whole: Definition | None = None
    drawing: Drawing | None = None
    names: Sequence[Name] = ()

    @property
    def errors(self) -> int:
        return self.more + sum(remark.finding.severity == "error" for remark in self.remarks)


async def check(deps: ApiDeps, text: str, name: str) -> Checked:
    """Everything about this text of a draft of `name`, against the site as it is. Of what it calls the versions in
    force count, and are drawn."""
    site, others = await _known(deps)
    async with deps.trial_turn:
        definition, findings = await asyncio.to_thread(_examined, text, name, site, others)
    remarks, more = remarks_on(findings[:_SHOWN], text), max(0, len(findings) - _SHOWN)
    if definition is None:
        return Checked(remarks, more)
    called = {one: others[one] for one in called_by(definition) if one in others}
    whole = definition.model_copy(update={"bundled": called}) if called else definition
    drawing = draw(whole, marks_of(text))
    return Checked(remarks, more, definition, whole, drawing, _names(scope_of(whole)))


async def _known(deps: ApiDeps) -> tuple[SiteFacts | None, dict[str, Definition]]:
    """The site, once there is one, and the definitions in force by name."""
    async with deps.database.transaction() as session:
        others = {name: found for name, (_, found) in (await published.definitions(session)).items()}
        try:
            return await published.facts(session, deps.now()), others
        except NotFoundError:
            return None, others


def _examined(
    text: str, name: str, site: SiteFacts | None, others: Mapping[str, Definition]
) -> tuple[Definition | None, list[Finding]]:
    definition, findings = examine(text, f"{name}.yaml", site, others)
    if definition and definition.definition != name:
        mark = marks_of(text).get(("definition",), Mark(1, 1))
        told = f"this is a draft of '{name}', its text says '{definition.definition}': write the same name"
        findings.append(Finding(mark.line, mark.column, told, "mos.definition.invalid"))
    return definition, sorted(findings, key=lambda one: (_ORDER.get(one.severity, 9), one.line, one.column))


def marks_of(text: str) -> Marks:
    """Where each part of the document stands; nothing while it can't be read."""
    try:
        return read(text, "")[1]
    except DefinitionError:
        return {}


def remarks_on(findings: Sequence[Finding], text: str) -> list[Remark]:
    """The findings with their lines."""
    lines = text.splitlines()
    return [_remark(finding, lines) for finding in findings]


def _remark(finding: Finding, lines: Sequence[str]) -> Remark:
    """The line around the place; a long one is cut on both sides."""
    line = lines[finding.line - 1] if 0 < finding.line <= len(lines) else ""
    indent = len(line) - len(line.lstrip())
    start = max(indent, finding.column - 1 - _EXCERPT // 2)
    return Remark(finding, line[start : start + _EXCERPT], max(0, finding.column - 1 - start))


def _names(scope: Record) -> list[Name]:
    """Two levels deep: what stands before a dot, and what stands behind it."""
    found = []
    for name, part in scope.fields.items():
        found.append(Name(name, show(part.type)[:80]))
        if isinstance(part.type, Record):
            found += [Name(f"{name}.{inner}", show(one.type)[:80]) for inner, one in part.type.fields.items()]
    return found
