"""What CEL's own checker can't know of JSON: parts that may be missing, null, numbers, times as text, listed values.

Pure. Every rule stands for an expression that passes CEL's checker over JSON and then fails, or is never true, in the
plant: `signal.value * 2` (31.5 is no integer), `signal.wanted < opened_at` (compares letters), `state == 'abortd'`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from domain.typing.cel import Call, Const, Entries, Ident, Items, Loop, Node, Select, Tree
from domain.typing.facts import facts_of, narrow
from domain.typing.proto import Checker
from domain.typing.tree import (
    ANY,
    BOOL,
    DOUBLE,
    INTEGER,
    MOMENT,
    NULL,
    NUMERIC,
    SPAN,
    TEXT,
    TEXTUAL,
    UNKNOWN,
    Fault,
    Field,
    Kind,
    ListOf,
    MapOf,
    Record,
    Scalar,
    Type,
    hint,
    join,
    show,
)
from domain.values import duration, parse_time

_ORDER = {"_<_": "<", "_<=_": "<=", "_>_": ">", "_>=_": ">="}
_ARITHMETIC = {"_-_": "-", "_*_": "*", "_/_": "/", "_%_": "%"}
_FUNCTIONS = frozenset(
    [
        *("all", "bool", "bytes", "contains", "double", "duration", "dyn", "endsWith", "exists", "exists_one"),
        *("filter", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours"),
        *("getMilliseconds", "getMinutes", "getMonth", "getSeconds", "has", "int", "map", "matches", "size"),
        *("startsWith", "string", "timestamp", "type", "uint"),
    ]
)
_TYPE_NAMES = frozenset(
    {"bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint", "google"}
)
_CONVERSIONS: Mapping[str, Type] = {"string": TEXT, "double": DOUBLE, "int": INTEGER, "uint": INTEGER, "bool": BOOL}


class Rules:
    """Walks one expression. `faults` is what it found; `condition`: what is missing makes it false and is no fault."""

    def __init__(self, source: str, tree: Tree, checker: Checker | None, *, condition: bool) -> None:
        self.faults: list[Fault] = []
        self._source, self._tree, self._checker = source, tree, checker
        self._condition = condition
        self._calls: Mapping[str, Callable[[Call, Record], Type]] = {
            "_?_:_": self._choice,
            "_&&_": partial(self._both, True),
            "_||_": partial(self._both, False),
            "_==_": self._compare,
            "_!=_": self._compare,
            "@in": self._is_in,
            "_+_": self._plus,
            "_[_]": self._index,
            "timestamp": self._timestamp,
            "duration": self._duration,
            "size": self._size,
            **dict.fromkeys(_ORDER, self._order),
            **dict.fromkeys(_ARITHMETIC, self._arithmetic),
            **dict.fromkeys(_CONVERSIONS, self._convert),
        }

    def type_of(self, node: Node, scope: Record) -> Type:
        """The type of a part of the expression, where `scope` may be read."""
        if isinstance(node, Const):
            return _literal(node)
        if isinstance(node, Ident):
            return self._name(node, scope)
        if isinstance(node, Select):
            return self._select(node, scope)
        if isinstance(node, Items):
            return ListOf(join(self.type_of(item, scope) for item in node.items))
        if isinstance(node, Entries):
            return self._entries(node, scope)
        if isinstance(node, Loop):
            return self._loop(node, scope)
        assert isinstance(node, Call)
        return self._calls.get(node.function, self._call)(node, scope)

    def fault(self, at: int, message: str, code: str, severity: str = "error") -> None:
        """Keep a finding at a place in the source, once."""
        before = self._source[:at]
        line, column = before.count("\n") + 1, at - before.rfind("\n")
        found = Fault(line, column, message, f"mos.type.{code}", severity)
        if found not in self.faults:
            self.faults.append(found)

    # -- names --------------------------------------------------------------------------------------------------------

    def _name(self, node: Ident, scope: Record) -> Type:
        if node.name in scope.fields:
            return scope.fields[node.name].type
        if not node.name.startswith("@") and node.name not in _TYPE_NAMES:
            near = hint(node.name, (name for name in scope.fields if not name.startswith("@")))
            self.fault(node.at, f"undeclared reference to '{node.name}'{near}", "name")
        return ANY

    def _select(self, node: Select, scope: Record) -> Type:
        owner = self.type_of(node.operand, scope)
        found = self._part(node, _text(node.operand), node.name, owner)
        return BOOL if node.test else found

    def _part(self, node: Node, owner_name: str, name: str, owner: Type) -> Type:
        """The type of `owner.name`, which is there or told of."""
        at = self._source.find(name, node.operand.at) if isinstance(node, Select) else node.at
        if isinstance(owner, MapOf):
            return owner.value
        if isinstance(owner, ListOf):
            how = f"write {owner_name}[0].{name} or {owner_name}.map(item, item.{name})"
            self.fault(at, f"'{owner_name}' is a list: {how}", "field")
        elif isinstance(owner, Scalar) and owner.kind not in UNKNOWN:
            self.fault(at, f"'{owner_name}' is a {show(owner)} and has no '{name}'", "field")
        elif isinstance(owner, Record):
            return self._field(node, at, owner_name, name, owner)
        return ANY

    def _field(self, node: Node, at: int, owner_name: str, name: str, owner: Record) -> Type:
        part, path, tested = owner.fields.get(name), f"{owner_name}.{name}", isinstance(node, Select) and node.test
        if part is None:
            self.fault(at, f"'{owner_name}' has no '{name}'{_names(name, owner)}", "field")
            return ANY
        if owner.nullable and not tested:
            self.fault(at, f"'{owner_name}' may be null: test it first ({owner_name} != null)", "null", "warning")
        if part.optional and not tested and not self._condition:
            self.fault(at, f"'{path}' may be missing: test it first (has({path}))", "optional", "warning")
        return part.type

    # -- logic --------------------------------------------------------------------------------------------------------

    def _both(self, holds: bool, node: Call, scope: Record) -> Type:
        """`&&` (`||`): each side is looked at only where the other one holds (does not hold)."""
        left, right = node.args
        for one, other in ((left, right), (right, left)):
            self.type_of(one, narrow(scope, facts_of(other)[0 if holds else 1]))
        return BOOL

    def _choice(self, node: Call, scope: Record) -> Type:
        condition, first, second = node.args
        self.type_of(condition, scope)
        true, false = facts_of(condition)
        types = [self.type_of(first, narrow(scope, true)), self.type_of(second, narrow(scope, false))]
        kept = [type for part, type in zip((first, second), types, strict=True) if not _is_accumulator(part)]
        return join(kept)

    def _compare(self, node: Call, scope: Record) -> Type:
        left, right = (self.type_of(part, scope) for part in node.args)
        self._comparable(node, left, right)
        return BOOL

    def _is_in(self, node: Call, scope: Record) -> Type:
        left, right = node.args
        one, many = self.type_of(left, scope), self.type_of(right, scope)
        if isinstance(right, Items):
            for item in right.items:
                self._comparable(replace(node, args=(left, item)), one, self.type_of(item, scope))
        elif isinstance(many, ListOf):
            self._comparable(node, one, many.item)
        return BOOL

    def _comparable(self, node: Call, left: Type, right: Type) -> None:
        if not isinstance(left, Scalar) or not isinstance(right, Scalar):
            return
        kinds = {left.kind, right.kind}
        if Kind.NUMBER in kinds and kinds & (TEXTUAL | {Kind.BOOL}):
            self.fault(node.at, f"never equal: {show(left)} and {show(right)}", "mismatch")
        elif left.values and right.values and not set(left.values) & set(right.values):
            literal, other = (right, left) if isinstance(node.args[1], Const) else (left, right)
            at = node.args[1].at if literal is right else node.args[0].at
            known = ", ".join(other.values[:12]) + (" ..." if len(other.values) > 12 else "")
            near = hint(literal.values[0], other.values)
            self.fault(at, f"never '{literal.values[0]}': it is one of {known}{near}", "value")

    def _order(self, node: Call, scope: Record) -> Type:
        left, right = (self.type_of(part, scope) for part in node.args)
        if isinstance(left, Scalar) and isinstance(right, Scalar):
            kinds = {left.kind, right.kind}
            texts = kinds & {Kind.TIME, Kind.DURATION}
            if texts and kinds <= TEXTUAL:
                convert = "timestamp" if Kind.TIME in texts else "duration"
                how = f"{convert}({_text(node.args[0])}) {_ORDER[node.function]} ..."
                self.fault(node.at, f"this compares letters, not {_plural(texts)}: write {how}", "time")
            elif kinds & {Kind.MOMENT, Kind.SPAN} and kinds & TEXTUAL:
                convert = "timestamp" if Kind.MOMENT in kinds else "duration"
                text = node.args[0] if left.kind in TEXTUAL else node.args[1]
                self.fault(_start(text), f"this is a text: write {convert}({_text(text)})", "time")
            elif Kind.NUMBER in kinds and not kinds <= NUMERIC | UNKNOWN:
                self.fault(node.at, f"'{_ORDER[node.function]}' fits no {show(left)} and {show(right)}", "mismatch")
        self._not_null(node, left, right)
        return BOOL

    # -- values -------------------------------------------------------------------------------------------------------

    def _plus(self, node: Call, scope: Record) -> Type:
        left, right = types = [self.type_of(part, scope) for part in node.args]
        if _is_accumulator(node.args[0]):
            return right
        if isinstance(left, ListOf) and isinstance(right, ListOf):
            return ListOf(join([left.item, right.item]))
        if isinstance(left, Scalar) and isinstance(right, Scalar):
            kinds = {left.kind, right.kind}
            if kinds & TEXTUAL and kinds & NUMERIC:
                number = node.args[0] if left.kind in NUMERIC else node.args[1]
                self.fault(node.at, f"'+' joins texts: write string({_text(number)})", "mismatch")
            elif kinds & {Kind.TIME, Kind.DURATION} and all(_is_time(type) for type in (left, right)):
                self.fault(node.at, "'+' joins these as texts: write timestamp(...) + duration(...)", "time")
            elif kinds <= TEXTUAL:
                self._not_null(node, *types)
                return TEXT
        return self._computed(node, types)

    def _arithmetic(self, node: Call, scope: Record) -> Type:
        return self._computed(node, [self.type_of(part, scope) for part in node.args])

    def _computed(self, node: Call, types: list[Type]) -> Type:
        self._not_null(node, *types)
        for part, type in zip(node.args, types, strict=True):
            if isinstance(type, Scalar) and type.kind is Kind.NUMBER and _is_numeric(types):
                name = _text(part)
                how = f"write double({name}), and 2.0 instead of 2"
                self.fault(
                    _start(part), f"'{name}' may be whole or fractional, and CEL mixes them not: {how}", "number"
                )
        return self._checked(node)

    def _convert(self, node: Call, scope: Record) -> Type:
        self._not_null(node, *(self.type_of(part, scope) for part in node.args))
        return _CONVERSIONS[node.function]

    def _size(self, node: Call, scope: Record) -> Type:
        self._not_null(node, *(self.type_of(part, scope) for part in node.args))
        return INTEGER

    def _timestamp(self, node: Call, scope: Record) -> Type:
        given = self.type_of(node.args[0], scope)
        self._not_null(node, given)
        self._converts(node.args[0], given, Kind.TIME, parse_time, "no time with a zone, such as 2026-11-22T08:00:00Z")
        return MOMENT

    def _duration(self, node: Call, scope: Record) -> Type:
        given = self.type_of(node.args[0], scope)
        self._not_null(node, given)
        self._converts(node.args[0], given, Kind.DURATION, _cel_duration, "no duration for CEL: write 90s, 5m or 48h")
        return SPAN

    def _converts(self, node: Node, given: Type, kind: Kind, read: Callable[[str], object], what: str) -> None:
        if isinstance(node, Const) and isinstance(node.value, str):
            try:
                read(node.value)
            except ValueError:
                self.fault(node.at, f"'{node.value}' is {what}", "time")
        elif isinstance(given, Scalar) and given.kind in TEXTUAL and given.kind is not kind and not _is_computed(node):
            self.fault(_start(node), f"'{_text(node)}' is a {show(given)}, not a {kind.value}", "time")

    def _index(self, node: Call, scope: Record) -> Type:
        owner, key = (self.type_of(part, scope) for part in node.args)
        if isinstance(owner, ListOf):
            return owner.item
        name = node.args[1]
        if isinstance(name, Const) and isinstance(name.value, str):
            return self._part(name, _text(node.args[0]), name.value, owner)
        return owner.value if isinstance(owner, MapOf) and key != NULL else self._checked(node)

    def _entries(self, node: Entries, scope: Record) -> Type:
        types = [(key, self.type_of(value, scope)) for key, value in node.entries]
        if all(isinstance(key, Const) and isinstance(key.value, str) for key, _ in types):
            return Record({key.value: Field(type) for key, type in types if isinstance(key, Const)})
        return MapOf(join(type for _, type in types))

    def _loop(self, node: Loop, scope: Record) -> Type:
        over = self.type_of(node.over, scope)
        item: Type = over.item if isinstance(over, ListOf) else TEXT if isinstance(over, MapOf) else ANY
        start = self.type_of(node.start, scope)
        result = self.type_of(node.step, scope.plus(**{node.var: item, node.accu: start}))
        return result if isinstance(start, ListOf) else BOOL

    def _call(self, node: Call, scope: Record) -> Type:
        if node.id not in self._tree.types and node.function.isidentifier() and node.function not in _FUNCTIONS:
            at = max(self._source.rfind(node.function, 0, node.at), 0)
            self.fault(at, f"no function '{node.function}'{hint(node.function, _FUNCTIONS)}", "function")
            return ANY
        types = [self.type_of(part, scope) for part in node.args]
        if node.method:
            self._not_null(node, types[0])
        return self._checked(node)

    # -- help ---------------------------------------------------------------------------------------------------------

    def _checked(self, node: Node) -> Type:
        """What CEL's checker found, for what has no rule here."""
        found = self._tree.types.get(node.id)
        return self._checker.type_of(found) if self._checker and found is not None else ANY

    def _not_null(self, node: Call, *types: Type) -> None:
        for part, type in zip(node.args, types, strict=False):
            if type.nullable and not isinstance(part, Const):
                name = _text(part)
                self.fault(_start(part), f"'{name}' may be null: test it first ({name} != null)", "null", "warning")


