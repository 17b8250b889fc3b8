"""Reading a definition from YAML: every finding with file:line:column, what is wrong and what to write instead."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError

from domain.errors import ConfigError
from domain.language import misfits
from domain.language.definition import STEP_KINDS, Definition
from domain.language.definition_rules import Problem, problems
from domain.typing.definitions import TypedTextCheck, type_problems

_SIZE_LIMIT = 256_000
_DEPTH_LIMIT = 40
_CODES = {
    "extra_forbidden": "mos.definition.unknown_field",
    "missing": "mos.definition.missing_field",
    "unknown_step": "mos.definition.unknown_step",
}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where the wheel has it

Path = tuple[str | int, ...]


class Mark(NamedTuple):
    """Where a thing stands (its key, if it has one); of a text also where its first character stands, and what it is,
    if the document has it on one line as it is."""

    line: int
    column: int
    text_at: tuple[int, int] | None = None
    text: str = ""


Marks = dict[Path, Mark]


@dataclass(frozen=True)
class Finding:
    """One thing wrong, at 1-based line and column; `code` is stable, `severity` is error, warning or note;
    `suggestion`: what to write or do instead, as far as the message does not say it."""

    line: int
    column: int
    message: str
    code: str = "mos.definition.invalid"
    severity: str = "error"
    suggestion: str = ""


class DefinitionError(ConfigError):
    """The document is refused; `findings` say where and why."""

    code = "mos.definition.invalid"

    def __init__(self, file: str, findings: list[Finding]) -> None:
        self.findings = findings
        lines = [f"{file}:{f.line}:{f.column}: {f.message}" for f in findings]
        super().__init__("\n".join(lines))


def load(text: str, file: str = "definition.yaml", check_text: TypedTextCheck | None = None) -> Definition:
    """The definition in this YAML text. Raises DefinitionError with every finding."""
    definition, findings = examine(text, file, check_text)
    errors = [finding for finding in findings if finding.severity == "error"]
    if definition is None or errors:
        raise DefinitionError(file, errors)
    return definition


def examine(text: str, file: str, check_text: TypedTextCheck | None) -> tuple[Definition | None, list[Finding]]:
    """The definition as far as it can be read, and everything found in it, warnings too."""
    definition, marks, found = shape(text, file)
    if definition is None:
        return None, found
    wrong = [*problems(definition), *type_problems(definition, check_text)]
    return definition, [place(marks, problem) for problem in wrong]


def shape(text: str, file: str) -> tuple[Definition | None, Marks, list[Finding]]:
    """The definition if it has the right shape, where everything stands, and what keeps it from having that shape."""
    marks: Marks = {}
    try:
        data, marks = read(text, file)
        return Definition.model_validate(data), marks, []
    except DefinitionError as error:
        return None, marks, error.findings
    except ValidationError as error:
        found = dict.fromkeys(_finding(marks, data, dict(item)) for item in error.errors())
        return None, marks, sorted(found, key=lambda f: (f.line, f.column))


def place(marks: Marks, problem: Problem) -> Finding:
    """A problem at its place in the document: within an expression or text, if that stands on one line; else at the
    field, and the message says where in it."""
    found = _at(marks, problem.path, problem.message)
    if problem.inside:
        line, column = problem.inside
        mark = marks.get(problem.path)
        if mark and mark.text_at and mark.text == problem.of and line == 1:
            found = replace(found, line=mark.text_at[0], column=mark.text_at[1] + column - 1)
        else:
            found = replace(found, message=f"at {line}:{column}: {problem.message}")
    return replace(found, code=problem.code, severity=problem.severity, suggestion=problem.suggestion)


def read(text: str, file: str) -> tuple[Any, Marks]:
    """The document as plain values, and where each stands. Raises DefinitionError."""
    if len(text) > _SIZE_LIMIT:
        raise DefinitionError(file, [_too_long()])
    try:
        _refuse_depth(text, file)
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise DefinitionError(file, [_no_yaml(line, column, str(error.problem))]) from None
    except yaml.reader.ReaderError as error:
        line, column = text.count("\n", 0, error.position) + 1, error.position - text.rfind("\n", 0, error.position)
        raise DefinitionError(file, [_no_yaml(line, column, str(error.reason))]) from None
    marks: Marks = {}
    reader = _Reader(file, marks)
    return (reader.value(node, ()) if node else None), marks


def _too_long() -> Finding:
    return Finding(1, 1, f"longer than {_SIZE_LIMIT} characters: split the definition", "mos.yaml.size")


def _no_yaml(line: int, column: int, what: str) -> Finding:
    return Finding(line, column, f"no valid YAML: {what}", "mos.yaml.syntax")


def _refuse_depth(text: str, file: str) -> None:
    """Composing recurses, and in C that ends the process: look at the nesting before (parsing does not recurse)."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH_LIMIT:
            line, column = (event.start_mark.line, event.start_mark.column) if event.start_mark else (0, 0)
            message = "no deeper nesting than this: nobody could read it"
            finding = Finding(line + 1, column + 1, message, "mos.yaml.depth")
            raise DefinitionError(file, [finding])


