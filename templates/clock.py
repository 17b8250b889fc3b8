"""Times as people read them: in the site's zone, short."""

from datetime import datetime
from zoneinfo import ZoneInfo

from jinja2 import pass_context
from jinja2.runtime import Context

from domain.values import local_text
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
