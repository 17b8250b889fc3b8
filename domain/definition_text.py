"""Reading a definition from YAML: every finding with file:line:column, what is wrong and what to write instead."""

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import ValidationError

from domain import expressions
from domain.definition import (
    STEP_KINDS,
    ApproveStep,
    Definition,
    IfStep,
    NotifyStep,
    PostStep,
    TaskStep,
    WaitStep,
    step_name,
    walk,
)
from domain.errors import ConfigError

BUILT_IN_NAMES = frozenset({"signal", "equipment", "exception", "opened_at", "params", "machine", "site"})
_SIZE_LIMIT = 256_000
_DEPTH_LIMIT = 40

Path = tuple[str | int, ...]
Marks = dict[Path, tuple[int, int]]
TextCheck = Callable[[str], set[str]]
"""Checks a Jinja text and gives the root names that it reads; raises ConfigError."""


@dataclass(frozen=True)
class Finding:
    """One thing wrong, at 1-based line and column."""

    line: int
    column: int
    message: str


class DefinitionError(ConfigError):
    """The document is refused; `findings` say where and why."""

    code = "mos.definition.invalid"

    def __init__(self, file: str, findings: list[Finding]) -> None:
        self.findings = findings
        lines = [f"{file}:{f.line}:{f.column}: {f.message}" for f in findings]
        super().__init__("\n".join(lines))


def load(text: str, file: str = "definition.yaml", check_text: TextCheck | None = None) -> Definition:
    """The definition in this YAML text. Raises DefinitionError with every finding."""
    data, marks = _read(text, file)
    try:
        definition = Definition.model_validate(data)
    except ValidationError as error:
        findings = [_finding(marks, data, dict(item)) for item in error.errors()]
        raise DefinitionError(file, sorted(set(findings), key=lambda f: (f.line, f.column))) from None
    findings = [_at(marks, path, message) for path, message in _semantic(definition, check_text)]
    if findings:
        raise DefinitionError(file, findings)
    return definition


def _read(text: str, file: str) -> tuple[Any, Marks]:
    if len(text) > _SIZE_LIMIT:
        raise DefinitionError(file, [Finding(1, 1, f"longer than {_SIZE_LIMIT} characters: split the definition")])
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise DefinitionError(file, [Finding(line, column, f"no valid YAML: {error.problem}")]) from None
    except yaml.reader.ReaderError as error:
        line, column = text.count("\n", 0, error.position) + 1, error.position - text.rfind("\n", 0, error.position)
        raise DefinitionError(file, [Finding(line, column, f"no valid YAML: {error.reason}")]) from None
    except RecursionError:
        raise DefinitionError(file, [Finding(1, 1, "nested too deeply: nobody could read it")]) from None
    marks: Marks = {}
    reader = _Reader(file, marks)
    return (reader.value(node, ()) if node else None), marks


