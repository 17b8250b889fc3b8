"""Expressions checked against declared types: what is wrong, where, and what to write instead. Pure.

Two checkers work together: CEL's own, over messages made of the declared types (`domain.typing.proto`), and the rules
for what JSON does not promise (`domain.typing.rules`).
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from domain.errors import ConfigError
from domain.typing import bounds
from domain.typing.cel import Ident, Node, Select, Tree, read_tree
from domain.typing.facts import Facts, facts_of, narrow
from domain.typing.proto import Checker
from domain.typing.rules import Rules
from domain.typing.tree import ANY, DURATION, NUMBER, TIME, Fault, Kind, Record, Type, fits, show

_PATH = re.compile(r"(?!(?:true|false|null|in)\b)[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
_PLACE = re.compile(r"(?:INVALID_ARGUMENT: )?ERROR: <input>:(-?\d+):(-?\d+): (.*?)(?: \[INVALID_ARGUMENT\])?")
_OVERLOAD = re.compile(r"found no matching overload for '(.+?)' applied to '(.*)'")
_JSON = {Kind.DOUBLE: NUMBER, Kind.MOMENT: TIME, Kind.SPAN: DURATION}
_CEL_WORDS = {"string": "text", "int": "integer", "double": "number", "null_type": "null", "dyn": "any"}


class ExpressionError(ConfigError):
    """An expression is refused; `faults` say why and where in it."""

    code = "mos.expression.invalid"

    def __init__(self, source: str, faults: list[Fault]) -> None:
        self.faults = faults
        lines = [f"at {fault.line}:{fault.column}: {fault.message}" for fault in faults]
        super().__init__("\n".join(lines), detail=pointer(source, faults[0]), code=faults[0].code)


@dataclass(frozen=True)
class Checked:
    """What an expression gives, and everything found in it, warnings too."""

    type: Type
    faults: tuple[Fault, ...] = ()

    @property
    def errors(self) -> list[Fault]:
        return [fault for fault in self.faults if fault.severity == "error"]


def pointer(source: str, fault: Fault) -> str:
    """The line that is wrong, and a caret below the place."""
    lines = source.splitlines() or [""]
    line = lines[min(fault.line, len(lines)) - 1]
    return f" | {line}\n | {'.' * (fault.column - 1)}^"


def check_expression(source: str, scope: Record) -> Type:
    """What the expression gives where `scope` may be read. Raises ExpressionError with line, column and caret."""
    found = TypeChecker(scope).examine(source)
    if found.errors:
        raise ExpressionError(source.removeprefix("="), found.errors)
    return found.type


class TypeChecker:
    """Checks many expressions that may read the same scope. `wider`: a checker whose scope has the same names and more,
    as far as CEL is concerned: it is built once for them all."""

    def __init__(self, scope: Record, wider: "TypeChecker | None" = None) -> None:
        self.scope = scope
        self._wider = wider
        self._checker: Checker | None = None

    def examine(self, source: str, wanted: Type | None = None, *, condition: bool = False) -> Checked:
        """Everything found. `wanted`: what the place takes; `condition`: what is missing there makes it false."""
        source = source.removeprefix("=")
        path = _PATH.fullmatch(source)
        if path:
            return self._walk(source, Tree(_chain(source)), None, (wanted, condition), [])
        try:
            bounds.check_source(source)
            tree, findings = self._compile(source)
            bounds.check_tree(tree.root)
        except ExpressionError as error:
            return Checked(ANY, tuple(error.faults))
        except ConfigError as error:
            return Checked(ANY, (Fault(1, 1, error.message, error.code),))
        return self._walk(source, tree, self._cel, (wanted, condition), findings)

    def narrowed(self, condition: str, *, holds: bool = True) -> Record:
        """What may be read where the condition was looked at and held (or not). A wrong condition tells nothing."""
        true, false = _told(condition.removeprefix("="))
        return narrow(self.scope, true if holds else false)

    @property
    def _cel(self) -> Checker:
        if self._wider is not None:
            return self._wider._cel
        if self._checker is None:
            self._checker = Checker(self.scope)
        return self._checker

    def _compile(self, source: str) -> tuple[Tree, list[Fault]]:
        """The checked tree; else the parsed one with what CEL's checker says. Raises ExpressionError for bad syntax."""
        try:
            return read_tree(self._cel.compile(source)), []
        except RuntimeError as error:  # the binding's only error type
            findings = _faults(str(error), "mos.type.mismatch")
        try:
            return read_tree(self._cel.parse(source)), findings
        except RuntimeError as error:
            raise ExpressionError(source, _faults(str(error), "mos.expression.syntax")) from error

    def _walk(
        self, source: str, tree: Tree, checker: Checker | None, place: tuple[Type | None, bool], findings: list[Fault]
    ) -> Checked:
        wanted, condition = place
        rules = Rules(source, tree, checker if tree.types else None, condition=condition)
        found = rules.type_of(tree.root, self.scope)
        told = [fault for fault in rules.faults if fault.severity == "error"]
        faults = rules.faults if told else [*findings, *rules.faults]  # ours say what to write instead
        type = _JSON.get(found.kind, found) if hasattr(found, "kind") else found
        if wanted is not None and not faults and not fits(type, wanted):
            faults = [Fault(1, 1, f"this gives {_shown(type)}: {_shown(wanted)} is wanted here", "mos.type.mismatch")]
        return Checked(type, tuple(faults))


@lru_cache(maxsize=2048)
def _told(condition: str) -> tuple[Facts, Facts]:
    """What is known when it holds and when it does not: that depends on its syntax alone."""
    try:
        return facts_of(read_tree(_SYNTAX.parse(condition)).root)
    except RuntimeError:
        return frozenset(), frozenset()


_SYNTAX = Checker(Record())


def _shown(type: Type) -> str:
    values = getattr(type, "values", ())
    return " or ".join(f"'{value}'" for value in values[:8]) if values else show(type)


def _chain(source: str) -> Node:
    """`a.b.c` as a tree, without the runtime: most expressions are nothing else."""
    first, *rest = source.split(".")
    node: Node = Ident(0, 0, first)
    at = len(first)
    for name in rest:
        node = Select(0, at, node, name, False)
        at += 1 + len(name)
    return node


def _faults(text: str, code: str) -> list[Fault]:
    """The runtime's findings in our words; it has no other form than this text."""
    matches = (_PLACE.fullmatch(line) for line in text.splitlines())
    found = [
        Fault(max(int(match[1]), 1), max(int(match[2]), 1), _readable(match[3]), code)
        for match in matches
        if match and int(match[1]) < 2**31
    ]
    return found[:5] or [Fault(1, 1, text.splitlines()[0], code)]


def _readable(message: str) -> str:
    overload = _OVERLOAD.fullmatch(message)
    if not overload:
        return message.removesuffix(" (in container '')").split(" expecting {")[0]
    operator = overload[1].strip("_@").replace("_", " ")
    types = re.sub(r"record\.\w+", "record", overload[2].removeprefix("(").removesuffix(")"))
    types = re.sub(r"google\.protobuf\.(\w+)", lambda name: name[1].lower(), types)
    types = re.sub(r"wrapper\((\w+)\)", r"\1 (or null)", types)
    types = re.sub(r"\w+", lambda word: _CEL_WORDS.get(word[0], word[0]), types)
    return f"'{operator}' does not fit {types.replace(', ', ' and ')}"
