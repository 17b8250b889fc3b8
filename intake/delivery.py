"""What became of a message after its vendor took it: kept on the message's own row, the first delivery for good."""

from datetime import datetime
from typing import Protocol

from domain.rosters.people import ChannelName
from domain.values import Json
from store.db import Database
from store.write.messages import reach, reports


class DeliveryReport(Protocol):
    """`key` is our outbox id; `failure` says for people why it will never arrive, empty while it still may;
    `error_code` is the vendor's for it (21610: the owner of the number wants no more)."""

    @property
    def key(self) -> str: ...

    @property
    def vendor_id(self) -> str: ...

    @property
    def status(self) -> str: ...

    @property
    def delivered(self) -> bool: ...

    @property
    def failure(self) -> str: ...

    @property
    def error_code(self) -> str: ...


async def receive(database: Database, channel: ChannelName, report: DeliveryReport, now: datetime) -> bool:
    """Commit a verified report; False for one of a message that is not ours: that stands in the inbox as ignored. A
    message that failed goes to the person's next contact, in the same transaction."""
    delivered_at = now if report.delivered else None
    async with database.transaction() as session:
        failed = await reports.apply(
            session,
            report.key,
            channel.value,
            report.vendor_id,
            delivered_at=delivered_at,
            failure=report.failure,
        )
        for row in failed or []:
            row.ended_at = now
            await session.flush()
            await reach.gave_up(session, row, now, report.error_code)
        if failed is None:
            event_id, why = f"report:{report.vendor_id}:{report.status}", "no message of ours has this key and id"
            await reports.ignore(session, source=channel.value, event_id=event_id, body=_body(report), why=why, at=now)
    return failed is not None


def _body(report: DeliveryReport) -> dict[str, Json]:
    return {"key": report.key, "vendor_id": report.vendor_id, "status": report.status, "failure": report.failure}
