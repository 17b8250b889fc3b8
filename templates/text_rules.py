"""A text checked against the types of what it may read: each name, each part, each filter's input.

Jinja finds such mistakes only when it renders, and then only on the way that it takes. Every finding stands for a text
that fails or says nonsense on somebody's phone: `{{ equipment.titel }}`, `{{ jobs.id }}`, `{{ jobs }}`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from jinja2 import nodes

from domain.typing.facts import narrow
from domain.typing.tree import (
    ANY,
    BOOL,
    INTEGER,
    NUMBER,
    NUMERIC,
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
    type_of,
)
from templates.text_facts import facts_of, path_of, written
from templates.text_filters import FILTERS, Told

_TEXT_METHODS: Mapping[str, Type] = {
    **dict.fromkeys(("upper", "lower", "strip", "title", "capitalize"), TEXT),
    **dict.fromkeys(("startswith", "endswith"), BOOL),
    "split": ListOf(TEXT),
}
_LOOP = Record(
    {
        **{name: Field(INTEGER) for name in ("index", "index0", "revindex", "length")},
        **{name: Field(BOOL) for name in ("first", "last")},
        **{name: Field(ANY) for name in ("previtem", "nextitem")},
    }
)
_MISSING_IS_FINE = frozenset({"default", "d"})


def column_of(lines: list[str], line: int, word: str) -> int:
    """Where the last part of `equipment.titel` stands on that line, from 1; 1 when it can't be found."""
    text = lines[min(line, len(lines)) - 1] if lines else ""
    last = word.rpartition(".")[2]
    whole = re.search(rf"(?<![\w.]){re.escape(word)}(?!\w)", text) if word else None
    if whole:
        return whole.end() - len(last) + 1
    found = re.search(rf"(?<!\w){re.escape(last)}(?!\w)", text) if last else None
    return found.start() + 1 if found else 1


