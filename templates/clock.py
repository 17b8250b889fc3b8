"""Times as people read them: in the site's zone, short."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from jinja2 import pass_context
from jinja2.runtime import Context

from domain.values import Json, local_text
from templates.sandbox import BUDGET


@pass_context
def local_time(context: Context, value: object) -> str:
    """Filter: an ISO time as local text; anything else is shown as it is."""
    site = context.get("site") or {}
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return str(value or "?")
    if moment.tzinfo is None:
        return str(value)
    return local_text(moment, ZoneInfo(str(site.get("timezone", "UTC"))), context[BUDGET].language)


def local_changes(options: list[dict[str, Json]], zone: str, language: str) -> list[dict[str, Json]]:
    """The options of a message, the times in their previews as its reader writes them. What was decided on stays the
    system's own value: this is how it is shown. Without a zone all stays as it is."""
    if not zone:
        return options
    return [_previewed(option, ZoneInfo(zone), language) if option.get("preview") else option for option in options]


def _previewed(option: dict[str, Json], zone: ZoneInfo, language: str) -> dict[str, Json]:
    preview = option["preview"]
    changes = [_change(change, zone, language) for change in preview["changes"]]
    return option | {"preview": preview | {"changes": changes}}


def _change(change: Mapping[str, Json], zone: ZoneInfo, language: str) -> dict[str, Json]:
    """To the second where a shorter time would read as if nothing changed."""
    before, after = (_moment(change[name]) for name in ("before", "after"))
    told = {name: local_text(at, zone, language) for name, at in (("before", before), ("after", after)) if at}
    if before and after and told["before"] == told["after"]:
        told = {name: f"{told[name]}:{at:%S}" for name, at in (("before", before), ("after", after))}
    return {**change, **told}


def _moment(value: str) -> datetime | None:
    """A time with its zone, as systems write it; no number or word is one."""
    try:
        moment = datetime.fromisoformat(value) if "T" in value else None
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None
