"""People steer a running exception: committed, judged, delivered in order, done by the workflow, and audited."""

from datetime import datetime

from sqlalchemy import select
from sqlmodel import col

from admin.definitions import publish
from domain.ids import derived_id
from domain.rosters.people import ChannelName
from domain.values import Json
from intake import commands
from intake.commands import Wish
from store.db import Database
from store.tables import AuditRow, OutboxRow
from tests.support.eventually import eventually
from tests.support.plant import Plant, address_of, publish_all, run_plant, utcnow
from tests.support.servers import Temporal

LOOK = """
definition: breakdown
title: "{{ equipment.title }} is down"
owner: maintenance_lead
opens: {on: [machine.state], when: signal.state == 'aborted', one_per: [signal.equipment]}
standing_authority: {outcomes: [hold_lot, set_order_status], reason: It is safe.}
"""


async def steer(
    plant: Plant, exception: str, person: str, kind: str, reason: str = "", **more: Json
) -> dict[str, Json]:
    """Gives what became of it."""
    wish = Wish(kind, reason=reason, **more)
    press = derived_id("x", exception, person, kind, utcnow().isoformat())
    event = await commands.receive(
        plant.database, person=person, exception=exception, wish=wish, press_id=press, now=utcnow()
    )
    return await plant.outcome(event)


async def audited(plant: Plant, exception: str) -> list[tuple[str, str, str]]:
    steered = (col(AuditRow.subject) == exception, col(AuditRow.kind).startswith("control"))
    rows = await plant.rows(select(AuditRow).where(*steered).order_by(col(AuditRow.id)))
    return [(row.kind, row.actor, row.data.get("reason", "")) for row in rows]


async def path_of(plant: Plant, exception: str, name: str, status: str) -> str:
    """Where the step of this name stands, as soon as it stands so."""

    async def find() -> str:
        steps = (await plant.exception(exception)).state.get("steps", [])
        return next((step["path"] for step in steps if (step["name"], step["status"]) == (name, status)), "")

    return await eventually(find, f"{name} is {status}")


async def publish_steps(database: Database, steps: str) -> None:
    """A breakdown of these steps beside the other shipped definitions."""
    await publish_all(database, edit=lambda shipped: LOOK + steps if "definition: breakdown" in shipped else shipped)


async def test_a_pause_holds_the_ladder_and_lets_answers_count(database: Database, temporal: Temporal) -> None:
    quick = {"breakdown": {"lead_after": "7s", "manager_after": "8s"}}
    await publish_all(database, parameters=quick)
    async with run_plant(database, await temporal.client()) as plant:
        exception = await plant.break_machine()
        await plant.asked("repair", "jonas")
        assert (await steer(plant, exception, "piotr", "pause", "the line is being moved"))["code"] == "done"
        assert (await plant.exception(exception)).state["paused"]
        assert (await steer(plant, exception, "piotr", "pause", "again"))["code"] == "already"
        opened = (await plant.task("repair")).opened_at
        await eventually(lambda: _older(opened, 9), "the ladder's times are over")
        assert (await plant.press("amira", "repair", "decline", ChannelName.CONSOLE))["code"] == "declined"
        assert set((await plant.task("repair")).asked) == {"amira", "jonas"}
        assert (await steer(plant, exception, "piotr", "resume"))["code"] == "done"
        await plant.asked("repair", "sofia")
        assert "paused" not in (await plant.exception(exception)).state
        told = await audited(plant, exception)
    assert told == [
        ("control.pause", "piotr", "the line is being moved"),
        ("control_refused", "piotr", "again"),
        ("control.resume", "piotr", ""),
    ]


async def _older(moment: datetime, seconds: float) -> bool:
    return (utcnow() - moment).total_seconds() > seconds


