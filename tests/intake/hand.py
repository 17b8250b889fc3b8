"""The pump turned by hand with a clock of its own; deliveries are written down instead of sent to Temporal."""

import dataclasses
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from activities.contracts.model import Answer, AnswerResult, JoinResult
from domain.language.definition import Definition
from domain.signals import RawSignal
from domain.site import Site
from infra.processes.worker import load_rules
from intake import signals
from intake.pump import Pump
from store.db import Database
from store.tables import ExceptionRow, InboxRow
from tests.support.eventually import eventually
from tests.support.plant import machine_state

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


@dataclasses.dataclass
class WrittenDown:
    """Stands where Temporal is reached from."""

    started: dict[str, list[int]] = dataclasses.field(default_factory=dict)
    joined: list[list[int]] = dataclasses.field(default_factory=list)
    answers: list[Answer] = dataclasses.field(default_factory=list)

    async def start(self, row: ExceptionRow, definition: Definition, site: Site, signals: Sequence[InboxRow]) -> bool:
        if row.id in self.started:
            return False
        self.started[row.id] = [signal.seq or 0 for signal in signals]
        return True

    async def join(self, row: ExceptionRow, signals: Sequence[InboxRow]) -> JoinResult:
        self.joined.append([signal.seq or 0 for signal in signals])
        return JoinResult(highest_seq=self.joined[-1][-1])

    async def answer(self, row: ExceptionRow, answer: Answer) -> AnswerResult:
        self.answers.append(answer)
        return AnswerResult(accepted=True, code="yours")

    async def is_known(self, row: ExceptionRow) -> bool:
        return row.id in self.started


class Hand:
    """`turn` moves everything on that is due at `now`."""

    def __init__(self, database: Database) -> None:
        self.database, self.now = database, START
        self.temporal = WrittenDown()
        self.pump = self.another_pump()
        self._numbers = itertools.count()

    def another_pump(self) -> Pump:
        return Pump(self.database, self.temporal, lambda: load_rules(self.database), lambda: self.now)  # type: ignore[arg-type]

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    async def state(self, unit: str, state: int, at: datetime | None = None) -> str:
        """Receive a machine's state as of now (or `at`)."""
        raw = machine_state(unit, state, next(self._numbers), at or self.now)
        await self.receive(raw)
        return raw.event_id

    async def receive(self, *raws: RawSignal) -> list[bool]:
        return await signals.receive(self.database, raws, self.now)

    async def turn(self) -> None:
        """Correlate what is due and wait for the deliveries."""
        while await self.pump.step():
            pass

        async def delivered() -> bool:
            return not await self.rows(select(InboxRow).where(col(InboxRow.status) == "correlated"))

        await eventually(delivered, "everything correlated is delivered")

    async def row(self, event_id: str) -> InboxRow:
        (row,) = await self.rows(select(InboxRow).where(col(InboxRow.event_id) == event_id))
        assert isinstance(row, InboxRow)
        return row

    async def rows(self, statement: Any) -> list[Any]:
        async with self.database.transaction() as session:
            return list((await session.scalars(statement)).all())

    async def exceptions(self) -> list[ExceptionRow]:
        return await self.rows(select(ExceptionRow).order_by(col(ExceptionRow.id)))
