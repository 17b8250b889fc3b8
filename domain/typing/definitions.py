"""Every expression and text of a definition against the types of what it may read, and of what its place takes."""

import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from domain.books import outcomes
from domain.language.definition import (
    AgentStep,
    ApproveStep,
    Definition,
    ForEachStep,
    PostStep,
    ProposeStep,
    SwitchStep,
    WaitStep,
    document_path,
    walk,
)
from domain.language.definition_rules import Path, Problem, Source, conditions, texts
from domain.typing.scopes import Scopes
from domain.typing.tree import (
    ANY,
    BOOL,
    INTEGER,
    NUMBER,
    TEXT,
    TIME,
    Fault,
    Field,
    Kind,
    ListOf,
    Record,
    Scalar,
    Type,
    fits,
    hint,
    read_record,
    show,
    type_of,
)
from domain.values import Json

TypedTextCheck = Callable[[str, Record], list[Fault]]
"""Checks a Jinja text that may read this scope (`templates.text.text_faults`)."""

_CONDITIONS = frozenset({"when", "if", "until", "only_if"})
_SPANS = frozenset({"within", "after", "settle", "accept_within", "off_delay", "every", "at", "key"})
_PRIORITY = Scalar(Kind.TEXT, values=("critical", "low", "medium", "high"))
_OPTIONS = ListOf(read_record({"id": "text", "title": "text"}))
_MODELS: Mapping[str, type[BaseModel]] = {
    model.model_fields["kind"].default: model for model in get_args(get_args(outcomes.Outcome)[0])
}


def type_problems(
    definition: Definition, check_text: TypedTextCheck | None = None, scopes: Scopes | None = None
) -> Iterator[Problem]:
    """Everything that does not fit, part by part; warnings are what may fail with some values. `scopes`: those of this
    definition, where somebody has them already."""
    scopes = scopes or Scopes(definition)
    places = _Places(definition, scopes)
    for source in conditions(definition):
        wanted, condition = _wanted(source.path)
        scope = places.scope(source.path)
        checked = scopes.checker(scope).examine(source.text, wanted, condition=condition)
        yield from (_problem(source, fault) for fault in checked.faults)
    for source in texts(definition) if check_text else ():
        scope = places.scope(source.path)
        yield from (_problem(source, fault) for fault in check_text(source.text, scope)) if check_text else ()
    yield from _queries(definition, scopes)
    yield from _steps(definition, scopes)


def _problem(source: Source, fault: Fault) -> Problem:
    """CEL's places count without the `=` before an expression."""
    shift = source.text.startswith("=") and not {"title", "text", "facts"} & set(source.path)
    inside = (fault.line, fault.column + shift * (fault.line == 1))
    return Problem(source.path, fault.message, fault.code, fault.severity, inside=inside, of=source.text)


class _Places:
    """Which scope a place of the document has."""

    def __init__(self, definition: Definition, scopes: Scopes) -> None:
        self._scopes = scopes
        self._steps = {document_path(definition, path): (path, step) for path, step in walk(definition.steps)}

    def scope(self, path: Path) -> Record:
        if path[0] == "opens":
            return self._scopes.context if path[-1] == "priority" else self._scopes.opening
        if path[0] in ("context", "title"):
            return self._scopes.context
        for length in range(len(path), 0, -1):
            if path[:length] in self._steps:
                return self._of_step(path[length:], *self._steps[path[:length]])
        return self._scopes.whole

    def _of_step(self, rest: Path, path: str, step: Any) -> Record:
        if rest[:1] == ("only_if",):  # looked at before the step runs
            return self._scopes.around(path)
        if rest[:1] == ("goal",):  # the author's and the site's words: what others said is given as data
            return self._scopes.goal
        scope = self._scopes.at(path)
        if rest[:1] == ("signal",) and isinstance(step, WaitStep) and step.signal:
            return scope.plus(signal=self._scopes.vocabulary.facts(step.signal.type))
        if rest[:1] == ("impact",) and isinstance(step, ApproveStep):
            return scope.plus(option=self._scopes.option(step, scope))
        return scope


def _wanted(path: Path) -> tuple[Type | None, bool]:
    """What the place takes, and whether it is a condition."""
    last = path[-1]
    if last in _CONDITIONS or last == "csv":
        return BOOL, True
    if last == "priority":
        return _PRIORITY, False
    if last in _SPANS:
        return TEXT, False
    return (_OPTIONS, False) if last == "options" else (None, False)


def _queries(definition: Definition, scopes: Scopes) -> Iterator[Problem]:
    for name, query in definition.context.items():
        known = scopes.vocabulary.queries.get(query.from_)
        path: Path = ("context", name)
        if known is None:
            near = hint(query.from_, scopes.vocabulary.queries)
            yield Problem((*path, "from"), f"no query '{query.from_}' is known{near}", "mos.type.query", "warning")
            continue
        yield from _arguments((*path, "where"), query.where, known.arguments, scopes, scopes.context)
        if query.otherwise is not None and not fits(type_of(query.otherwise), _loose(known.answer)):
            found, answer = show(type_of(query.otherwise)), show(known.answer)
            message = f"'{query.from_}' answers a {answer}: this {found} can't stand in for it"
            yield Problem((*path, "otherwise"), message, "mos.type.mismatch")


def _loose(answer: Type) -> Type:
    """What stands in for an answer may leave parts out."""
    if not isinstance(answer, Record):
        return answer
    return Record({name: Field(_loose(part.type), optional=True) for name, part in answer.fields.items()})