async def test_a_refused_posting_is_told_and_posted_by_trying_again(plant: Plant) -> None:
    plant.erp.trouble.append("refuse")
    exception = await plant.fail_inspection()
    failed = await path_of(plant, exception, "hold", "failed")
    await plant.told(exception, "told", task="hold", trouble="step_failed")
    (message,) = await plant.rows(select(OutboxRow).where(col(OutboxRow.payload)["step"].as_string() == "hold"))
    assert (message.person, message.payload["values"]["trouble"]) == ("grace", "step_failed")
    await plant.quiet()
    sent = [one for one in plant.slack.sent if one.key == message.id]
    assert "the period is closed" in str(sent[0].payload)
    assert (await steer(plant, exception, "grace", "retry", step=failed))["code"] == "done"
    await plant.posted("hold_lot")
    assert [key.rpartition(":")[2] for key in plant.erp.tries if f":{failed}:" in key] == ["1", "2"]
    assert (await steer(plant, exception, "grace", "retry", step=failed))["code"] == "not_failed"
    assert (await plant.press("grace", "disposition", "reject", ChannelName.CONSOLE))["accepted"]
    await plant.closed(exception)


async def test_a_step_is_skipped_with_values_and_the_rest_runs(plant: Plant) -> None:
    exception = await plant.break_machine()
    repair = await path_of(plant, exception, "repair", "running")
    fabricated = await steer(plant, exception, "lena", "skip", "no need", step=repair, values={"done_at": "now"})
    assert fabricated["code"] == "not_by_skipping"
    values: Json = {"estimate": "2h", "cause": "a sensor"}
    assert (await steer(plant, exception, "lena", "skip", "it runs again", step=repair, values=values))["accepted"]
    await plant.quiet()
    assert (await plant.task("repair")).standing == "withdrawn"
    assert (await plant.press("lena", "plan_decision", "approve:push_right"))["code"] == "approved"
    await plant.closed(exception)
    assert plant.erp.kinds() == ["reschedule_orders"]
    line = await plant.told(exception, "control.skip")
    assert (line.person, line.data["values"]) == ("lena", values)


async def test_a_wait_that_nobody_needs_is_skipped(plant: Plant) -> None:
    exception = await plant.break_machine()
    await plant.asked("repair", "jonas")
    wait = await path_of(plant, exception, "estimate_known", "running")
    assert (await steer(plant, exception, "lena", "skip", "4 h as usual", step=wait))["accepted"]
    assert (await plant.press("lena", "plan_decision", "reject"))["accepted"]


async def test_who_takes_it_over_withdraws_every_prompt_and_closes_it(plant: Plant) -> None:
    exception = await plant.break_machine()
    await plant.press("jonas", "repair", "answer:estimate:2h")
    await plant.asked("plan_decision", "lena")
    assert (await steer(plant, exception, "lena", "close", "done by phone"))["code"] == "not_taken_over"
    assert (await steer(plant, exception, "lena", "take_over", "I call them"))["accepted"]
    assert (await plant.exception(exception)).state["by_hand"] == "Lena Fischer"
    for step in ("repair", "plan_decision"):
        assert (await plant.task(step)).standing == "withdrawn"
    assert (await plant.press("jonas", "repair", "done"))["code"] == "withdrawn"
    assert (await steer(plant, exception, "lena", "close", "done by phone"))["accepted"]
    row = await plant.closed(exception)
    assert row.handling == "closed"
    assert (await plant.told(exception, "closed")).data["ending"] == "closed_by_hand"
    assert not plant.erp.posted
    assert (await steer(plant, exception, "lena", "pause", "too late"))["code"] == "closed"
    assert (await audited(plant, exception))[-1] == ("control_refused", "lena", "too late")


async def test_who_may_not_steer_is_refused_and_that_is_kept(plant: Plant) -> None:
    exception = await plant.break_machine()
    assert (await steer(plant, exception, "mei", "cancel", "noise"))["code"] == "not_allowed"
    assert await audited(plant, exception) == [("control_refused", "mei", "noise")]
    assert (await plant.exception(exception)).handling == "open"


