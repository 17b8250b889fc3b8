"""From our own page to the blocks of a paper: headings, paragraphs, list items, tables and pictures."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_BLANK = re.compile(r"\s+")
_BLOCKS = frozenset({"h1", "h2", "h3", "p", "li"})


@dataclass(frozen=True)
class Run:
    """Text in one hand: `style` is empty, b (bold), code or alert."""

    text: str
    style: str = ""


@dataclass
class Cell:
    """`mono`: a hash, a key, a value as programs write it."""

    text: str = ""
    mono: bool = False
    head: bool = False


@dataclass
class Block:
    """`kind`: h1, h2, h3, p, li, table or img. `widths` of a table's columns, in shares; `picture`: its name."""

    kind: str
    runs: list[Run] = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)
    widths: tuple[int, ...] = ()
    picture: str = ""


class _Reader(HTMLParser):
    """`data-widths="20 80"` of a table are its columns, `data-picture` of an img is its name: no address is ever
    opened. Anything unknown is only its text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self._block: Block | None = None
        self._cell: Cell | None = None
        self._styles: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "table":
            widths = tuple(int(one) for one in (given.get("data-widths") or "").split())
            self._block = Block("table", widths=widths)
            self.blocks.append(self._block)
        elif tag == "img" and given.get("data-picture") and self._cell is None:
            self.blocks.append(Block("img", picture=given["data-picture"] or ""))
        elif tag == "tr" and self._block is not None:
            self._block.rows.append([])
        elif tag in ("td", "th") and self._block is not None:
            self._cell = Cell(head=tag == "th")
            self._block.rows[-1].append(self._cell)
        elif tag in _BLOCKS and self._cell is None:
            self._block = Block(tag)
            self.blocks.append(self._block)
        elif tag in ("b", "code") or given.get("class") == "alert":
            self._styles.append(tag if tag in ("b", "code") else "alert")
            return
        if tag == "li" and self._cell is not None and self._cell.text.strip():
            self._cell.text += "; "
        if tag in ("span", "li"):
            self._styles.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._cell = None
        elif tag in _BLOCKS | {"table"} and self._cell is None:
            self._block = None
        if tag in ("b", "code", "span", "li") and self._styles:
            self._styles.pop()

    def handle_data(self, data: str) -> None:
        text = _BLANK.sub(" ", data)
        if self._cell is not None:
            self._cell.text += text
            self._cell.mono = self._cell.mono or "code" in self._styles
        elif self._block is not None and self._block.kind != "table":
            style, runs = next((one for one in reversed(self._styles) if one), ""), self._block.runs
            if runs and runs[-1].style == style:
                text = runs.pop().text + text
            runs.append(Run(text, style))


def blocks_of(html: str) -> list[Block]:
    """`html` is ours, with every value escaped."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return [_trimmed(block) for block in reader.blocks if _says(block)]


def _says(block: Block) -> bool:
    return bool(block.rows or block.picture) or any(run.text.strip() for run in block.runs)


def _trimmed(block: Block) -> Block:
    while block.runs and not block.runs[-1].text.strip():
        block.runs.pop()
    if block.runs:
        block.runs[0] = Run(block.runs[0].text.lstrip(), block.runs[0].style)
        block.runs[-1] = Run(block.runs[-1].text.rstrip(), block.runs[-1].style)
    for row in block.rows:
        for cell in row:
            cell.text = cell.text.strip()
    return block
