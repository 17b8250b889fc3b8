"""The short texts that authors write in a definition (`title: "{{ equipment.name }} is down"`)."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import Template, TemplateSyntaxError, nodes
from jinja2.meta import find_undeclared_variables

from domain.errors import ConfigError
from domain.typing.tree import Fault, Record, hint, sample
from templates.clock import local_time
from templates.sandbox import BUDGET, OWN_FILTERS, REFUSED, Sandbox, plain, run
from templates.text_pieces import MAX_SOURCE, Piece, Pieces
from templates.text_rules import TextRules, column_of
from templates.text_walk import Walk

_ALLOWED = (nodes.Output, nodes.If, nodes.For, nodes.Assign, nodes.Expr, nodes.Helper)
_ENVIRONMENT = Sandbox(plain)
_ENVIRONMENT.filters["local_time"] = local_time
_KNOWN_FILTERS, _KNOWN_TESTS = frozenset(_ENVIRONMENT.filters), frozenset(_ENVIRONMENT.tests)
_MARKS = re.compile(r"{[{%#]|[#%}]}|\r")
_WORK = re.compile(r"{%|[*+~]|range")  # what can take long or grow


class TextError(ConfigError):
    """A text is refused before it is rendered: `what` is wrong at `line` and `column` (from 1)."""

    def __init__(self, line: int, what: str, template: str, code: str = "mos.text", word: str = "") -> None:
        super().__init__(f"line {line}: {what}", detail=template, code=code)
        self.line, self.what = line, what
        self.column = column_of(template.splitlines(), line, word)


def render_text(template: str, scope: Mapping[str, Any], language: str = "en") -> str:
    """The text with the values of `scope` (JSON values by root name), times and numbers as that language writes them. A
    value that is null is shown as `?`.

    Raises ConfigError for a syntax error, a forbidden construct, a text beyond its budget, or a missing value, whose
    path it names.
    """
    if _plain(template):
        return template
    compiled = _compiled(template)
    try:
        return run(lambda names: compiled.render(names), scope, "text", language)
    except ConfigError as error:
        missing = next((path for path in _read(template) if not _has(scope, path.split("."))), None)
        if missing is None or error.code == REFUSED:
            raise
        raise ConfigError(f"text: '{missing}' has no value here", detail=template, code="mos.text") from error


def render_once(template: str, scope: Mapping[str, Any], language: str = "en") -> str:
    """What `render_text` gives, for a text rendered a few times only: walked where that can be, not compiled."""
    if _plain(template):
        return template
    pieces = _pieces(template)
    if pieces is None:
        return render_text(template, scope, language)
    try:
        return run(lambda names: _walked(pieces, names), scope, "text", language)
    except ConfigError:
        return render_text(template, scope, language)  # it says what is wrong


def _walked(pieces: list[str | Piece], names: dict[str, Any]) -> str:
    walk = Walk(_ENVIRONMENT, _BLANK.new_context(names))
    return "".join(piece if isinstance(piece, str) else walk.text(piece.tree, piece.data) for piece in pieces)


def _plain(template: str) -> bool:
    """Nothing in it is Jinja's: most words of a language are like that."""
    return not _MARKS.search(template) and len(template) <= MAX_SOURCE and not template.endswith("\n")


def text_faults(template: str, scope: Record) -> list[Fault]:
    """Everything wrong with a text that may read `scope`: syntax, names, types, and what the sandbox would stop.

    Warnings are what may go wrong only with some values.
    """
    if not _MARKS.search(template):
        return []
    pieces = _pieces(template)
    if pieces is not None and _faultless(pieces, template, scope):
        return []
    try:
        tree = _checked(_ENVIRONMENT.tree, template)
        rules = TextRules(template)
        rules.statements(tree.body, scope)
        if _WORK.search(template) and not any(fault.severity == "error" for fault in rules.faults):
            _try(template, scope)
    except TextError as error:
        return [Fault(error.line, error.column, error.what, error.code)]
    return rules.faults


def _faultless(pieces: list[str | Piece], template: str, scope: Record) -> bool:
    """Is it right for certain? Where it is not, the whole text is looked at, to say what and where."""
    rules = TextRules(template)
    marks = [piece for piece in pieces if isinstance(piece, Piece)]
    for piece in marks:
        rules.statements(piece.tree.body, scope)
    if rules.faults:
        return False
    if not _WORK.search(template):
        return True
    values = _samples(frozenset().union(*(piece.names for piece in marks)), scope)
    try:
        run(lambda names: _walked(pieces, names), values, "text")
    except ConfigError:
        return False
    return True


