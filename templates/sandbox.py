"""The Jinja2 sandbox of every text: few names, few filters, and a budget that ends any loop.

Jinja's own sandbox keeps templates away from Python's internals; it does not stop `'x' * 10**9`, a macro that calls
itself or nested loops. Here every loop step, call and printed character is counted against one budget per rendering.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from jinja2 import BaseLoader, StrictUndefined, TemplateError, Undefined, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from domain.errors import ConfigError

MAX_STEPS = 5_000
MAX_CHARACTERS = 300_000
MAX_WORK = 200_000
MAX_NUMBER = 10**15
BUDGET = "_budget"
DECIMAL_COMMA = ("de", "es", "pl")
REFUSED = "mos.text.refused"
"""The code of what the sandbox stops: whatever the values are, such a text is never rendered."""
OWN_FILTERS = frozenset({"bounded", "concat", "weighed"})

_FILTERS = {
    *(
        "abs",
        "capitalize",
        "d",
        "default",
        "first",
        "float",
        "int",
        "last",
        "length",
        "list",
        "lower",
        "map",
        "max",
        "min",
    ),
    *(
        "reject",
        "rejectattr",
        "reverse",
        "select",
        "selectattr",
        "sort",
        "string",
        "sum",
        "title",
        "trim",
        "unique",
        "upper",
    ),
}
_METHODS: Mapping[type, frozenset[str]] = {
    str: frozenset({"upper", "lower", "strip", "title", "capitalize", "startswith", "endswith", "split"}),
    dict: frozenset({"items", "keys", "values", "get"}),
    LoopContext: frozenset({"index", "index0", "revindex", "first", "last", "length", "previtem", "nextitem"}),
}
_MANY = (list, tuple, range, set)


@dataclass
class Budget:
    """What one rendering may still do, and in which language it writes times and numbers."""

    steps: int = MAX_STEPS
    characters: int = MAX_CHARACTERS
    work: int = MAX_WORK
    language: str = "en"

    def step(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise SecurityError(f"the text takes more than {MAX_STEPS} steps")

    def spend(self, text: str) -> str:
        self.characters -= len(text)
        if self.characters < 0:
            raise SecurityError(f"the text grows beyond {MAX_CHARACTERS} characters")
        return text

    def weigh(self, value: Any) -> None:
        """Counts all elements of a value, however deep (lists that hold one another twice double at each level)."""
        pending = [value]
        while pending:
            item = pending.pop()
            self.work -= 1 + (len(item) // 50 if isinstance(item, str) else 0)
            if self.work < 0:
                raise SecurityError(f"the text has to look at more than {MAX_WORK} values")
            if isinstance(item, dict):
                pending += item.values()
            elif isinstance(item, _MANY):
                pending += item


class _Bounded(NodeTransformer):
    """Sends every loop, every `~`, and what is filtered, tested or compared, through the budget."""

    def visit_For(self, node: nodes.For) -> nodes.Node:
        self.generic_visit(node)
        node.iter = _through("bounded", node.iter, [])
        return node

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:
        self.generic_visit(node)
        if node.node is not None:
            node.node = _through("weighed", node.node, [])
        return node

    def visit_Test(self, node: nodes.Test) -> nodes.Node:
        self.generic_visit(node)
        node.node = _through("weighed", node.node, [])
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        self.generic_visit(node)
        node.expr = _through("weighed", node.expr, [])
        for operand in node.ops:
            operand.expr = _through("weighed", operand.expr, [])
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return _through("concat", node.nodes[0], node.nodes[1:])


def _through(name: str, first: nodes.Node, rest: list[nodes.Expr]) -> nodes.Filter:
    return nodes.Filter(cast(nodes.Expr, first), name, rest, [], None, None, lineno=first.lineno)


@pass_context
def _bounded(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    budget: Budget = context[BUDGET]
    for item in items:
        budget.step()
        yield item


@pass_context
def _weighed(context: Context, value: Any) -> Any:
    budget: Budget = context[BUDGET]
    if isinstance(value, Iterator):
        return _bounded(context, value)
    if not isinstance(value, Undefined):
        budget.weigh(value)
    return value


@pass_context
def _concat(context: Context, *parts: Any) -> str:
    budget: Budget = context[BUDGET]
    budget.weigh(parts)
    return budget.spend("".join(plain(part) for part in parts))


@pass_context
def _join(context: Context, items: Iterable[Any], separator: str = "", attribute: str | None = None) -> str:
    budget: Budget = context[BUDGET]
    picked = items if attribute is None else (context.environment.getitem(item, attribute) for item in items)
    return budget.spend(separator.join(plain(item) for item in picked))


@pass_context
def _replace(context: Context, text: Any, old: str, new: str) -> str:
    budget: Budget = context[BUDGET]
    source = plain(text)
    if not old or len(source) * max(1, len(new)) > MAX_CHARACTERS:
        raise SecurityError("replace would grow the text too far")
    return budget.spend(source.replace(old, new))


def _round(value: float, digits: int = 0) -> float:
    """Jinja's own passes any `digits` on, and Python then computes ten to that power."""
    if not 0 <= digits <= 9:
        raise SecurityError("round takes 0 to 9 digits")
    return round(value, digits)