TAKEN_BACK = """
steps:
  - post: held
    to: erp
    standing: true
    outcomes: [{set_order_status: {job_orders: [JO-1], status: held, reason: first}}]
    undo: [{post: first_back, to: erp, standing: true,
            outcomes: [{set_order_status: {job_orders: [JO-1], status: released, reason: first back}}]}]
  - post: held_too
    to: erp
    standing: true
    outcomes: [{set_order_status: {job_orders: [JO-2], status: held, reason: second}}]
    undo: [{post: second_back, to: erp, standing: true,
            outcomes: [{set_order_status: {job_orders: [JO-2], status: released, reason: second back}}]}]
  - task: look
    to: {role: maintenance_technician}
"""


async def test_a_cancelled_exception_takes_back_the_last_first_even_when_it_is_paused(
    database: Database, temporal: Temporal
) -> None:
    await publish_steps(database, TAKEN_BACK)
    async with run_plant(database, await temporal.client()) as plant:
        exception = await plant.break_machine()
        await plant.asked("look", "jonas")
        await steer(plant, exception, "sofia", "pause", "wait")
        assert (await steer(plant, exception, "sofia", "cancel", "a false alarm"))["accepted"]
        row = await plant.closed(exception)
        assert row.handling == "cancelled"
        assert [outcome.reason for outcome in plant.erp.outcomes] == ["first", "second", "second back", "first back"]
        assert (await plant.task("look")).standing == "withdrawn"


async def test_what_was_on_its_way_when_it_was_cancelled_is_taken_back_too(
    database: Database, temporal: Temporal
) -> None:
    await publish_steps(database, TAKEN_BACK)
    async with run_plant(database, await temporal.client()) as plant:
        plant.erp.down = True
        exception = await plant.break_machine()
        await plant.told(exception, "posting")
        assert (await steer(plant, exception, "sofia", "cancel", "a false alarm"))["accepted"]
        plant.erp.down = False
        await plant.closed(exception)
        assert [outcome.reason for outcome in plant.erp.outcomes] == ["first", "first back"]


OLD = """
steps:
  - parallel:
      here:
        - task: look
          to: {role: maintenance_technician}
          buttons: [done]
      there:
        - task: count
          to: {role: materials}
"""
NEW = """
steps:
  - notify: planner_knows
    to: {role: planner}
  - parallel:
      here:
        - task: look
          to: {role: maintenance_technician}
          buttons: [done]
        - task: clean
          to: {role: maintenance_lead}
"""


async def test_a_migration_keeps_the_open_task_and_withdraws_what_is_gone(
    database: Database, temporal: Temporal
) -> None:
    await publish_steps(database, OLD)
    async with run_plant(database, await temporal.client()) as plant:
        exception = await plant.break_machine()
        await plant.asked("look", "jonas")
        await plant.asked("count", "tomas")
        before = (await plant.exception(exception)).version
        version = await publish.publish_definition(
            database, LOOK + NEW, "breakdown.yaml", author="eng", signed_off_by="sofia", now=utcnow()
        )
        shown = await steer(plant, exception, "sofia", "migrate", version="newest", preview=True)
        assert shown["detail"] == {
            "kept": 2, "going_on": ["look"], "withdrawn": ["count"], "passed_over": ["planner_knows"], "new": ["clean"]
        }  # fmt: skip
        assert (await plant.exception(exception)).version == before
        assert not await audited(plant, exception)
        await plant.press("jonas", "look", "accept")
        kept = (await plant.task("look")).id
        assert (await steer(plant, exception, "sofia", "migrate", "new procedure", version="v2"))["accepted"]
        assert (await plant.task("count")).standing == "withdrawn"
        await plant.told(exception, "control.migrate", reason="new procedure")
        assert (await plant.exception(exception)).version == version
        assert (await plant.press("jonas", "look", "done"))["code"] == "done"
        assert (await plant.task("look")).id == kept
        assert (await plant.press("piotr", "clean", "done"))["code"] == "done"
        await plant.closed(exception)
        assert address_of("lena") not in plant.slack.addresses()
        assert await audited(plant, exception) == [("control.migrate", "sofia", "new procedure")]
        again = await steer(plant, exception, "sofia", "migrate", "no", version="v9")
        assert again["code"] == "closed"
