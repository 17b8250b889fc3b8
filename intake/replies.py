"""What somebody is told whose press or text did not do what they meant: queued once, under the answer's own number."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from domain.asking.messages import Message, MessageKind, Standing
from domain.ids import derived_id
from domain.rosters.people import ChannelName
from domain.values import Json, iso, local_text
from store.read import site as site_read
from store.read.messages import tasks as tasks_read
from store.tables import InboxRow

_CODE_LIKE, _MARKS = re.compile(r"[A-Za-z0-9]{3,6}"), ".,:;!()"
_QUIET = (ChannelName.CONSOLE.value, ChannelName.VOICE.value)  # a page shows it; nobody is called back for it
_TEXTS = (ChannelName.SMS.value, ChannelName.WHATSAPP.value, ChannelName.EMAIL.value)
_OWN_WORDS = ("handed_over", "snoozed", "asked", "reported", "mine", "mine_none", "linked")  # no message shows these


def _told(channel: str, outcome: dict[str, Json]) -> str:
    """Which sentence this person is told. What was accepted shows on Slack and on the console; a text is confirmed, but
    for an acceptance, whose answer says what comes next, and for what is no task's (STOP, START)."""
    code = str(outcome.get("code", "ask_again"))
    if channel in _QUIET or outcome.get("silent"):
        return ""
    if not outcome.get("accepted") or code in _OWN_WORDS:
        return code
    if channel not in _TEXTS or code in ("yours", "help"):
        return ""
    return "declined" if code == "declined" else "recorded"


def _said(body: dict[str, Json]) -> str:
    """What was written, without the task's code and cut: two confirmations must not read the same."""
    words = str(body.get("text") or "").split()
    code = str(body.get("task") or "").upper()
    return " ".join(word for word in words if word.upper() != code)[:40]


def written_code(body: dict[str, Json]) -> str:
    """The code that an answer begins with, as far as it may be one, mistyped too (`VG3` for `VG3K`); else empty."""
    reference, words = str(body.get("task") or ""), str(body.get("text") or "").split()
    code = reference or next(iter(words), "").strip(_MARKS)
    return code.upper() if _CODE_LIKE.fullmatch(code) else ""


async def too_late(session: AsyncSession, row: InboxRow) -> dict[str, Json]:
    """What became of an answer whose exception has ended: how its task stands, and by whom."""
    task = await tasks_read.by_id(session, str((row.signal or {}).get("task", "")))
    if task is None or task.person is None or task.closed_at is None:
        return {"accepted": False, "code": Standing.WITHDRAWN.value}
    person = await site_read.person(session, task.person)
    name = person.name if person else task.person
    return {"accepted": False, "code": task.standing, "by": name, "at": iso(task.closed_at)}


def reply_row(row: InboxRow, now: datetime, zone: ZoneInfo) -> dict[str, Json] | None:
    """The outbox row of the reply; None when the person sees the outcome anyway."""
    outcome, body, who = row.outcome or {}, row.body, row.signal or {}
    code = _told(body["channel"], outcome)
    if not code:
        return None
    message = Message(
        kind=MessageKind.REPLY,
        definition="",
        exception_id=row.exception_id or "",
        language=str(who.get("language", "en")),
        title=_said(body) if code == "recorded" else written_code(body) if code == "unknown_code" else "",
        reply_code=code,
        by=str(outcome.get("by") or ""),
        at=local_text(datetime.fromisoformat(str(outcome["at"])), zone) if outcome.get("at") else "",
        code=str(who.get("task_code") or ""),
        body=[str(line) for line in outcome.get("lines", [])],
    )
    return {
        "id": derived_id("msg", "reply", row.seq),
        "exception_id": row.exception_id,
        "task_id": None,
        "person": str(who.get("person", "")),
        "channel": body["channel"],
        "address": body["address"],
        "purpose": "reply",
        "edits": None,
        "payload": message.model_dump(mode="json"),
        "state": "pending",
        "attempts": 0,
        "next_at": now,
        "created_at": now,
        "conversation": str((body.get("reply_to") or {}).get("channel", "")),
    }
