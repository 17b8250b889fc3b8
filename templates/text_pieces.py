"""A text taken apart into its marks and what stands between them: each mark is read once, in however many texts and
languages it stands.

Only texts are taken apart of which it is certain that Jinja's lexer would see the same; all others are read whole.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import nodes

from templates.text_walk import FIRST_DATA, knows, parts_of

_FLAT = r"""(?:[^{}'"\\\n]|'[^'{}\\\n]*'|"[^"{}\\\n]*")*"""
_INNER = rf"{_FLAT}(?:\{{{_FLAT}\}}{_FLAT})*"
_TAG = re.compile(
    rf"{{{{(?![-+]){_INNER}(?<![-+])}}}}|{{%(?![-+])\s*(?:if|elif|else|for|endif|endfor)\b{_INNER}(?<![-+])%}}"
)
_BRACE = re.compile(r"[{}]")
MAX_SOURCE = 4_000  # characters of a text


@dataclass(frozen=True)
class Piece:
    """A tree that can be walked, and what stands between its marks. `names`: every name in it."""

    tree: nodes.Template
    data: tuple[str, ...]
    names: frozenset[str]


class Pieces:
    """`read`: the syntax tree of an allowed source, None for one that is not."""

    def __init__(self, read: Callable[[str], nodes.Template | None]) -> None:
        self._read = read
        self._piece = lru_cache(maxsize=8192)(self._whole)
        self.of = lru_cache(maxsize=256)(self._of)  # a text is checked and rendered one after the other

    def _of(self, text: str) -> list[str | Piece] | None:
        """What follows one another: plain text, and marks. None for a text that is to be read whole."""
        parts = _split(text)
        if parts is None:
            return None
        if any(part.startswith("{%") for part in parts):
            return self._with_blocks(parts)
        found: list[str | Piece] = []
        for part in parts:
            piece = self._piece(part) if part.startswith("{{") else part
            if piece is None:
                return None
            found.append(piece if isinstance(piece, str) else Piece(piece[0], (), piece[1]))
        return found

    def _with_blocks(self, parts: list[str]) -> list[str | Piece] | None:
        """Blocks belong together, whatever stands between them."""
        data = tuple(part for part in parts if part[:2] not in ("{{", "{%"))
        counted = iter(range(FIRST_DATA, FIRST_DATA + len(data)))
        source = "".join(part if part[:2] in ("{{", "{%") else chr(next(counted)) for part in parts)
        found = self._piece(source)
        return [Piece(found[0], data, found[1])] if found else None

    def _whole(self, source: str) -> tuple[nodes.Template, frozenset[str]] | None:
        tree = self._read(source)
        parts = list(parts_of(tree)) if tree is not None else []
        if tree is None or not knows(tree, parts):
            return None
        return tree, frozenset(part.name for part in parts if isinstance(part, nodes.Name))


def _split(text: str) -> list[str] | None:
    """Marks and what stands between them. Line ends beside blocks, dashes in marks, comments and braces change what is
    read: such a text is not split."""
    if len(text) > MAX_SOURCE or "\r" in text or text.endswith("\n"):
        return None
    parts: list[str] = []
    at = 0
    for mark in _TAG.finditer(text):
        parts += [text[at : mark.start()], mark.group()]
        at = mark.end()
    parts = [part for part in [*parts, text[at:]] if part]
    between = [part for part in parts if part[:2] not in ("{{", "{%")]
    if any(_BRACE.search(part) for part in between):
        return None
    blocks = any(part.startswith("{%") for part in parts)
    if blocks and ("\n" in text or parts[0].isspace() or _has_private(text)):
        return None
    return parts


def _has_private(text: str) -> bool:
    return any(FIRST_DATA <= ord(char) <= FIRST_DATA + MAX_SOURCE for char in text)
