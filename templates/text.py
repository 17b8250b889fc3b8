"""The short texts that authors write in a definition (`title: "{{ equipment.name }} is down"`)."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import Template, TemplateSyntaxError, nodes
from jinja2.meta import find_undeclared_variables

from domain.errors import ConfigError
from templates.clock import local_time
from templates.sandbox import BUDGET, Sandbox, plain, run

MAX_SOURCE = 4_000
_ALLOWED = (nodes.Output, nodes.If, nodes.For, nodes.Assign, nodes.Expr, nodes.Helper)
_ENVIRONMENT = Sandbox(plain)
_ENVIRONMENT.filters["local_time"] = local_time


def render_text(template: str, scope: Mapping[str, Any]) -> str:
    """The text with the values of `scope` (JSON values by root name). A value that is null is shown as `?`.

    Raises ConfigError for a syntax error, a forbidden construct, a text beyond its budget, or a missing value, whose
    path it names.
    """
    compiled, paths = _compiled(template)
    missing = next((path for path in paths if not _has(scope, path.split("."))), None)
    try:
        return run(lambda names: compiled.render(names), scope, "text")
    except ConfigError as error:
        if missing is None:
            raise
        raise ConfigError(f"text: '{missing}' has no value here", detail=template, code="mos.text") from error


def check_text(template: str) -> set[str]:
    """The root names that a text refers to. Raises ConfigError with the line of what is wrong or forbidden."""
    _compiled(template)
    return find_undeclared_variables(_tree(template)) - set(_ENVIRONMENT.globals)


@lru_cache(maxsize=1024)
def _compiled(template: str) -> tuple[Template, tuple[str, ...]]:
    tree = _tree(template)
    try:
        names = find_undeclared_variables(tree)
        compiled = _ENVIRONMENT.from_string(template)
    except TemplateSyntaxError as error:
        raise _at(error.lineno, error.message or "syntax error", template) from error
    if BUDGET in names:
        raise _at(1, f"'{BUDGET}' is not a name of yours", template)
    return compiled, tuple(path for path in _paths(tree) if path.split(".")[0] in names)


def _tree(template: str) -> nodes.Template:
    if len(template) > MAX_SOURCE:
        raise ConfigError(f"a text has at most {MAX_SOURCE} characters, this one has {len(template)}", code="mos.text")
    try:
        tree = _ENVIRONMENT.parse(template)
    except TemplateSyntaxError as error:
        raise _at(error.lineno, error.message or "syntax error", template) from error
    for statement in tree.find_all(nodes.Stmt):
        if not isinstance(statement, _ALLOWED):
            raise _at(statement.lineno, f"'{type(statement).__name__.lower()}' is not allowed in a text", template)
    for used in tree.find_all(nodes.Filter):
        if used.name not in _ENVIRONMENT.filters:  # Jinja notices it within an `if` only when it runs
            raise _at(used.lineno, f"no filter named '{used.name}'", template)
    return tree


def _at(line: int, message: str, template: str) -> ConfigError:
    return ConfigError(f"line {line}: {message}", detail=template, code="mos.text")


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