def plain(value: Any) -> str:
    """A value as people read it: nothing is shown as `?`, 2.0 as 2, a list with commas."""
    if value is None:
        return "?"
    if isinstance(value, float) and value.is_integer() and abs(value) < MAX_NUMBER:
        return str(int(value))
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value)
    return str(value)


def short_range(*bounds: int) -> range:
    """`range` of at most the budget's steps."""
    numbers = range(*bounds)
    if len(numbers) > MAX_STEPS:
        raise SecurityError(f"range is longer than {MAX_STEPS}")
    return numbers


class Sandbox(ImmutableSandboxedEnvironment):
    """One environment per channel; `encode` turns each printed value into what is safe there."""

    intercepted_binops = frozenset({"*", "**", "+", "%"})

    def __init__(self, encode: Callable[[Any], str], loader: BaseLoader | None = None) -> None:
        @pass_context
        def finalize(context: Context, value: Any) -> str:
            budget: Budget = context[BUDGET]
            if isinstance(value, Iterator):
                value = list(_bounded(context, value))
            if not isinstance(value, Undefined):
                budget.weigh(value)
            text = encode(value)
            comma = isinstance(value, float) and budget.language.partition("-")[0] in DECIMAL_COMMA
            return budget.spend(text.replace(".", ",") if comma else text)

        super().__init__(
            loader=loader,
            undefined=StrictUndefined,
            autoescape=False,
            finalize=finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self.filters = {name: self.filters[name] for name in _FILTERS}
        self.filters |= {"bounded": _bounded, "concat": _concat, "weighed": _weighed}
        self.filters |= {"join": _join, "replace": _replace, "round": _round}
        self.globals = {"range": short_range}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree: nodes.Template = _Bounded().visit(super()._parse(source, name, filename))
        return tree

    def tree(self, source: str) -> nodes.Template:
        """The text as it was written, without the budget's marks."""
        found: nodes.Template = super()._parse(source, None, None)
        return found

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Only the listed methods of texts, mappings and loops; never anything that begins with an underscore."""
        return attr in _METHODS.get(type(obj), frozenset()) and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """`str.format` is not wrapped but refused, by `is_safe_attribute`."""
        return None

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        budget: Budget = __context[BUDGET]
        budget.step()
        return super().call(__context, __obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic on numbers of a sane size; texts and lists neither multiplied nor added without bound."""
        if operator == "**" or (operator == "%" and isinstance(left, str)) or _repeats_list(operator, left, right):
            raise SecurityError(f"'{operator}' is not allowed here")
        result_size = max(_size(left), 1) * max(_size(right), 1) if operator == "*" else _size(left) + _size(right)
        if result_size > MAX_NUMBER or (not _number(left, right) and result_size > MAX_CHARACTERS):
            raise SecurityError(f"the result of '{operator}' is too large")
        return super().call_binop(context, operator, left, right)


def _repeats_list(operator: str, *values: Any) -> bool:
    return operator == "*" and any(isinstance(value, list | tuple) for value in values)


def _number(*values: Any) -> bool:
    return all(isinstance(value, int | float) for value in values)


def _size(value: Any) -> float:
    if isinstance(value, int | float):
        return abs(value)
    return len(value) if hasattr(value, "__len__") else 1


def run(render: Callable[[dict[str, Any]], str], scope: Mapping[str, Any], where: str, language: str = "en") -> str:
    """Renders within a fresh budget. Raises ConfigError, naming `where`, for whatever the text does wrong."""
    try:
        return render({**scope, BUDGET: Budget(language=language)})
    except SecurityError as error:
        raise ConfigError(f"{where}: {error.message or 'refused'}", code=REFUSED) from error
    except TemplateError as error:
        raise ConfigError(f"{where}: {error.message or 'refused'}", code="mos.text") from error
    except (ArithmeticError, RecursionError, TypeError, ValueError, LookupError) as error:
        raise ConfigError(f"{where}: {type(error).__name__}: {error}", code="mos.text") from error
