"""The dossier of one exception: everything about it on paper, for an auditor who has nothing else."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from api import wording
from api.references import link_of
from api.rendering import environment
from domain.audit.verification import Report
from domain.books.booking import FieldStanding, Preview, ReadBack
from domain.values import Json, content_hash
from store.read.books.ledger import LedgerRow
from store.read.evidence.dossier import Dossier

_BRIEF = 6000


def paper(found: Dossier, report: Report, *, maker: str, now: datetime, public_keys: Sequence[str] = ()) -> bytes:
    """PDF. `report`: how the audit verified just now; `maker`: who takes it out; `public_keys`: whose signatures
    count."""
    # here: their libraries would double what each start of the console takes
    from intake.photos import for_paper
    from templates.dossier.pdf import pdf

    pictures = {one.sha256: for_paper(one.data) for one in found.pictures}
    zone, exception = ZoneInfo(found.site.timezone), found.page.exception
    html = (
        environment()
        .get_template("dossier.html")
        .render(
            **vars(found) | {"pictures": {one.sha256: one for one in found.pictures}},
            found=found.page,
            report=report,
            maker=maker,
            public_keys=public_keys,
            milestones=_in_order(found.page.milestones),
            decided={decision.id: decision for decision in found.page.decisions},
            changed=_changed,
            kept=_kept,
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
    return pdf(html, title=exception.title, place=found.site.title, foot=_foot(found), made_at=now, pictures=pictures)


def _foot(found: Dossier) -> str:
    """Where it stands in the audit, below each page."""
    numbers = [one.seal.number for one in found.records if one.seal]
    told = [found.page.exception.id]
    told += [f"audit {min(numbers)}-{max(numbers)}"] if numbers else []
    told += [f"head {found.head.number} {found.head.hash[:24]}"] if found.head else []
    return "   ".join(told)


def _in_order(milestones: Mapping[str, Json]) -> list[tuple[str, Json]]:
    """By their times."""
    reached = [(moment, name, value) for name, value in milestones.items() if (moment := wording.moment(value))]
    return [(name, value) for _, name, value in sorted(reached)]


def _changed(row: LedgerRow) -> list[FieldStanding]:
    """What held something else than was posted when it was read back."""
    return ReadBack.model_validate(row.read_back).changed if row.read_back else []


def _kept(row: LedgerRow) -> int:
    """How many fields were set to what they held anyway."""
    changes = Preview.model_validate(row.preview).changes if row.preview else []
    return sum(not one.created and one.before == one.after for one in changes)


def _at(value: datetime | str | None, zone: ZoneInfo) -> str:
    """A moment in full: on paper there is no tooltip."""
    moment = wording.moment(value)
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}" if moment else ""


def _brief(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    if len(text) <= _BRIEF:
        return text
    more = f"{len(text) - _BRIEF} more characters; the whole has the SHA-256 {content_hash(value)}"
    return f"{text[:_BRIEF]} … ({more})"
