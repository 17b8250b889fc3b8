"""A short exception may be over before a pump that was killed writes down that it was started."""

import pytest
from sqlalchemy import select

from domain.errors import TransientError
from intake.pump import Pump
from store.db import Database
from store.tables import ExceptionRow, InboxRow
from tests.support.eventually import eventually
from tests.support.fixtures import database, database_url, postgres, temporal
from tests.support.plant import address_of, publish_all, run_plant
from tests.support.servers import Temporal

__all__ = ["database", "database_url", "postgres", "temporal"]
pytestmark = pytest.mark.chaos
_SHORT = """steps:
  - notify: affected
    to: {role: planner}
    title: It stopped
    text: Look at it.
"""


async def test_its_signals_open_nothing_anew(
    database: Database, temporal: Temporal, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish_all(
        database, edit=lambda text: text.split("steps:")[0] + _SHORT if "definition: breakdown" in text else text
    )
    deaths: list[str] = []
    async with run_plant(database, await temporal.client()) as plant:
        delivered = Pump._delivered

        async def killed_first(self: Pump, exception_id: str, *rest: object) -> None:
            if not deaths:
                await plant.closed(exception_id)
                deaths.append(exception_id)
                raise TransientError("killed")
            await delivered(self, exception_id, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr(Pump, "_delivered", killed_first)
        exception = await plant.break_machine()

        async def settled() -> bool:
            rows: list[InboxRow] = await plant.rows(select(InboxRow))
            return bool(deaths) and {row.status for row in rows} <= {"delivered", "ignored"}

        await eventually(settled, "every signal found its exception")
        await plant.quiet()
        assert [row.id for row in await plant.rows(select(ExceptionRow))] == deaths == [exception]
        assert plant.slack.addresses() == [address_of("lena")]
