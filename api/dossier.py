"""The dossier of one exception: everything about it on paper, for an auditor who has nothing else."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

from api import wording
from api.references import link_of
from api.rendering import environment
from domain.audit.verification import Report
from domain.values import Json
from store.read.dossier import Dossier

_BRIEF = 6000


def paper(found: Dossier, report: Report, *, maker: str, now: datetime) -> bytes:
    """PDF. `report`: how the audit verified just now; `maker`: who takes it out."""
    from templates.dossier.pdf import pdf  # here: its fonts' library would double what each start of the console takes

    zone, exception = ZoneInfo(found.site.timezone), found.page.exception
    html = (
        environment()
        .get_template("dossier.html")
        .render(
            **vars(found),
            found=found.page,
            report=report,
            maker=maker,
            now=now,
            zone=zone,
            path="",
            titles={task.step: task.shown.get("title", "") for task in found.page.tasks},
            options={one["id"]: one["title"] for task in found.page.tasks for one in task.shown.get("options", [])},
            at=lambda value: _at(value, zone),
            brief=_brief,
            clock=lambda value, seconds=True: _at(value, zone),
            full=lambda value: "",
            age=lambda value: "",
            moment=wording.moment,
            link_of=lambda document: link_of(document, {}, has_page=False),
        )
    )
    return pdf(html, title=f"{exception.title} ({exception.id})", foot=exception.id, made_at=now)


def _at(value: datetime | str | None, zone: ZoneInfo) -> str:
    """A moment in full: on paper there is no tooltip."""
    moment = wording.moment(value)
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}" if moment else ""


def _brief(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _BRIEF else text[:_BRIEF] + " …"