def _try(template: str, scope: Record) -> None:
    """Render it once on sample values. Raises TextError for what the sandbox stops, whatever the values are."""
    try:
        render_text(template, _samples(check_text(template), scope))
    except ConfigError as error:
        if error.code == REFUSED:
            raise TextError(1, error.message.removeprefix("text: "), template, REFUSED) from error


def _samples(names: frozenset[str], scope: Record) -> dict[str, Any]:
    names |= {"site"}
    values = {name: sample(part.type) for name, part in scope.fields.items() if name in names}
    if isinstance(values.get("site"), dict):
        values["site"] |= {"timezone": "UTC"}  # any text is a sample, but not every one is a zone
    return values


def check_text(template: str) -> frozenset[str]:
    """The root names that a text refers to. Raises ConfigError with the line of what is wrong or forbidden."""
    _compiled(template)
    return _names(template) - set(_ENVIRONMENT.globals)


@lru_cache(maxsize=1024)
def _names(template: str) -> frozenset[str]:
    """The root names, the globals too."""
    return frozenset(find_undeclared_variables(_tree(template)))


@lru_cache(maxsize=1024)
def _compiled(template: str) -> Template:
    tree = _tree(template)
    try:
        if BUDGET in template and BUDGET in _names(template):
            raise TextError(1, f"'{BUDGET}' is not a name of yours", template)
        return _ENVIRONMENT.from_string(tree)
    except TemplateSyntaxError as error:
        raise TextError(error.lineno, error.message or "syntax error", template) from error


def _read(template: str) -> list[str]:
    """The paths that a text reads from outside."""
    names = _names(template)
    return [path for path in _paths(_tree(template)) if path.split(".")[0] in names]


def _tree(template: str) -> nodes.Template:
    return _checked(_ENVIRONMENT.parse, template)


def _checked(parse: Callable[[str], nodes.Template], template: str) -> nodes.Template:
    """The syntax tree of an allowed text. Raises TextError."""
    if len(template) > MAX_SOURCE:
        raise TextError(1, f"a text has at most {MAX_SOURCE} characters, this one has {len(template)}", template)
    try:
        tree = parse(template)
    except TemplateSyntaxError as error:
        raise TextError(error.lineno, error.message or "syntax error", template) from error
    except RecursionError:
        raise TextError(1, "nested too deeply: nobody could read it", template) from None
    for node in tree.find_all((nodes.Stmt, nodes.Filter, nodes.Test)):
        if isinstance(node, nodes.Filter | nodes.Test):  # Jinja notices it within an `if` only when it runs
            what, known = ("filter", _KNOWN_FILTERS) if isinstance(node, nodes.Filter) else ("test", _KNOWN_TESTS)
            if node.name not in known:
                message = f"no {what} named '{node.name}'{hint(node.name, known - OWN_FILTERS)}"
                raise TextError(node.lineno, message, template, word=node.name)
        elif not isinstance(node, _ALLOWED):
            word = type(node).__name__.lower()
            raise TextError(node.lineno, f"'{word}' is not allowed in a text", template, word=word)
    return tree


def _known_tree(source: str) -> nodes.Template | None:
    """The tree without the budget's marks, of an allowed text."""
    try:
        return None if BUDGET in source else _checked(_ENVIRONMENT.tree, source)
    except TextError:
        return None


_pieces = Pieces(_known_tree).of
_BLANK = _ENVIRONMENT.from_string("")


def _paths(tree: nodes.Template) -> Iterator[str]:
    for node in tree.find_all((nodes.Getattr, nodes.Name)):
        path = _path(node)
        if path:
            yield path


def _path(node: nodes.Node) -> str:
    if isinstance(node, nodes.Name):
        return node.name
    parent = _path(node.node) if isinstance(node, nodes.Getattr) else ""
    return f"{parent}.{node.attr}" if parent and isinstance(node, nodes.Getattr) else ""


def _has(value: Any, path: list[str]) -> bool:
    """False only when a mapping lacks the name: methods and attributes of other values are the sandbox's affair."""
    for part in path:
        if not isinstance(value, Mapping):
            return True
        if part not in value:
            return hasattr(dict, part)
        value = value[part]
    return True
