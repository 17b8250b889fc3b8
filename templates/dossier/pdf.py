"""Paper from a page: headings, paragraphs, lists, tables and pictures, in fonts that travel with it."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Final

from fpdf import FPDF, FontFace
from fpdf.enums import TableBordersLayout, WrapMode, XPos, YPos
from fpdf.image_parsing import preload_image

from templates.dossier.blocks import Block, Cell, Run, blocks_of

_FONTS = Path(__file__).parent / "fonts"
_SANS: Final = "DejaVu"
_MONO: Final = "DejaVuMono"
_SIDE_MM, _TOP_MM, _BOTTOM_MM = 17, 19, 18
_TEXT_PT, _MONO_PT, _TABLE_PT, _SMALL_PT = 8.8, 7.0, 7.8, 6.2
_LINE_MM, _CODE_MM = 4.5, 3.3
_INK, _DIM, _BLUE, _RED = (25, 30, 35), (95, 105, 112), (15, 60, 90), (170, 30, 25)
_RULE, _SHADE = (205, 212, 218), (238, 242, 245)
_HEADINGS: Final = {"h1": (17.0, 0.0, 2.0), "h2": (12.0, 6.0, 1.6), "h3": (9.4, 3.4, 0.6)}  # pt, mm above, mm below
_TOGETHER_MM = 24  # a heading stays with so much of what follows
_PICTURE_MM = (120, 82)  # at most, wide and high
_PICTURE_TOLD_MM = 30  # what is said of it stays with it
_MOST = 1600  # characters in a cell
_WRAP_AT = 40  # a word longer than this is broken wherever the line ends


class _Paper(FPDF):
    """`head`: what it is, above each page; `foot`: how it hangs in the audit, beside the page's number."""

    def __init__(self, head: tuple[str, str], foot: str) -> None:
        super().__init__(format="A4")
        self._head, self._foot = head, foot

    def header(self) -> None:
        self.set_font(_SANS, size=_SMALL_PT)
        self.set_text_color(*_DIM)
        self.set_y(8)
        left, right = self._head
        room = self.epw - self.get_string_width(right) - 6
        while left and self.get_string_width(left) > room:
            left = left[:-2].rstrip() + "…" if len(left) > 2 else ""
        self.cell(self.epw / 2, 4, left)
        self.cell(self.epw / 2, 4, right, align="R")
        self.set_draw_color(*_RULE)
        self.line(self.l_margin, 13, self.w - self.r_margin, 13)
        self.set_y(_TOP_MM)

    def footer(self) -> None:
        self.set_y(-12)
        self.set_text_color(*_DIM)
        self.set_font(_MONO, size=5.6)
        self.cell(self.epw * 0.84, 4, self._foot)
        self.set_font(_SANS, size=_SMALL_PT)
        self.cell(self.epw * 0.16, 4, f"page {self.page_no()} of {{nb}}", align="R")


def pdf(
    html: str,
    *,
    title: str,
    place: str = "",
    foot: str,
    made_at: datetime,
    pictures: Mapping[str, bytes] | None = None,
) -> bytes:
    """The page as PDF. `html` is ours, with every value escaped (`templates.dossier.blocks`); `place` stands above
    each page beside the title, `foot` below it; `pictures`: JPEGs by the names that the page has for them."""
    paper = _Paper((title, place), foot)
    for style, file in (("", "DejaVuSans"), ("B", "DejaVuSans-Bold")):
        paper.add_font(_SANS, style, _FONTS / f"{file}.ttf")
        paper.add_font(_MONO, style, _FONTS / "DejaVuSansMono.ttf")
    paper.set_margins(_SIDE_MM, _TOP_MM)
    paper.set_auto_page_break(auto=True, margin=_BOTTOM_MM)
    paper.set_title(title)
    paper.set_lang("en")
    paper.set_creator("mos")
    paper.set_creation_date(made_at)
    paper.add_page()
    for block in blocks_of(html):
        if block.picture:
            _picture(paper, (pictures or {})[block.picture])
        else:
            _draw(paper, block)
    return bytes(paper.output())


def _draw(paper: _Paper, block: Block) -> None:
    if block.kind == "table":
        _table(paper, block)
    elif block.kind in _HEADINGS:
        _heading(paper, block)
    else:
        _text(paper, block.runs, bullet=block.kind == "li")


