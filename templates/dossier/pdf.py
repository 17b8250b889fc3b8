"""Paper from a page: headings, paragraphs, lists and simple tables, in fonts that travel with it."""

import re
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from fpdf import FPDF
from fpdf.fonts import FontFace, TextStyle

_FONTS = Path(__file__).parent / "fonts"
_SERIF: Final = "DejaVu"
_MONO: Final = "DejaVuMono"
_UNKNOWN = re.compile(r"</?(?:span|time|div|a|abbr|dl|dd|dt)\b[^>]*>")
_BLANK = re.compile(r"\s+")
_MARGIN_MM, _SIZE_PT = 15, 9


class _Paper(FPDF):
    """`foot`: what stands below each page, beside its number."""

    def __init__(self, foot: str) -> None:
        super().__init__(format="A4")
        self._foot = foot

    def footer(self) -> None:
        self.set_y(-12)
        self.set_font(_MONO, size=6)
        self.cell(0, 4, f"{self._foot}  {self.page_no()}/{{nb}}", align="C")


def pdf(html: str, *, title: str, foot: str, made_at: datetime) -> bytes:
    """The page as PDF. `html` is ours, with every value escaped: h1-h3, p, b, ul, li, table, tr, th, td, code."""
    paper = _Paper(foot)
    for style, file in (("", "DejaVuSans"), ("B", "DejaVuSans-Bold"), ("I", "DejaVuSans"), ("BI", "DejaVuSans-Bold")):
        paper.add_font(_SERIF, style, _FONTS / f"{file}.ttf")
        paper.add_font(_MONO, style, _FONTS / "DejaVuSansMono.ttf")
    paper.set_margin(_MARGIN_MM)
    paper.set_auto_page_break(auto=True, margin=_MARGIN_MM)
    paper.set_title(title)
    paper.set_lang("en")
    paper.set_creator("mos")
    paper.set_creation_date(made_at)
    paper.add_page()
    paper.set_font(_SERIF, size=_SIZE_PT)
    paper.write_html(_BLANK.sub(" ", _UNKNOWN.sub("", html)), font_family=_SERIF, tag_styles=_styles())
    return bytes(paper.output())


def _styles() -> dict[str, FontFace | TextStyle]:
    heading = partial(TextStyle, font_family=_SERIF, font_style="B", color=(20, 40, 80))
    return {
        "h1": heading(font_size_pt=17, t_margin=2, b_margin=2),
        "h2": heading(font_size_pt=12, t_margin=6, b_margin=1.5),
        "h3": heading(font_size_pt=9.5, t_margin=3, b_margin=0.5),
        "code": FontFace(family=_MONO, size_pt=7),
    }
