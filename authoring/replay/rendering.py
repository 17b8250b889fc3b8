"""A report as text for a terminal, and as one HTML file that needs nothing else."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined, pass_context
from jinja2.runtime import Context

from domain.values import Json, parse_time

_FOLDER = Path(__file__).resolve().parents[2] / "templates" / "replay"


def text(report: Mapping[str, Json]) -> str:
    """For a terminal, 80 to 140 columns."""
    told = _environment(html=False).get_template("report.txt.j2").render(**report, notes=notes(report))
    return told.rstrip() + "\n"


def html(report: Mapping[str, Json]) -> str:
    """One file without scripts, fonts or addresses of elsewhere."""
    return _environment(html=True).get_template("report.html.j2").render(**report, notes=notes(report))


def notes(report: Mapping[str, Json]) -> list[str]:
    """What a reader has to know of how the figures were found, a sentence or two each."""
    told = _environment(html=False).get_template("notes.j2").render(**report)
    return [line for line in told.splitlines() if line.strip()]


@lru_cache(maxsize=2)
def _environment(*, html: bool) -> Environment:
    undefined: type[Undefined] = StrictUndefined if html else Undefined
    loader = FileSystemLoader(_FOLDER)
    environment = Environment(loader=loader, autoescape=html, undefined=undefined)  # noqa: S701 - text is no HTML
    environment.filters |= {"span": _span, "local": _local, "extract": lambda name, row: row[name]}
    return environment


def _span(seconds: Json) -> str:
    """`45 s`, `12 min`, `3.5 h`."""
    if not isinstance(seconds, int | float):
        return "-"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


@pass_context
def _local(context: Context, moment: str) -> str:
    """At the site."""
    return f"{parse_time(moment).astimezone(ZoneInfo(context['timezone'])):%Y-%m-%d %H:%M}"