def _text(node: Node) -> str:
    """A part of the expression as it is written, as far as it can be said in short."""
    if isinstance(node, Select):
        return f"{_text(node.operand)}.{node.name}"
    if isinstance(node, Call) and node.function == "_[_]" and isinstance(node.args[1], Const):
        return f"{_text(node.args[0])}[{node.args[1].value!r}]"
    return node.name if isinstance(node, Ident) else "this"


def _start(node: Node) -> int:
    """Where a part begins: CEL places a selection at its dot and a call at its parenthesis."""
    if isinstance(node, Select):
        return _start(node.operand)
    if isinstance(node, Call) and (node.method or node.function == "_[_]"):
        return _start(node.args[0])
    return node.at


def _literal(node: Const) -> Type:
    if node.value is None:
        return NULL
    if isinstance(node.value, bool):
        return BOOL
    if isinstance(node.value, str):
        return Scalar(Kind.TEXT, values=(node.value,))
    return INTEGER if isinstance(node.value, int) else DOUBLE if isinstance(node.value, float) else ANY


def _names(name: str, owner: Record) -> str:
    near = hint(name, owner.fields)
    if near or not owner.fields:
        return near
    return f": it has {', '.join(list(owner.fields)[:15])}"


def _is_accumulator(node: Node) -> bool:
    return isinstance(node, Ident) and node.name.startswith("@")


def _is_computed(node: Node) -> bool:
    """A computed value: what it is was not declared by anybody."""
    return isinstance(node, Call | Loop)


def _is_numeric(types: list[Type]) -> bool:
    return all(isinstance(type, Scalar) and type.kind in NUMERIC | UNKNOWN for type in types)


def _is_time(type: Scalar) -> bool:
    """A time or duration, or a literal that is one."""
    if type.kind in (Kind.TIME, Kind.DURATION):
        return True
    return len(type.values) == 1 and _reads(duration, type.values[0])


def _reads(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


def _cel_duration(text: str) -> None:
    duration(text)
    if "d" in text:  # CEL has hours, minutes and seconds
        raise ValueError(text)


def _plural(kinds: frozenset[Kind] | set[Kind]) -> str:
    return "times" if Kind.TIME in kinds else "durations"