class _Reader:
    """YAML nodes to plain values, remembering where each stood. No aliases (no anchor bombs), no repeated keys."""

    def __init__(self, file: str, marks: Marks) -> None:
        self._file, self._marks = file, marks
        self._seen: set[int] = set()
        self._scalars = yaml.SafeLoader("")

    def value(self, node: yaml.Node, path: Path) -> Any:
        self._marks[path] = _mark(node)
        if id(node) in self._seen or len(path) > _DEPTH_LIMIT:
            self._refuse(node, "no aliases or deeper nesting here: write the value out", "mos.yaml.alias")
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
                self._refuse(key_node, f"'{key}' stands here twice: keep one", "mos.yaml.twice")
            found[key] = self.value(item, (*path, key))
            at = key_node.start_mark
            self._marks[(*path, key)] = self._marks[(*path, key)]._replace(line=at.line + 1, column=at.column + 1)
        return found

    def _refuse(self, node: yaml.Node, message: str, code: str) -> None:
        mark = node.start_mark
        raise DefinitionError(self._file, [Finding(mark.line + 1, mark.column + 1, message, code)])


def _mark(node: yaml.Node) -> Mark:
    """A quoted text counts as it is when nothing in it is escaped."""
    start, end = node.start_mark, node.end_mark
    line, column = start.line + 1, start.column + 1
    if not isinstance(node, yaml.ScalarNode) or node.style in ("|", ">") or start.line != end.line:
        return Mark(line, column)
    quotes = 1 if node.style else 0
    as_it_is = end.column - start.column == len(node.value) + 2 * quotes
    return Mark(line, column, (line, column + quotes), node.value) if as_it_is else Mark(line, column)


def _at(marks: Marks, path: Path, message: str) -> Finding:
    while path and path not in marks:
        path = path[:-1]
    mark = marks.get(path, Mark(1, 1))
    return Finding(mark.line, mark.column, message)


def _finding(marks: Marks, data: Any, error: dict[str, Any]) -> Finding:
    path: Path = ()
    loc = error["loc"]
    for part, following in zip(loc, (*loc[1:], None), strict=False):
        # pydantic adds the union's tags (the step kinds) to the path: skip them, and what the document does not have
        is_tag = part in STEP_KINDS and (*path, following) in marks
        if (*path, part) in marks and not is_tag:
            path = (*path, part)
    message, code = misfits.words(error, Definition), _CODES.get(error["type"], "mos.definition.value")
    if error["type"] == "string_type" and isinstance(error["input"], int | float):
        number = str(error["input"]).lower()  # true and false are numbers to Python
        message = f"a text is needed here: a time has its unit ({number}m), anything else quotes ('{number}')"
        if isinstance(error["input"], bool):
            message = f"a text is needed here: put it in quotes ('{number}')"
    return replace(_at(marks, path, message), code=code)