def _steps(definition: Definition, scopes: Scopes) -> Iterator[Problem]:
    for path, step in walk(definition.steps):
        at = document_path(definition, path)
        if isinstance(step, ProposeStep) and step.using in scopes.vocabulary.proposals:
            takes = scopes.vocabulary.proposals[step.using].arguments
            yield from _arguments((*at, "where"), step.where, takes, scopes, scopes.at(path))
        elif isinstance(step, PostStep):
            for index, (kind, values) in enumerate(pair for item in step.outcomes for pair in item.items()):
                yield from _outcome((*at, "outcomes", index), kind, values, scopes, scopes.at(path))
        elif isinstance(step, ForEachStep):
            found = scopes.type_of(step.in_, scopes.at(path))
            if not fits(found, ListOf(ANY)):
                yield Problem((*at, "in"), f"this is a {show(found)}: a loop needs a list", "mos.type.mismatch")
        elif isinstance(step, AgentStep):
            yield from _returned((*at, "returns"), step, scopes, scopes.at(path))
        elif isinstance(step, SwitchStep):
            yield from _cases(at, step, scopes.type_of(f"={step.switch}", scopes.at(path)))
        elif isinstance(step, ApproveStep) and not isinstance(step.options, str):
            found = scopes.type_of(step.plain_options, scopes.at(path))
            if not fits(found, _OPTIONS):
                yield Problem((*at, "options"), "each option needs an 'id' and a 'title'", "mos.type.mismatch")
        if isinstance(step, ApproveStep):
            yield from _impact((*at, "impact"), step, scopes, scopes.at(path))


def _returned(path: Path, step: AgentStep, scopes: Scopes, scope: Record) -> Iterator[Problem]:
    """What may be chosen from, and what stands in for an answer."""
    for name, wanted in step.returns.items():
        among = scopes.type_of(wanted.among, scope) if wanted.among else ListOf(TEXT)
        if not fits(among, ListOf(TEXT)):
            message = f"this is a {show(among)}: an agent chooses from a list of texts"
            yield Problem((*path, name, "among"), message, "mos.type.mismatch")
        own, stand_in = scopes.returned(wanted), step.otherwise.get(name)
        if name in step.otherwise and stand_in is not None:
            found = scopes.type_of(stand_in, scope)
            if not fits(found, replace(own, values=())):
                message = f"'{name}' is {_words(found)}: {_words(own)} is wanted"
                yield Problem((*path[:-1], "otherwise", name), message, "mos.type.mismatch")


def _impact(path: Path, step: ApproveStep, scopes: Scopes, scope: Record) -> Iterator[Problem]:
    """Figures are numbers; a lot or customer is a name, or a list of them."""
    inner = scope.plus(option=scopes.option(step, scope))
    for name, value in step.impact.items():
        found = scopes.type_of(value, inner)
        takes = (NUMBER, INTEGER) if name in ("money", "quantity") else (TEXT, ListOf(TEXT))
        if not any(fits(found, one) for one in takes):
            wanted = "a number" if takes[0] is NUMBER else "a name or a list of names"
            yield Problem((*path, name), f"'{name}' is {_words(found)}: {wanted} is wanted", "mos.type.mismatch")


def _cases(at: Path, step: SwitchStep, found: Type) -> Iterator[Problem]:
    values = getattr(found, "values", ())
    for name in step.cases:
        if values and name not in values:
            message = f"'{step.switch}' is never '{name}': it is one of {', '.join(values)}{hint(name, values)}"
            yield Problem((*at, "cases", name), message, "mos.type.value")


def _outcome(path: Path, kind: str, values: Json, scopes: Scopes, scope: Record) -> Iterator[Problem]:
    if kind not in _MODELS:
        yield Problem(path, f"no outcome '{kind}'{hint(kind, _MODELS)}", "mos.type.outcome")
    elif isinstance(values, dict):
        yield from _arguments((*path, kind), values, record_of(_MODELS[kind]), scopes, scope)


def _arguments(path: Path, given: dict[str, Json], takes: Record, scopes: Scopes, scope: Record) -> Iterator[Problem]:
    """Names and types of what is handed over; what an expression gives is known from its own check."""
    for name, value in given.items():
        part = takes.fields.get(name)
        if part is None:
            near = hint(name, takes.fields) or f": it takes {', '.join(takes.fields) or 'nothing'}"
            yield Problem((*path, name), f"'{name}' is not known here{near}", "mos.type.argument")
            continue
        found = scopes.type_of(value, scope)
        if not fits(found, part.type):
            message = f"'{name}' is {_words(found)}: {_words(part.type)} is wanted"
            yield Problem((*path, name), message, "mos.type.mismatch")
    for name, part in takes.fields.items():
        if not part.optional and name not in given:
            yield Problem(path, f"'{name}' is missing", "mos.type.argument")


def _words(type: Type) -> str:
    values = getattr(type, "values", ())
    return " or ".join(f"'{value}'" for value in values[:8]) if values else f"a {show(type)}"


@lru_cache(maxsize=64)
def record_of(model: type[BaseModel]) -> Record:
    """The fields of a model as a record; `kind` is its tag and nobody's to give."""
    fields = {
        name: Field(_annotated(field.annotation), optional=not field.is_required())
        for name, field in model.model_fields.items()
        if name != "kind"
    }
    return Record(fields)


_PLAIN: Mapping[Any, Type] = {str: TEXT, int: INTEGER, float: NUMBER, bool: BOOL, datetime: TIME}


def _annotated(annotation: Any) -> Type:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is list:
        return ListOf(_annotated(args[0]))
    if origin is Literal:
        return Scalar(Kind.TEXT, values=tuple(str(value) for value in args))
    if origin in (Union, types.UnionType):
        return _annotated(next(one for one in args if one is not type(None)))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return record_of(annotation)
    return _PLAIN.get(annotation, ANY)
