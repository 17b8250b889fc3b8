"""Conditions and values in CEL (Common Expression Language, github.com/google/cel-spec), compiled once, evaluated
purely.

A text that begins with `=` is an expression wherever a definition takes data; `when`, `if` and `until` are always
expressions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from cel_expr_python import cel

from domain.errors import ConfigError
from domain.typing import bounds
from domain.typing.cel import read_tree
from domain.typing.reads import ABSENT, Wanted, cut, follow, path_in, reads
from domain.values import Json, iso


class Undefined(ConfigError):
    """The expression is right but names a value that is not there (yet)."""

    code = "mos.expression.undefined"


def is_expression(value: Json) -> bool:
    return isinstance(value, str) and value.startswith("=")


@dataclass(frozen=True)
class _Compiled:
    """An expression within its bounds. `reads`: the names that stand in it, and what is read of each; `looped`: those
    of them whose lists are counted before each evaluation."""

    expression: cel.Expression
    reads: tuple[tuple[str, Wanted], ...]
    looped: frozenset[str]


@lru_cache(maxsize=512)
def _environment(names: frozenset[str]) -> cel.Env:
    """One for all expressions over the same names: it takes a hundred times as much memory as an expression."""
    return cel.NewEnv(variables=dict.fromkeys(sorted(names), cel.Type.DYN))


@lru_cache(maxsize=4096)
def _compiled(source: str, names: frozenset[str]) -> _Compiled:
    bounds.check_source(source)
    try:
        expression = _environment(names).compile(source)
    except RuntimeError as error:  # the binding's only error type
        raise ConfigError(_readable(str(error)), code="mos.expression.invalid") from error
    root = read_tree(expression.serialize()).root
    looped = bounds.check_tree(root)
    return _Compiled(expression, tuple((name, part) for name, part in reads(root).items() if name in names), looped)


def _readable(text: str) -> str:
    first = text.removeprefix("INVALID_ARGUMENT: ").split("\n")[0]
    return first.replace("ERROR: <input>:", "at ").strip()


def check(source: str, names: frozenset[str]) -> None:
    """Raises ConfigError with `at line:column: what` when the text is no expression over these names."""
    _compiled(source.removeprefix("="), names)


def evaluate(source: str, scope: Mapping[str, Json]) -> Json:
    """The value of the expression as JSON. Raises Undefined for a missing key, ConfigError for anything else."""
    path = path_in(source)
    found = follow(path, scope) if path else ABSENT
    return _evaluated(source, scope) if found is ABSENT else found


def _evaluated(source: str, scope: Mapping[str, Json]) -> Json:
    compiled = _compiled(source.removeprefix("="), frozenset(scope))
    bounds.check_data(scope[name] for name in compiled.looped if name in scope)
    try:
        result = compiled.expression.eval(data={name: cut(scope[name], part) for name, part in compiled.reads})
    except RuntimeError as error:  # its limit of loop steps
        raise ConfigError(f"'{source}' cannot be evaluated: {error}", code="mos.expression.too_long") from error
    if result.type() == cel.Type.ERROR:
        text = str(result)
        kind = Undefined if text.startswith("NOT_FOUND") else ConfigError
        raise kind(f"'{source}' cannot be evaluated: {text}")
    return _json(result.plain_value())


def _json(value: Json) -> Json:
    """CEL's own timestamps and durations as the texts in which values travel."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, timedelta):
        if value < timedelta():
            raise ConfigError("an expression gave a negative duration", code="mos.expression.invalid")
        return f"{int(value.total_seconds())}s"
    if isinstance(value, list):
        return [_json(item) for item in value]
    return {key: _json(item) for key, item in value.items()} if isinstance(value, dict) else value


def holds(source: str, scope: Mapping[str, Json]) -> bool:
    """Is the condition true? A missing value makes it false: what is not known yet does not hold."""
    try:
        return evaluate(source, scope) is True
    except Undefined:
        return False


def resolve(value: Json, scope: Mapping[str, Json]) -> Json:
    """The same JSON with every `=expression` in it replaced by its value; `==` at the start gives a literal `=`."""
    if isinstance(value, dict):
        return {key: resolve(item, scope) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, scope) for item in value]
    if isinstance(value, str) and value.startswith("=="):
        return value[1:]
    return evaluate(value, scope) if is_expression(value) else value


def expressions_in(value: Json) -> list[str]:
    """Every `=expression` inside a JSON value."""
    if isinstance(value, dict):
        return [found for item in value.values() for found in expressions_in(item)]
    if isinstance(value, list):
        return [found for item in value for found in expressions_in(item)]
    return [value] if is_expression(value) and not value.startswith("==") else []
