"""What changed between two versions of a definition, in the plant's words: "repair: escalation to maintenance_lead
after 5 min becomes 8 min". Works on the normalised content, so that a kind of step made later needs nothing here."""

from collections.abc import Container, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Literal

from authoring.diff_steps import Node, Pairs, flatten, pair, strayed
from authoring.diff_values import Raw, differences
from authoring.diff_words import place_of, sentence
from domain.language.definition import Definition
from domain.values import Json

Kind = Literal["added", "removed", "changed", "moved", "renamed"]
_APART = ("steps", "bundled")  # told step by step, and definition by definition


@dataclass(frozen=True)
class Change:
    """One change. `path`: the step's name or label, then the field (`repair.within`, `opens.when`)."""

    kind: Kind
    path: str
    before: Json
    after: Json
    sentence: str


def diff(before: Definition | None, after: Definition) -> list[Change]:
    """Every change, in the order of the newer document; `None`: there was nothing before."""
    if before is None:
        count = len(flatten(_dump(after)["steps"]))
        return [_change("added", after.definition, "definition", {}, None, after.title, count=count)]
    return diff_content(_dump(before), _dump(after))


def diff_content(before: Json, after: Json) -> list[Change]:
    """The same for the content of two versions as dicts."""
    found = list(_fields("", _head(before), _head(after)))
    old, new = flatten(before.get("steps", [])), flatten(after.get("steps", []))
    found += _steps(pair(old, new), old, new)
    for name, called in after.get("bundled", {}).items():
        if name in before.get("bundled", {}):
            found += [_within(name, change) for change in diff_content(before["bundled"][name], called)]
    return found


def to_text(changes: list[Change]) -> str:
    """One line a change."""
    return "\n".join(f"- {change.sentence}" for change in changes) or sentence("same", "", {})


def to_data(changes: list[Change]) -> list[dict[str, Json]]:
    """For programs."""
    return [asdict(change) for change in changes]


def _dump(definition: Definition) -> dict[str, Json]:
    """With all defaults, so that a field that is left out and one that is written out do not differ."""
    dumped: dict[str, Json] = definition.model_dump(mode="json", by_alias=True)
    return dumped


def _head(content: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in content.items() if name not in _APART}


def _within(name: str, change: Change) -> Change:
    told = sentence("within", "", {"name": name, "sentence": change.sentence})
    return replace(change, path=f"{name}/{change.path}", sentence=told)


def _fields(at: str, before: Json, after: Json) -> Iterator[Change]:
    for raw in differences(before, after):
        yield _field(at, raw)


def _field(at: str, raw: Raw) -> Change:
    path = ".".join([*([at] if at else []), *raw.path])
    words = {"at": at, "path": path, "item": raw.path[-1], "owner": raw.path[-2] if len(raw.path) > 1 else at}
    told = sentence(raw.kind, ".".join(raw.shape), words | {"before": raw.before, "after": raw.after})
    return Change(raw.kind, path, raw.before, raw.after, told)


def _steps(pairs: Pairs, old: list[Node], new: list[Node]) -> Iterator[Change]:
    former = {id(now): was for was, now in pairs}
    kept = {id(was) for was, _ in pairs}
    moved = {id(node): after for node, after in strayed(pairs)}
    for node in new:
        was = former.get(id(node))
        if was is None:
            yield from _whole("added", node, former)
            continue
        if was.name != node.name:
            yield _change("renamed", node.label, node.kind, {}, was.name, node.name)
        if id(node) in moved:
            yield _moved(was, node, moved[id(node)])
        yield from _fields(node.label, was.own, node.own)
    for node in old:
        if id(node) not in kept:
            yield from _whole("removed", node, kept)


def _whole(kind: Kind, node: Node, known: Container[int]) -> Iterator[Change]:
    """A step that is only in one of the two; those inside it are named with it."""
    if node.parent is not None and id(node.parent) not in known:
        return
    inside = [inner.label for inner in node.inside if id(inner) not in known and inner.name]
    before, after = (None, node.content) if kind == "added" else (node.content, None)
    what = f"{node.kind} {node.name}" if node.name else node.label
    words = {"what": what, "place": place_of(node), "inside": ", ".join(inside)}
    yield _change(kind, node.label, node.kind, words, before, after)


def _moved(was: Node, node: Node, follows: Node | None) -> Change:
    words = {"place": place_of(node), "was": place_of(was), "follows": follows.label if follows else ""}
    shape = "elsewhere" if words["place"] != words["was"] else "order"
    told = sentence("moved", shape, {"at": node.label} | words)
    return Change("moved", node.label, words["was"], words["place"], told)


def _change(
    kind: Kind, at: str, step_kind: str, words: dict[str, Json], before: Json, after: Json, count: int = 0
) -> Change:
    told = {"at": at, "kind": step_kind, "before": before, "after": after, "count": count}
    shape = "definition" if step_kind == "definition" else "step"
    return Change(kind, at, before, after, sentence(kind, shape, told | words))
