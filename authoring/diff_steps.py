"""Which step of one version is which of another: by kind and name wherever it stands, else by what is inside it."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from authoring.diff_words import label_of
from domain.language.steps import NAMED_KINDS, step_kind
from domain.values import Json, canonical


@dataclass(eq=False)
class Node:
    """A step without the steps inside it. `slot`: in which of its parent's sequences it stands, at `index`."""

    kind: str
    name: str
    label: str
    content: Json
    own: Json
    parent: "Node | None"
    slot: str
    index: int
    inside: "list[Node]" = field(default_factory=list)  # all of them, at every depth
    names: frozenset[tuple[str, str]] = frozenset()  # kinds and names of those


Pairs = list[tuple[Node, Node]]
Score = Callable[[Node, Node], float]
_TOO_MANY = 250_000  # comparisons; a document with so many nameless changes is told step by step


def flatten(steps: list[Json], parent: Node | None = None, slot: str = "") -> list[Node]:
    """Every step, parents before children."""
    found: list[Node] = []
    for index, step in enumerate(steps):
        kind = step_kind(step) or ""
        own, inner = _split(step)
        name = str(own.pop(kind)) if kind in NAMED_KINDS else ""
        node = Node(kind, name, name or label_of(kind, step[kind]), step, own, parent, slot, index)
        for inner_slot, sequence in inner:
            node.inside += flatten(sequence, node, inner_slot)
        node.names = frozenset((child.kind, child.name) for child in node.inside if child.name)
        found += [node, *node.inside]
    return found


def _split(value: dict[str, Json]) -> tuple[dict[str, Json], list[tuple[str, list[Json]]]]:
    """A step's own fields, and the sequences of steps in it by where they stand (`parallel.planning`, `then`)."""
    own: dict[str, Json] = {}
    inner: list[tuple[str, list[Json]]] = []
    for name, item in value.items():
        if _is_sequence(item):
            inner.append((name, item))
        elif isinstance(item, dict):
            kept, nested = _split(item)
            own[name] = kept
            inner += [(f"{name}.{slot}", sequence) for slot, sequence in nested]
        else:
            own[name] = item
    return own, inner


def _is_sequence(value: Json) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(i, dict) and step_kind(i) for i in value)


def pair(old: list[Node], new: list[Node]) -> Pairs:
    """Which is which. A step that is alike in all but its name was renamed."""
    pairs = _by_name(old, new)
    for score in (_renamed, _alike):
        pairs += _best(*_left(pairs, old, new), score)
    while more := _best(*_left(pairs, old, new), _in_place(pairs)):  # blocks within blocks that were just paired
        pairs += more
    return pairs


def _by_name(old: list[Node], new: list[Node]) -> Pairs:
    """Same kind and name; blocks without a name that are the same altogether."""
    waiting: dict[tuple[str, str], list[Node]] = {}
    for node in reversed(old):
        waiting.setdefault(_named(node), []).append(node)
    return [(waiting[_named(node)].pop(), node) for node in new if waiting.get(_named(node))]


def _named(node: Node) -> tuple[str, str]:
    return node.kind, node.name or canonical(node.content)


def _left(pairs: Pairs, old: list[Node], new: list[Node]) -> tuple[list[Node], list[Node]]:
    paired = {id(node) for both in pairs for node in both}
    return [node for node in old if id(node) not in paired], [node for node in new if id(node) not in paired]


def _best(old: list[Node], new: list[Node], score: Score) -> Pairs:
    """The best fitting first; each once. Ties in document order."""
    if len(old) * len(new) > _TOO_MANY:
        return []
    scored = [(score(a, b), i, j) for i, a in enumerate(old) for j, b in enumerate(new) if a.kind == b.kind]
    taken_old, taken_new = set[int](), set[int]()
    found: Pairs = []
    for value, i, j in sorted(scored, key=lambda entry: (-entry[0], entry[1], entry[2])):
        if value > 0 and i not in taken_old and j not in taken_new:
            taken_old.add(i)
            taken_new.add(j)
            found.append((old[i], new[j]))
    return found


def _renamed(a: Node, b: Node) -> float:
    if not (a.name and b.name) or a.slot != b.slot:
        return 0.0
    return 1.0 if a.own == b.own and a.names == b.names else 0.0


def _alike(a: Node, b: Node) -> float:
    if a.name or b.name:
        return 0.0
    shared = len(a.names & b.names) / max(len(a.names | b.names), 1)
    return shared + (1.0 if a.own == b.own and shared else 0.0)


def _in_place(pairs: Pairs) -> Score:
    """Blocks that share nothing inside are the same when they are alike outside and stand in the same sequence."""

    def score(a: Node, b: Node) -> float:
        if a.name or b.name or a.slot != b.slot or not _same_parent(a, b, pairs):
            return 0.0
        alike = 2.0 if a.own == b.own else 1.0
        return alike - min(abs(a.index - b.index), 50) / 100

    return score


def _same_parent(a: Node, b: Node, pairs: Pairs) -> bool:
    if a.parent is None or b.parent is None:
        return a.parent is b.parent
    return any(was is a.parent and now is b.parent for was, now in pairs)


def strayed(pairs: Pairs) -> Iterator[tuple[Node, Node | None]]:
    """Steps that stand elsewhere now, or in another order; with the step that they follow now (None: first)."""
    newer = {id(was): now for was, now in pairs}
    stayed: dict[tuple[int, str], Pairs] = {}
    for was, now in sorted(pairs, key=lambda both: both[1].index):
        if now.slot == was.slot and now.parent is (newer.get(id(was.parent)) if was.parent else None):
            stayed.setdefault((id(now.parent), now.slot), []).append((was, now))
        else:
            yield now, None
    for sequence in stayed.values():
        kept = _longest_rising([was.index for was, _ in sequence])
        for position, (_, now) in enumerate(sequence):
            if position not in kept:
                yield now, sequence[position - 1][1] if position else None


def _longest_rising(numbers: list[int]) -> set[int]:
    """Positions of a longest rising subsequence: what is not in it has moved."""
    ends: list[int] = []  # the smallest last number of a rising run of each length
    at: list[int] = []
    before: list[int | None] = []
    for position, number in enumerate(numbers):
        length = bisect_left(ends, number)
        ends[length:] = [number, *ends[length + 1 :]]
        at[length:] = [position, *at[length + 1 :]]
        before.append(at[length - 1] if length else None)
    kept: set[int] = set()
    last: int | None = at[-1] if at else None
    while last is not None:
        kept.add(last)
        last = before[last]
    return kept
