"""Nobody answers: the ladder is climbed in time, the decision escalates, and the exception ends as expired."""

from sqlalchemy import select
from sqlmodel import col

from store.db import Database
from store.tables import TaskRow, TimelineRow
from tests.support.silence import nobody_answers, skipping_server


async def test_silence_climbs_the_ladder_escalates_and_expires(database: Database) -> None:
    async with skipping_server() as environment:
        ending = await nobody_answers(database, environment)
    assert ending == "expired"
    async with database.transaction() as session:
        story = (await session.scalars(select(TimelineRow).order_by(col(TimelineRow.entry)))).all()
        tasks = {task.step: task.standing for task in (await session.scalars(select(TaskRow))).all()}
    opened = story[0].at
    asked = [(line.at - opened, line.data["people"]) for line in story if line.data.get("task") == "repair"]
    minutes = [(round(after.total_seconds() / 60), people) for after, people in asked]
    assert minutes == [(0, ["Amira Haddad", "Jonas Weber"]), (2, ["Piotr Nowak"]), (4, ["Sofia Rossi"])]
    decision = [(line.kind, line.data.get("people")) for line in story if line.data.get("task") == "plan_decision"]
    asked_both = [("asked", ["Lena Fischer"]), ("asked", ["Sofia Rossi"])]
    assert decision == [*asked_both, ("overdue", None), ("owner_called", [])]
    (waited,) = [line for line in story if line.kind == "waited"]
    assert waited.data["met"] is False
    assert tasks == {"repair": "expired", "plan_decision": "withdrawn"}