def _picture(paper: _Paper, jpeg: bytes) -> None:
    info = preload_image(paper.image_cache, BytesIO(jpeg))[2]
    wide, high = _PICTURE_MM
    scale = min(wide / info.width, high / info.height)
    if paper.will_page_break(info.height * scale + _PICTURE_TOLD_MM):
        paper.add_page()
    paper.ln(1.6)
    paper.image(BytesIO(jpeg), x=paper.l_margin, w=info.width * scale, h=info.height * scale)
    paper.ln(1.6)


def _heading(paper: _Paper, block: Block) -> None:
    size, above, below = _HEADINGS[block.kind]
    if paper.will_page_break(above + _TOGETHER_MM):
        paper.add_page()
    elif paper.get_y() > _TOP_MM + 1:
        paper.ln(above)
    paper.set_font(_SANS, "B", size)
    paper.set_text_color(*_BLUE)
    text = "".join(run.text for run in block.runs)
    paper.multi_cell(0, size * 0.48, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    if block.kind == "h2":
        paper.set_draw_color(*_RULE)
        paper.line(paper.l_margin, paper.get_y() + 0.6, paper.w - paper.r_margin, paper.get_y() + 0.6)
    paper.ln(below)


def _text(paper: _Paper, runs: Sequence[Run], *, bullet: bool) -> None:
    left, program = paper.l_margin, all(run.style == "code" for run in runs)
    high = _CODE_MM if program else _LINE_MM
    if paper.will_page_break(high):
        paper.add_page()
    if bullet:
        _hand(paper, Run("", ""))
        paper.cell(4, _LINE_MM, "•")
        paper.set_left_margin(left + 4)
    for run in runs:
        _hand(paper, run)
        paper.write(high, run.text, wrapmode=_wrap(run.text))
    paper.set_left_margin(left)
    paper.ln(high + (0.3 if bullet else 1.1))
    paper.set_x(left)


def _hand(paper: _Paper, run: Run) -> None:
    paper.set_text_color(*(_RED if run.style == "alert" else _INK))
    if run.style == "code":
        paper.set_font(_MONO, "", _MONO_PT)
    else:
        paper.set_font(_SANS, "B" if run.style == "b" else "", _TEXT_PT)


def _wrap(text: str) -> WrapMode:
    return WrapMode.CHAR if any(len(word) > _WRAP_AT for word in text.split(" ")) else WrapMode.WORD


def _table(paper: _Paper, block: Block) -> None:
    """A first row of headings is repeated on each page."""
    head = bool(block.rows) and all(cell.head for cell in block.rows[0])
    columns = max(len(row) for row in block.rows)
    paper.set_font(_SANS, "", _TABLE_PT)
    paper.set_text_color(*_INK)
    paper.set_draw_color(*_RULE)
    with paper.table(
        borders_layout=TableBordersLayout.HORIZONTAL_LINES if head else TableBordersLayout.NONE,
        col_widths=block.widths or (1,) * columns,
        first_row_as_headings=head,
        headings_style=FontFace(emphasis="BOLD", color=_BLUE, fill_color=_SHADE),
        line_height=_TABLE_PT * 0.5,
        padding=(0.55, 1.2, 0.55, 0.6),
        text_align="LEFT",
        width=paper.epw,
        v_align="TOP",
    ) as table:
        for cells in (part for whole in block.rows for part in _parts(whole)):
            row = table.row()
            for cell in cells:
                row.cell(cell.text, style=_face(cell, head=head))
    paper.ln(1.8)


def _parts(cells: Sequence[Cell]) -> list[list[Cell]]:
    """A row that may be higher than a page as several: rows are not broken."""
    pieces = [textwrap.wrap(cell.text, _MOST, break_on_hyphens=False) or [""] for cell in cells]
    most = max(map(len, pieces), default=0)
    return [
        [replace(cell, text=texts[n] if n < len(texts) else "") for cell, texts in zip(cells, pieces, strict=True)]
        for n in range(most)
    ]


def _face(cell: Cell, *, head: bool) -> FontFace | None:
    if cell.mono:
        return FontFace(family=_MONO, size_pt=_MONO_PT - 0.4)
    if cell.head and not head:
        return FontFace(color=_DIM)
    return None