class TextRules:
    """Walks one text. `faults` is what it found."""

    def __init__(self, source: str) -> None:
        self.faults: list[Fault] = []
        self._lines = source.splitlines() or [""]

    def statements(self, body: list[nodes.Node], scope: Record) -> Record:
        """One after the other; what may be read behind them."""
        for node in body:
            scope = self._statement(node, scope)
        return scope

    def type_of(self, node: nodes.Node, scope: Record) -> Type:
        """The type of an expression; anything for what has no rule."""
        read = _READERS.get(type(node))
        return read(self, node, scope) if read else ANY

    def fault(self, node: nodes.Node, word: str, message: str, code: str, severity: str = "error") -> None:
        """Keep a finding at the first place of a word on the node's line, once."""
        column = column_of(self._lines, node.lineno, word)
        found = Fault(node.lineno, column, message, f"mos.type.{code}", severity)
        if found not in self.faults:
            self.faults.append(found)

    # -- statements ---------------------------------------------------------------------------------------------------

    def _statement(self, node: nodes.Node, scope: Record) -> Record:
        if isinstance(node, nodes.Output):
            for part in node.nodes:
                if not isinstance(part, nodes.TemplateData):
                    self._printed(part, self.type_of(part, scope))
        elif isinstance(node, nodes.If):
            self._if(node, scope)
        elif isinstance(node, nodes.For):
            self._for(node, scope)
        elif isinstance(node, nodes.Assign) and isinstance(node.target, nodes.Name):
            return scope.plus(**{node.target.name: self.type_of(node.node, scope)})
        return scope

    def _printed(self, node: nodes.Node, found: Type) -> None:
        what = written(node)
        if isinstance(found, Record | MapOf):
            self.fault(node, what, f"'{what}' would print a whole record: name one of its parts", "print")
        elif isinstance(found, ListOf) and isinstance(found.item, Record | MapOf):
            how = f"write {what} | map(attribute='...') | join(', ')"
            self.fault(node, what, f"'{what}' would print a list of records: {how}", "print")
        elif isinstance(found, Scalar) and found.kind is Kind.TIME:
            self.fault(node, what, f"'{what}' would print a time in UTC: add | local_time", "time", "warning")

    def _if(self, node: nodes.If, scope: Record) -> None:
        self.type_of(node.test, scope)
        true, false = facts_of(node.test)
        self.statements(node.body, narrow(scope, true))
        scope = narrow(scope, false)
        for branch in node.elif_:
            self._if(branch, scope)
            scope = narrow(scope, facts_of(branch.test)[1])
        self.statements(node.else_, scope)

    def _for(self, node: nodes.For, scope: Record) -> None:
        over = self.type_of(node.iter, scope)
        what = written(node.iter)
        if isinstance(over, Record | MapOf) or (isinstance(over, Scalar) and over.kind not in UNKNOWN):
            self.fault(node.iter, what, f"'{what}' is a {show(over)}, no list to go through", "mismatch")
        if isinstance(over, ListOf) and over.nullable:
            self.fault(node.iter, what, f"'{what}' may be null: write {what} or []", "null", "warning")
        item = over.item if isinstance(over, ListOf) else ANY
        inner = scope.plus(loop=_LOOP)
        if isinstance(node.target, nodes.Name):
            inner = inner.plus(**{node.target.name: item})
        elif isinstance(node.target, nodes.Tuple):
            inner = inner.plus(**{part.name: ANY for part in node.target.items if isinstance(part, nodes.Name)})
        if node.test is not None:
            self.type_of(node.test, inner)
            inner = narrow(inner, facts_of(node.test)[0])
        self.statements(node.body, inner)
        self.statements(node.else_, scope)

    # -- names and parts ----------------------------------------------------------------------------------------------

    def _name(self, node: nodes.Name, scope: Record) -> Type:
        part = scope.fields.get(node.name)
        if part is None:
            near = hint(node.name, scope.fields)
            self.fault(node, node.name, f"undeclared reference to '{node.name}'{near}", "name")
        return part.type if part else ANY

    def _part(self, node: nodes.Getattr | nodes.Getitem, name: str, scope: Record, *, tested: bool = False) -> Type:
        owner = self.type_of(node.node, scope)
        called = written(node.node)
        path = f"{called}.{name}"
        if isinstance(owner, Record):
            part = owner.fields.get(name)
            if part is None:
                near = hint(name, owner.fields) or f": it has {', '.join(list(owner.fields)[:15])}"
                self.fault(node, path, f"'{called}' has no '{name}'{near}", "field")
                return ANY
            if owner.nullable and not tested:
                self.fault(
                    node, called, f"'{called}' may be null: put it within {{% if {called} %}}", "null", "warning"
                )
            if part.optional and not tested:
                how = f"write {path} | default('?')"
                self.fault(node, path, f"'{path}' may be missing: {how}", "optional", "warning")
            return part.type
        if isinstance(owner, ListOf):
            how = f"write {called} | map(attribute='{name}') | join(', ')"
            self.fault(node, path, f"'{called}' is a list: {how}", "field")
        elif isinstance(owner, Scalar) and owner.kind not in UNKNOWN:
            self.fault(node, path, f"'{called}' is a {show(owner)} and has no '{name}'", "field")
        return owner.value if isinstance(owner, MapOf) else ANY

    def _item(self, node: nodes.Getitem, scope: Record) -> Type:
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            return self._part(node, node.arg.value, scope)
        owner = self.type_of(node.node, scope)
        if isinstance(node.arg, nodes.Slice):
            return owner
        self.type_of(node.arg, scope)
        return owner.item if isinstance(owner, ListOf) else ANY

    def _allowed_missing(self, node: nodes.Node, scope: Record) -> Type:
        if isinstance(node, nodes.Getattr):
            return self._part(node, node.attr, scope, tested=True)
        return self.type_of(node, scope)

    # -- filters, tests, calls ----------------------------------------------------------------------------------------

    def _filter(self, node: nodes.Filter, scope: Record) -> Type:
        assert node.node is not None  # a filter block is not allowed in a text
        read = self._allowed_missing if node.name in _MISSING_IS_FINE else self.type_of
        given = read(node.node, scope)
        args = [self.type_of(arg, scope) for arg in node.args]
        named = {str(pair.key): getattr(pair.value, "value", None) for pair in node.kwargs}
        constants = [getattr(arg, "value", None) for arg in node.args if isinstance(arg, nodes.Const)]

        def wrong(message: str, code: str) -> None:
            severity = "warning" if code == "null" else "error"
            self.fault(node, path_of(node.node) or node.name, message, code, severity)

        told = Told(written(node.node), given, args, constants, named, wrong)
        give = FILTERS.get(node.name)
        return give(told) if give else ANY

    def _test(self, node: nodes.Test, scope: Record) -> Type:
        self._allowed_missing(node.node, scope)
        for arg in node.args:
            self.type_of(arg, scope)
        return BOOL

    def _call(self, node: nodes.Call, scope: Record) -> Type:
        args = [self.type_of(arg, scope) for arg in node.args]
        if isinstance(node.node, nodes.Name) and node.node.name == "range":
            return ListOf(INTEGER)
        if not isinstance(node.node, nodes.Getattr):
            self.fault(node, path_of(node.node) or "(", "this can't be called", "function")
            return ANY
        owner, method = self.type_of(node.node.node, scope), node.node.attr
        if isinstance(owner, Record | MapOf):
            return self._of_record(node, owner, method, args)
        if isinstance(owner, Scalar) and owner.kind in TEXTUAL and method in _TEXT_METHODS:
            return _TEXT_METHODS[method]
        if not isinstance(owner, Scalar) or owner.kind not in UNKNOWN:
            near = hint(method, _TEXT_METHODS)
            self.fault(
                node, path_of(node.node) or method, f"a {show(owner)} has no method '{method}'{near}", "function"
            )
        return ANY

    def _of_record(self, node: nodes.Call, owner: Record | MapOf, method: str, args: list[Type]) -> Type:
        types = [part.type for part in owner.fields.values()] if isinstance(owner, Record) else [owner.value]
        if method == "get" and node.args:
            name = getattr(node.args[0], "value", None)
            part = owner.fields.get(str(name)) if isinstance(owner, Record) else None
            known = part.type if part else ANY if isinstance(owner, Record) else owner.value
            return join([known, args[1]]) if len(args) > 1 else replace(known, nullable=True)
        found: Mapping[str, Type] = {"items": ListOf(ANY), "keys": ListOf(TEXT), "values": ListOf(join(types))}
        if method not in found:
            self.fault(node, method, f"a record has no method '{method}'{hint(method, ['get', *found])}", "function")
        return found.get(method, ANY)

    # -- operators ----------------------------------------------------------------------------------------------------

    def _choice(self, node: nodes.CondExpr, scope: Record) -> Type:
        self.type_of(node.test, scope)
        true, false = facts_of(node.test)
        first = self.type_of(node.expr1, narrow(scope, true))
        return join([first, self.type_of(node.expr2, narrow(scope, false))]) if node.expr2 else first

    def _both(self, node: nodes.And, scope: Record) -> Type:
        left = self.type_of(node.left, scope)
        return join([left, self.type_of(node.right, narrow(scope, facts_of(node.left)[0]))])

    def _either(self, node: nodes.Or, scope: Record) -> Type:
        """`a or b` gives `a` only when it is not null."""
        left = self.type_of(node.left, scope)
        right = self.type_of(node.right, narrow(scope, facts_of(node.left)[1]))
        return join([replace(left, nullable=False), right])

    def _compare(self, node: nodes.Compare, scope: Record) -> Type:
        left = self.type_of(node.expr, scope)
        for operand in node.ops:
            right = self.type_of(operand.expr, scope)
            if isinstance(left, Scalar) and isinstance(right, Scalar):
                self._comparable(node, operand.op, left, right)
            left = right
        return BOOL

    def _comparable(self, node: nodes.Compare, operator: str, left: Scalar, right: Scalar) -> None:
        what, kinds = written(node.expr), {left.kind, right.kind}
        if operator in ("eq", "ne") and left.values and right.values and not set(left.values) & set(right.values):
            literal, other = (right, left) if len(right.values) == 1 else (left, right)
            near = hint(literal.values[0], other.values)
            known = ", ".join(other.values[:12])
            self.fault(node, what, f"'{what}' is never '{literal.values[0]}': it is one of {known}{near}", "value")
        elif operator in ("lt", "lteq", "gt", "gteq") and kinds <= TEXTUAL and kinds - {Kind.TEXT}:
            how = "decide it in an expression, with timestamp() or duration()"
            self.fault(node, what, f"this compares letters, not times: {how}", "time")
        elif kinds & TEXTUAL and kinds & NUMERIC and operator not in ("in", "notin"):
            self.fault(node, what, f"'{what}': a {show(left)} is compared with a {show(right)}", "mismatch")

    def _texts(self, node: nodes.Concat, scope: Record) -> Type:
        for part in node.nodes:
            self._printed(part, self.type_of(part, scope))
        return TEXT

    def _add(self, node: nodes.Add, scope: Record) -> Type:
        left, right = self.type_of(node.left, scope), self.type_of(node.right, scope)
        if isinstance(left, Scalar) and isinstance(right, Scalar):
            kinds = {left.kind, right.kind}
            if kinds & TEXTUAL and kinds & NUMERIC:
                self.fault(node, "+", "'+' adds numbers: write ~ to join texts", "mismatch")
            return TEXT if kinds <= TEXTUAL else NUMBER
        return join([left, right])

    def _arithmetic(self, node: Any, scope: Record) -> Type:
        for part in (getattr(node, name) for name in ("left", "right", "node") if hasattr(node, name)):
            found = self.type_of(part, scope)
            if isinstance(found, Scalar) and found.kind in TEXTUAL and not isinstance(node, nodes.Mul):
                what = written(part)
                self.fault(node, what, f"'{what}' is a {show(found)}, no number", "mismatch")
        return NUMBER

    def _list(self, node: nodes.List | nodes.Tuple, scope: Record) -> Type:
        return ListOf(join(self.type_of(item, scope) for item in node.items))

    def _dict(self, node: nodes.Dict, scope: Record) -> Type:
        pairs = [(getattr(pair.key, "value", None), self.type_of(pair.value, scope)) for pair in node.items]
        return Record({str(key): Field(found) for key, found in pairs if key is not None})


def _literal(value: Any) -> Type:
    return Scalar(Kind.TEXT, values=(value,)) if isinstance(value, str) else type_of(value)


_READERS: Mapping[type[nodes.Node], Callable[[TextRules, Any, Record], Type]] = {
    nodes.Const: lambda _, node, __: _literal(node.value),
    nodes.Name: TextRules._name,
    nodes.Getattr: lambda rules, node, scope: rules._part(node, node.attr, scope),
    nodes.Getitem: TextRules._item,
    nodes.Filter: TextRules._filter,
    nodes.Test: TextRules._test,
    nodes.Call: TextRules._call,
    nodes.CondExpr: TextRules._choice,
    nodes.And: TextRules._both,
    nodes.Or: TextRules._either,
    nodes.Not: lambda rules, node, scope: (rules.type_of(node.node, scope), BOOL)[1],
    nodes.Compare: TextRules._compare,
    nodes.Concat: TextRules._texts,
    nodes.Add: TextRules._add,
    nodes.List: TextRules._list,
    nodes.Tuple: TextRules._list,
    nodes.Dict: TextRules._dict,
    **dict.fromkeys((nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod), TextRules._arithmetic),
    **dict.fromkeys((nodes.Neg, nodes.Pos), TextRules._arithmetic),
}
