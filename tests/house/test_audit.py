"""Every change that people or the product make leaves a record for the auditor: whoever writes a change without one is
named here."""

import ast
from collections.abc import Iterator, Mapping

ROOMS = ("admin/",)
EFFECTS = (
    "activities/people.py",  # who was asked, what was shown, decisions
    "activities/posting_life.py",
    "intake/commands.py",
    "intake/correlate.py",  # which signal opened what
    "store/write/access/enrolment.py",
    "store/write/access/limits.py",
    "store/write/messages/reach.py",
)
WITHOUT = {
    "admin/access/enrolment.py:_may_send": "counts codes against a limit",
    "admin/access/passwords.py:_take_a_try": "counts tries against a limit; what is refused is a record",
    "admin/roster/followed.py:failed": "a look at a feed that changed nothing: the row says how it went",
    "admin/access/sessions.py:who": "when a log-in was last used",
    "admin/access/tokens.py:who": "when a token was last used",
    "admin/access/totp.py:_try": "counts tries against a limit; what is refused is a record",
}
_SAYS = {"audit", "_audit", "_fact"}


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _called(node: ast.AST) -> set[str]:
    """The names that are called in it, without what they belong to."""
    calls = (one.func for one in ast.walk(node) if isinstance(one, ast.Call))
    return {
        call.attr if isinstance(call, ast.Attribute) else call.id
        for call in calls
        if isinstance(call, ast.Attribute | ast.Name)
    }


def _writers(tree: ast.Module) -> set[str]:
    """What store.write is called here."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("store.write"):
            found |= {alias.asname or alias.name for alias in node.names}
    return found


def _writes(function: ast.AST, writers: set[str]) -> bool:
    for call in (node.func for node in ast.walk(function) if isinstance(node, ast.Call)):
        owner = call.value if isinstance(call, ast.Attribute) else call
        if isinstance(owner, ast.Name) and owner.id in writers:
            return True
    return False


def _opens(function: ast.AST) -> bool:
    """Does it begin a transaction?"""
    return "transaction" in _called(function)


def test_what_changes_something_leaves_a_record(modules: Mapping[str, ast.Module]) -> None:
    reach: dict[str, set[str]] = {}
    rooms = {path: modules[path] for path in modules if path.startswith((*ROOMS, "store/write/"))}
    for tree in rooms.values():
        for function in _functions(tree):
            reach.setdefault(function.name, set()).update(_called(function))
    silent = [
        f"{path}:{function.name}"
        for path, tree in rooms.items()
        if path.startswith(ROOMS) and (writers := _writers(tree))
        for function in _functions(tree)
        if _opens(function) and _writes(function, writers) and not _reaches(function, reach)
    ]
    untold = sorted(set(silent) - WITHOUT.keys())
    advice = "Write an audit record in the same transaction (store.write.evidence.audit), or say here why not:\n"
    assert not untold, advice + "\n".join(untold)
    assert not WITHOUT.keys() - set(silent), "These are no exception any more."


def test_effects_leave_a_record(modules: Mapping[str, ast.Module]) -> None:
    silent = [path for path in EFFECTS if not _SAYS & _called(modules[path])]
    assert not silent, f"What happens here has to be on record: {silent}"


def _reaches(function: ast.AST, reach: Mapping[str, set[str]]) -> bool:
    seen, ahead = set[str](), _called(function)
    while ahead:
        if ahead & _SAYS:
            return True
        seen |= ahead
        ahead = set().union(*(reach.get(name, set()) for name in ahead)) - seen
    return False
