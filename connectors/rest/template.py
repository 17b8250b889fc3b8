"""Templates of the mapping: JSON with CEL in it. Pure.

A text that begins with `=` is an expression. Objects with one of these keys are made into a value:
`{$each: list, $as: name, $do: template}` a list; `{$text: "order {item}"}` a text with expressions in braces;
`{$date: time}` its day and `{$local: time}` its time without zone, both in the mapping's time zone;
`{$join: list, $with: ","}` one text.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from domain.errors import ConfigError, InvalidPayloadError
from domain.language.expressions import Undefined, check, evaluate, is_expression
from domain.values import Json, parse_time

_PART = re.compile(r"\{([^{}]+)\}")
_PARTNERS = {
    "$each": {"$as", "$do"},
    "$text": set[str](),
    "$date": set[str](),
    "$local": set[str](),
    "$join": {"$with"},
}
Scope = Mapping[str, Json]


def render(value: Json, scope: Scope, zone: ZoneInfo) -> Json:
    """The template's value. Raises InvalidPayloadError when it reads what is not there."""
    if isinstance(value, list):
        return [render(item, scope, zone) for item in value]
    if isinstance(value, dict):
        name = _directive(value)
        return (
            _made(name, value, scope, zone) if name else {key: render(item, scope, zone) for key, item in value.items()}
        )
    if isinstance(value, str) and value.startswith("=="):
        return value[1:]
    return _value(value, scope) if is_expression(value) else value


def text(template: str, scope: Scope, *, quoted: bool = False) -> str:
    """A text with `{expression}` parts; `quoted`: each part is percent-encoded, as a path needs it."""

    def part(match: re.Match[str]) -> str:
        value = _plain(_value(match.group(1), scope))
        if quoted and value in ("", ".", ".."):
            raise InvalidPayloadError(f"'{template}': '{match.group(1)}' is empty or no name.")
        return quote(value, safe="") if quoted else value

    return _PART.sub(part, template)


def _value(source: str, scope: Scope) -> Json:
    try:
        return evaluate(source, scope)
    except Undefined as error:
        raise InvalidPayloadError(f"The mapping reads what is not there: {source}", detail=error.message) from error


def _plain(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def _directive(value: Mapping[str, Json]) -> str:
    return next((key for key in value if key in _PARTNERS), "")


def _made(name: str, value: Mapping[str, Json], scope: Scope, zone: ZoneInfo) -> Json:
    return _MAKERS[name](value, scope, zone)


def _each(value: Mapping[str, Json], scope: Scope, zone: ZoneInfo) -> Json:
    items = render(value["$each"], scope, zone)
    if not isinstance(items, list):
        raise InvalidPayloadError(f"The mapping goes through what is no list: {value['$each']}")
    return [render(value["$do"], {**scope, value.get("$as", "item"): item}, zone) for item in items]


def _join(value: Mapping[str, Json], scope: Scope, zone: ZoneInfo) -> Json:
    return str(value.get("$with", ",")).join(_plain(item) for item in render(value["$join"], scope, zone))


def _moment(value: Json, scope: Scope, zone: ZoneInfo) -> datetime | None:
    found = render(value, scope, zone)
    try:
        return parse_time(found).astimezone(zone) if found else None
    except (TypeError, ValueError) as error:
        raise InvalidPayloadError(f"The mapping takes this for a time: {found!r}") from error


def _date(value: Mapping[str, Json], scope: Scope, zone: ZoneInfo) -> Json:
    moment = _moment(value["$date"], scope, zone)
    return moment.date().isoformat() if moment else None


def _local(value: Mapping[str, Json], scope: Scope, zone: ZoneInfo) -> Json:
    moment = _moment(value["$local"], scope, zone)
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") if moment else None


_MAKERS: Mapping[str, Callable[[Mapping[str, Json], Scope, ZoneInfo], Json]] = {
    "$each": _each,
    "$text": lambda value, scope, _: text(value["$text"], scope),
    "$date": _date,
    "$local": _local,
    "$join": _join,
}


def check_template(value: Json, names: Iterable[str]) -> None:
    """Raises ConfigError with what is wrong in the template, whose expressions may read these names."""
    known = frozenset(names)
    if isinstance(value, list):
        for item in value:
            check_template(item, known)
    elif isinstance(value, dict):
        _check_object(value, known)
    elif is_expression(value) and not value.startswith("=="):
        _check(value, known)


def _check_object(value: Mapping[str, Json], names: frozenset[str]) -> None:
    name = _directive(value)
    strange = [key for key in value if key.startswith("$") and key not in {name, *_PARTNERS.get(name, ())}]
    if strange or (name and len(value) > 1 + len(_PARTNERS[name] & set(value))):
        raise ConfigError(f"{strange or list(value)} is no directive: use {', '.join(_PARTNERS)}, alone in its object")
    if name == "$each":
        if "$do" not in value:
            raise ConfigError("$each needs $do: what becomes of each element")
        check_template(value["$each"], names)
        check_template(value["$do"], names | {str(value.get("$as", "item"))})
    elif name == "$text":
        check_text(value["$text"], names)
    else:
        for item in value.values():
            check_template(item, names)


def check_text(template: Any, names: Iterable[str]) -> None:
    """Raises ConfigError with what is wrong in a text with `{expression}` parts."""
    if not isinstance(template, str):
        raise ConfigError(f"{template!r} is no text")
    rest = _PART.sub("", template)
    if "{" in rest or "}" in rest:
        raise ConfigError(f"'{template}': each {{ needs its }}, and an expression in a text has no braces of its own")
    for source in _sources(template):
        _check(source, frozenset(names))


def _sources(template: str) -> Iterator[str]:
    return (match.group(1) for match in _PART.finditer(template))


def _check(source: str, names: frozenset[str]) -> None:
    try:
        check(source, names)
    except ConfigError as error:
        raise ConfigError(f"'{source}': {error.message}; it may read {', '.join(sorted(names))}") from None