class _Reader:
    """YAML nodes to plain values, remembering where each stood. No aliases (no anchor bombs), no repeated keys."""

    def __init__(self, file: str, marks: Marks) -> None:
        self._file, self._marks = file, marks
        self._seen: set[int] = set()
        self._scalars = yaml.SafeLoader("")

    def value(self, node: yaml.Node, path: Path) -> Any:
        self._marks[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        if id(node) in self._seen or len(path) > _DEPTH_LIMIT:
            self._refuse(node, "no aliases or deeper nesting here: write the value out")
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        if node.tag.endswith((":timestamp", ":value")):
            return node.value
        return self._scalars.construct_object(node)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, item in node.value:
            key = "on" if key_node.value == "on" else str(key_node.value)
            if key in found:
                self._refuse(key_node, f"'{key}' stands here twice: keep one")
            found[key] = self.value(item, (*path, key))
            self._marks[(*path, key)] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        return found

    def _refuse(self, node: yaml.Node, message: str) -> None:
        mark = node.start_mark
        raise DefinitionError(self._file, [Finding(mark.line + 1, mark.column + 1, message)])


def _at(marks: Marks, path: Path, message: str) -> Finding:
    while path and path not in marks:
        path = path[:-1]
    line, column = marks.get(path, (1, 1))
    return Finding(line, column, message)


def _finding(marks: Marks, data: Any, error: dict[str, Any]) -> Finding:
    path: Path = ()
    loc = error["loc"]
    for part, following in zip(loc, (*loc[1:], None), strict=False):
        # pydantic adds the union's tags (the step kinds) to the path: skip them, and what the document does not have
        is_tag = part in STEP_KINDS and (*path, following) in marks
        if (*path, part) in marks and not is_tag:
            path = (*path, part)
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = f"unknown field '{error['loc'][-1]}'"
    elif error["type"] == "missing":
        message = f"'{error['loc'][-1]}' is missing"
    return _at(marks, path, message)


def _semantic(definition: Definition, check_text: TextCheck | None) -> Iterator[tuple[Path, str]]:
    names = declared_names(definition)
    for path, source in _conditions(definition):
        try:
            expressions.check(source, names)
        except ConfigError as error:
            yield path, _with_hint(error.message, names)
    if check_text:
        yield from _text_findings(definition, check_text, names)
    yield from _authorities(definition)


def _text_findings(definition: Definition, check_text: TextCheck, names: frozenset[str]) -> Iterator[tuple[Path, str]]:
    for path, text in _texts(definition):
        try:
            unknown = check_text(text) - names
        except ConfigError as error:
            yield path, error.message
            continue
        for name in sorted(unknown):
            yield path, _with_hint(f"undeclared reference to '{name}'", names)


def declared_names(definition: Definition) -> frozenset[str]:
    """Every name that conditions and texts of this definition may read."""
    steps = {step_name(step) for _, step in walk(definition.steps)} - {""}
    return BUILT_IN_NAMES | set(definition.context) | steps


def _with_hint(message: str, names: frozenset[str]) -> str:
    quoted = message.split("'")
    root = quoted[1].split(".")[0] if len(quoted) > 1 else ""
    near = difflib.get_close_matches(root, sorted(names), n=1)
    return f"{message}; did you mean '{near[0]}'?" if near else message


def _conditions(definition: Definition) -> Iterator[tuple[Path, str]]:
    yield ("opens", "when"), definition.opens.when
    for index, key in enumerate(definition.opens.one_per):
        yield ("opens", "one_per", index), key
    if definition.closes.when:
        yield ("closes", "when"), definition.closes.when
    for name, query in definition.context.items():
        yield from ((("context", name, "where"), source) for source in expressions.expressions_in(query.where))
    for path, step in walk(definition.steps):
        at = _yaml_path(path)
        if isinstance(step, IfStep):
            yield (*at, "if"), step.if_
            continue
        if isinstance(step, WaitStep):
            yield (*at, "until"), step.until
        for field, value in step.model_dump(mode="json", by_alias=True, exclude={"parallel"}).items():
            yield from (((*at, field), source) for source in expressions.expressions_in(value))


def _texts(definition: Definition) -> Iterator[tuple[Path, str]]:
    yield ("title",), definition.title
    for path, step in walk(definition.steps):
        if isinstance(step, TaskStep | NotifyStep | ApproveStep):
            at = _yaml_path(path)
            yield (*at, "title"), step.title
            yield (*at, "text"), step.text
            yield from (((*at, "facts", label), text) for label, text in step.facts.items())


def _authorities(definition: Definition) -> Iterator[tuple[Path, str]]:
    standing = set(definition.standing_authority.outcomes) if definition.standing_authority else set()
    decisions = {step_name(step) for _, step in walk(definition.steps) if isinstance(step, ApproveStep | TaskStep)}
    for path, step in walk(definition.steps):
        if not isinstance(step, PostStep):
            continue
        kinds = {kind for outcome in step.outcomes for kind in outcome}
        if step.standing and not kinds <= standing:
            yield _yaml_path(path), f"standing_authority does not cover {', '.join(sorted(kinds - standing))}"
        elif not step.standing and step.decision not in decisions:
            yield _yaml_path(path), "a post needs 'decision: <approve or task step>' or 'standing: true'"


def _yaml_path(path: str) -> Path:
    """`1.planning.0` as the document's path `steps, 1, parallel, planning, 0`."""
    found: list[str | int] = ["steps"]
    for part in path.split("."):
        if part.isdigit():
            found.append(int(part))
        else:
            found += [part] if part in ("then", "else") else ["parallel", part]
    return tuple(found)
