"""An expression is given what it reads and no more, and a mere path is followed without the runtime: the value stays
the same."""

import pytest
from cel_expr_python import cel
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import ConfigError
from domain.language import expressions
from domain.typing.cel import read_tree
from domain.typing.reads import ABSENT, Wanted, cut, follow, path_in, reads
from domain.values import canonical

NAMES = ("a", "b", "c")
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text("xyé", max_size=3)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner), max_leaves=8
)
SCOPES = st.fixed_dictionaries(dict.fromkeys(NAMES, VALUES))
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map(".".join)


def _given(source: str, scope: dict[str, object]) -> str | type[Exception]:
    """The value (the runtime keeps no order of keys), or how it failed."""
    try:
        return canonical(expressions.evaluate(source, scope))
    except (ConfigError, OverflowError, ValueError, TypeError) as error:
        return type(error)


def _wanted(source: str) -> dict[str, Wanted]:
    names = cel.NewEnv(variables=dict.fromkeys(NAMES, cel.Type.DYN))
    return reads(read_tree(names.compile(source).serialize()).root)


@settings(max_examples=150, deadline=None)
@given(PATHS, SCOPES)
def test_a_path_gives_what_the_runtime_gives(path: str, scope: dict[str, object]) -> None:
    assert path_in(path)
    assert not path_in(f"({path})"), "in brackets it is the runtime's"
    mere, whole = _given(path, scope), _given(f"({path})", scope)
    assert mere == whole


def test_what_a_path_gives_is_a_copy() -> None:
    scope = {"a": {"b": [{"c": 1}]}}
    expressions.evaluate("a.b", scope)[0]["c"] = 2
    assert scope == {"a": {"b": [{"c": 1}]}}


@pytest.mark.parametrize("source", ["true", "a.in", "a[0]", "a.b + 1", "a .b", "é.b", "a." * 9 + "a", "has(a.b)", "1"])
def test_anything_else_is_no_path(source: str) -> None:
    assert path_in(source) == ()


def test_what_is_no_json_is_left_to_the_runtime() -> None:
    assert follow(("a",), {"a": (1, 2)}) is ABSENT
    assert follow(("a",), {"a": {1: 2}}) is ABSENT
    assert follow(("a", "b"), {"a": None}) is ABSENT
    assert follow(("a",), {"a": 2**63}) is ABSENT


@pytest.mark.parametrize(
    "source, wanted",
    [
        ("a.b.c == 1 && has(a.b.a)", {"a": {"b": {"c": None, "a": {}}}}),
        ("has(a.b)", {"a": {"b": {}}}),
        ("has(a.b) && a.b.c > 1", {"a": {"b": {"c": None}}}),
        ("has(a.b) ? a.b : c", {"a": {"b": None}, "c": None}),
        ("a.b.c > 1 && a.b == c", {"a": {"b": None}, "c": None}),
        ("size(a) > 1 || a.b == 2", {"a": None}),
        ("a['b'].c == b.c", {"a": None, "b": {"c": None}}),
    ],
)
def test_only_what_is_read_is_given(source: str, wanted: dict[str, Wanted]) -> None:
    assert _wanted(source) == wanted


def test_the_names_of_a_loop_may_hide_others() -> None:
    scope = {"a": [{"b": 1}, {"b": 2}], "b": {"c": 5, "a": 6}, "c": 0}
    assert expressions.evaluate("=a.map(b, b.b)", scope) == [1, 2]
    assert expressions.evaluate("=a.map(c, c.b + b.c)", scope) == [6, 7]


def test_what_is_no_map_is_never_cut() -> None:
    whole = {"a": {"b": [1, 2], "c": None}}
    assert cut(whole, {"a": {"b": {"x": None}}}) == {"a": {"b": [1, 2]}}
    assert cut(None, {"x": None}) is None


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(
        ["has(a.b) && a.b.c == 1", "has(a.b.c) ? a.b : b", "a.b == b.a", "size(a.b) > 0", "[a.b, c.a]", "a == b.c.a",
         "{'x': a.b.c}", "a.b[0].c", "type(a.b) == int", "c.exists(x, x.a == b.a)"]
    ),
    SCOPES,
)  # fmt: skip
def test_cut_or_whole_is_the_same(source: str, scope: dict[str, object]) -> None:
    """Nothing is cut of what is also read as a whole."""
    everything = " && ".join(f"dyn([{name}]) != dyn(0)" for name in NAMES)
    held = _given(source, scope)
    whole = _given(f"({everything}) ? dyn({source}) : dyn(0)", scope)
    assert held == whole
