"""Approvals that withstand attack: authority at the decision, distinct people, what was shown, races and signatures."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import yaml
from sqlalchemy import select
from sqlmodel import col

from admin import authority
from admin.actors import Actor
from admin.books.signing import ChangedError
from admin.definitions.publish import publish_definition, publish_site
from connectors.roles import InboundMessage
from domain.asking.messages import Message
from domain.authority.signing import signature_hash, snapshot
from domain.rosters.people import ChannelName
from domain.values import Json, content_hash
from intake import answers
from store.tables import AuditRow, DecisionRow, OutboxRow, PersonRow, ShownRow, SignatureRow, TaskRow, TimelineRow
from tests.support.eventually import eventually
from tests.support.plant import DEFINITIONS, SITE, Plant, address_of, utcnow

CLEARING = 1

MATRIX: dict[str, Any] = {
    "currency": "EUR",
    "actions": {
        "report_downtime": {"risk": "low"},
        "reschedule": {"risk": "normal"},
        "promise": {"risk": "normal"},
        "disposition": {"risk": "high", "meanings": ["approve", "responsible"]},
    },
    "grants": [
        {"id": "downtime", "action": "report_downtime", "to": {"authority": "report_downtime"}},
        {"id": "planner", "action": "reschedule", "to": {"role": "planner"}},
        {"id": "manager", "action": "reschedule", "to": {"role": "plant_manager"}},
        {"id": "quality", "action": "disposition", "to": {"role": "quality_manager"}},
    ],
}


async def publish(plant: Plant, **rules: Json) -> None:
    """The matrix, with the rule of `reschedule` changed."""
    document = MATRIX | {"actions": MATRIX["actions"] | {"reschedule": {"risk": "normal"} | rules}}
    await authority.publish_matrix(plant.database, document, author="eng", now=utcnow())


async def asked_to_decide(plant: Plant) -> TaskRow:
    await plant.break_machine()
    await plant.press("jonas", "repair", "answer:estimate:2h")
    return await plant.task("plan_decision")


async def change_person(plant: Plant, person: str, **values: Json) -> None:
    async with plant.database.transaction() as session:
        row = await session.get(PersonRow, person)
        assert row is not None
        row.data = row.data | values


async def decisions(plant: Plant) -> list[DecisionRow]:
    await plant.quiet()
    return await plant.rows(select(DecisionRow))


async def test_c10_authority_is_looked_up_at_the_decision(plant: Plant) -> None:
    """Lena was asked, then lost her role: her press is refused, whatever the message offers."""
    await publish(plant)
    task = await asked_to_decide(plant)
    assert "lena" in task.asked
    await change_person(plant, "lena", roles=["customer_service"])
    assert (await plant.press("lena", "plan_decision", "approve:push_right"))["code"] == "not_allowed"
    assert (await plant.press("sofia", "plan_decision", "approve:push_right"))["code"] == "approved"
    [made] = await decisions(plant)
    [grant] = made.granted
    assert (grant["person"], grant["grant"], grant["risk"]) == ("sofia", "manager", "normal")
    assert grant["shown_hash"] == made.shown_hash


async def test_c11_two_people_not_two_channels(plant: Plant) -> None:
    """Two must agree. Sofia by Slack and by SMS is one person; so is a second roster entry with her name."""
    await publish(plant, four_eyes=True)
    task = await asked_to_decide(plant)
    assert (await plant.press("sofia", "plan_decision", "approve:push_right"))["code"] == "recorded"
    again = await plant.press("sofia", "plan_decision", "approve:push_right", ChannelName.SMS)
    assert (again["accepted"], again["code"]) == (True, "recorded")
    await change_person(plant, "mei", roles=["planner"], name="Sofia Rossi")
    assert (await plant.press("mei", "plan_decision", "approve:push_right"))["code"] == "four_eyes"
    assert (await plant.task("plan_decision")).standing == "open"
    assert (await plant.press("lena", "plan_decision", "approve:push_right"))["code"] == "approved"
    [made] = await decisions(plant)
    assert [grant["person"] for grant in made.granted] == ["sofia", "lena"]
    assert made.shown_hash == task.shown_hash


async def test_c13_a_lent_authority_ends_with_its_time(plant: Plant) -> None:
    await publish(plant)
    await asked_to_decide(plant)
    assert (await plant.press("mei", "plan_decision", "approve:push_right"))["code"] == "not_allowed"
    now = utcnow()
    row = await authority.lend(
        plant.database, to_person="mei", actions=["reschedule"], start=now, end=now + timedelta(hours=1),
        reason="at the dentist", by=Actor("lena"), now=now,
    )  # fmt: skip
    await authority.take_back(plant.database, row.id or 0, by=Actor("lena"), now=utcnow())
    assert (await plant.press("mei", "plan_decision", "approve:push_right"))["code"] == "not_allowed"
    await authority.lend(
        plant.database, to_person="mei", actions=["reschedule"], start=now, end=now + timedelta(hours=1),
        reason="at the dentist", by=Actor("lena"), now=utcnow(),
    )  # fmt: skip
    assert (await plant.press("mei", "plan_decision", "approve:push_right"))["code"] == "approved"
    [made] = await decisions(plant)
    assert (made.person, made.granted[0]["grant"], made.granted[0]["lent_by"]) == ("mei", "planner", "lena")
    kinds = [fact.kind for fact in await plant.rows(select(AuditRow).order_by(col(AuditRow.id)))]
    assert [kind for kind in kinds if kind.startswith("delegation.")] == [
        "delegation.begun", "delegation.ended", "delegation.begun",
    ]  # fmt: skip


@pytest.mark.parametrize("channel", [ChannelName.SLACK, ChannelName.SMS, ChannelName.CONSOLE])
async def test_c14_high_risk_never_completes_without_a_signature(plant: Plant, channel: ChannelName) -> None:
    await publish(plant, risk="high")
    task = await asked_to_decide(plant)
    person = "sofia" if channel is ChannelName.SMS else "lena"
    sent = await plant.rows(select(OutboxRow).where(col(OutboxRow.task_id) == task.id))
    assert sent
    for message in sent:
        assert (message.payload["choices"], message.payload["inputs"]) == ([], [])
        assert message.payload["link"].endswith(f"/tasks/{task.id}/sign")
    if channel is ChannelName.CONSOLE:
        key = await answers.receive_console(
            plant.database, person=person, task=f"{task.id}:1", verb="approve:push_right", fields={}, press_id="bare",
            now=utcnow(),
        )  # fmt: skip
        outcome = await plant.outcome(key)
    else:
        outcome = await plant.press(person, "plan_decision", "approve:push_right", channel)
    assert (outcome["accepted"], outcome["code"]) == (False, "sign_in")
    assert await decisions(plant) == []


async def test_c14_a_signature_counts_for_its_own_answer_only(plant: Plant) -> None:
    """Signed by Lena for one option; neither another option, nor another person, nor another press may use it."""
    await publish(plant, risk="high")
    task = await asked_to_decide(plant)
    signed = await plant.sign("lena", task, "approve:push_right", answers.console_event("lena", "p1"))

    async def answer(person: str, verb: str, press: str) -> dict[str, Any]:
        key = await answers.receive_console(
            plant.database, person=person, task=f"{task.id}:1", verb=verb, fields={}, press_id=press, now=utcnow()
        )
        return await plant.outcome(key)

    assert (await answer("lena", "approve:push_right", "p2"))["code"] == "sign_in"
    assert (await answer("sofia", "approve:push_right", "p1"))["code"] == "sign_in"
    assert (await answer("lena", "approve:push_right", "p1"))["code"] == "approved"
    [made] = await decisions(plant)
    [row] = await plant.rows(select(SignatureRow))
    assert (made.signature, row.id, row.decision) == (signed, signed, made.id)
    assert (row.printed_name, row.meaning, row.method) == ("Lena Fischer", "approve", "password")
    assert row.hash == signature_hash(row.statement)
    assert row.statement["shown_hash"] == made.shown_hash == task.shown_hash


async def test_c17_ten_parallel_presses_by_two_make_one_decision(plant: Plant) -> None:
    task = await asked_to_decide(plant)
    presses = [
        InboundMessage(ChannelName.SLACK, f"{person}-{n}", address_of(person), verb="approve:push_right",
                       task=f"{task.id}:1")
        for n in range(5)
        for person in ("lena", "sofia")
    ]  # fmt: skip
    await asyncio.gather(*(answers.receive(plant.database, press, utcnow()) for press in presses))
    outcomes = [await plant.outcome(press.dedupe_key) for press in presses]
    assert [outcome["code"] for outcome in outcomes].count("approved") == 1
    [made] = await decisions(plant)
    lost = [outcome for outcome in outcomes if not outcome["accepted"]]
    name = {"lena": "Lena Fischer", "sofia": "Sofia Rossi"}[made.person]
    assert [(outcome["code"], outcome["by"]) for outcome in lost] == [("decided", name)] * 9
    await plant.posted("reschedule_orders")
    assert plant.erp.kinds().count("reschedule_orders") == 1


async def test_c19_approve_and_reject_at_once_both_are_on_record(plant: Plant) -> None:
    task = await asked_to_decide(plant)
    verbs = {"lena": "approve:push_right", "sofia": "reject"}
    presses = [
        InboundMessage(ChannelName.SLACK, f"{person}-once", address_of(person), verb=verb, task=f"{task.id}:1")
        for person, verb in verbs.items()
    ]
    await asyncio.gather(*(answers.receive(plant.database, press, utcnow()) for press in presses))
    outcomes = {press.dedupe_key.split("-")[0]: await plant.outcome(press.dedupe_key) for press in presses}
    rows = [await plant.event_row(press.dedupe_key) for press in presses]
    first = min(rows, key=lambda row: row.seq or 0).event_id.split("-")[0]
    [made] = await decisions(plant)
    assert made.person == first
    (loser,) = verbs.keys() - {first}
    assert (outcomes[loser]["code"], outcomes[loser]["accepted"]) == ("decided", False)
    told = await plant.rows(select(TimelineRow).where(col(TimelineRow.kind).in_(("answer", "answer_refused"))))
    mine = {(line.person, line.kind, line.data["verb"]) for line in told if line.data["task"] == "plan_decision"}
    assert mine == {(first, "answer", verbs[first]), (loser, "answer_refused", verbs[loser])}


async def test_c20_what_was_shown_is_what_was_stored(plant: Plant) -> None:
    """The decision's hash finds the snapshot; every reader was given what it says in their language."""
    task = await asked_to_decide(plant)
    await plant.press("lena", "plan_decision", "approve:push_right")
    [made] = await decisions(plant)
    [kept] = await plant.rows(select(ShownRow).where(col(ShownRow.hash) == made.shown_hash))
    assert content_hash(kept.content) == made.shown_hash
    asked = await plant.rows(
        select(OutboxRow).where(col(OutboxRow.task_id) == task.id, col(OutboxRow.purpose) == "approve")
    )
    assert asked
    for given in map(message_of, asked):
        stored = Message.model_validate(given.model_dump() | kept.content)
        assert stored.versions
        assert snapshot(given) == snapshot(stored.read_by(given.language))


def message_of(row: OutboxRow) -> Message:
    return Message.model_validate(row.payload)


async def test_c20_nothing_is_signed_that_was_not_shown(plant: Plant) -> None:
    await publish(plant, risk="high")
    task = await asked_to_decide(plant)
    with pytest.raises(ChangedError):
        await plant.sign("lena", task, "approve:push_right", "lena:p", shown="0" * 64)
    assert await plant.rows(select(SignatureRow)) == []


async def with_impact(plant: Plant, impact: str) -> None:
    text = (DEFINITIONS / "breakdown.yaml").read_text()
    place = "                    authority: reschedule\n"
    assert place in text
    edited = text.replace(place, place + f"                    impact: {impact}\n")
    await publish_definition(
        plant.database, edited, "breakdown.yaml", author="eng", signed_off_by="sofia", now=utcnow()
    )


async def test_a_figure_over_the_limit_is_for_somebody_who_may_more(plant: Plant) -> None:
    await with_impact(plant, '{money: "=double(size(option.orders)) * 1000.0"}')
    grants = [grant | {"limits": {"money": 10}} if grant["id"] == "planner" else grant for grant in MATRIX["grants"]]
    await authority.publish_matrix(plant.database, MATRIX | {"grants": grants}, author="eng", now=utcnow())
    await asked_to_decide(plant)
    assert (await plant.press("lena", "plan_decision", "approve:push_right"))["code"] == "over_limit"
    assert (await plant.press("sofia", "plan_decision", "approve:push_right"))["code"] == "approved"
    [made] = await decisions(plant)
    assert made.granted[0]["impact"]["money"] >= 1000


async def test_who_may_not_decide_this_much_may_still_reject_it(plant: Plant) -> None:
    grants = [grant | {"limits": {"money": 0}} if grant["id"] == "planner" else grant for grant in MATRIX["grants"]]
    await authority.publish_matrix(plant.database, MATRIX | {"grants": grants}, author="eng", now=utcnow())
    await asked_to_decide(plant)
    assert (await plant.press("lena", "plan_decision", "reject", comment="wait"))["code"] == "rejected"


async def test_c18_what_changed_after_it_was_sent_has_to_be_looked_at_again(plant: Plant) -> None:
    """The figures change while people look: version and code rise, old presses are refused, Slack shows the new one."""
    await with_impact(plant, """{quantity: "=machine.state == 'aborted' ? 1 : 2"}""")
    first = await asked_to_decide(plant)
    await plant.quiet()
    await plant.state("lathe-1", CLEARING)

    async def renewed() -> Any:
        task = await plant.task("plan_decision")
        return task if task.version == 2 else None

    second: TaskRow = await eventually(renewed, "the second version")
    assert (second.code != first.code, second.shown_hash != first.shown_hash) == (True, True)
    old = InboundMessage(ChannelName.SLACK, "old", address_of("lena"), verb="approve:push_right", task=f"{first.id}:1")
    await answers.receive(plant.database, old, utcnow())
    assert (await plant.outcome("old"))["code"] == "superseded"
    assert (await plant.text("sofia", "choose", first.code, number=1))["code"] == "unknown_code"
    await plant.quiet()
    edits = await plant.rows(select(OutboxRow).where(col(OutboxRow.purpose) == "edit"))
    assert [row.payload["task"] for row in edits if row.task_id == first.id] == [f"{first.id}:2"]
    assert (await plant.press("lena", "plan_decision", "approve:push_right"))["code"] == "approved"
    [made] = await decisions(plant)
    assert made.shown_hash == second.shown_hash
    assert {row.version for row in await plant.rows(select(ShownRow)) if row.task_id == first.id} == {1, 2}


async def test_c20_what_the_step_refreshes_is_asked_again_before_it_is_decided(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order left the machine while Lena thought: her press is refused, she looks again, then decides."""
    await with_impact(plant, '{quantity: "=double(size(jobs))"}\n                    refresh: [jobs]')
    first = await asked_to_decide(plant)
    answered = plant.mes.query

    async def fewer(name: str, where: Any) -> Any:
        found = await answered(name, where)
        return found[:-1] if name == "mes.job_orders" else found

    monkeypatch.setattr(plant.mes, "query", fewer)
    assert (await plant.press("lena", "plan_decision", "approve:push_right"))["code"] == "superseded"

    async def renewed() -> Any:
        return (await plant.task("plan_decision")).version == 2

    await eventually(renewed, "the second version")
    assert (await plant.press("lena", "plan_decision", "approve:push_right"))["code"] == "approved"
    [made] = await decisions(plant)
    assert made.shown_hash != first.shown_hash


async def test_c12_a_forwarded_approval_is_judged_as_the_one_who_presses(plant: Plant) -> None:
    task = await asked_to_decide(plant)
    assert "mei" not in task.asked
    assert (await plant.press("mei", "plan_decision", "approve:push_right"))["code"] == "not_allowed"
    assert (await plant.press("sofia", "plan_decision", "approve:push_right"))["code"] == "approved"
    [made] = await decisions(plant)
    assert made.person == "sofia"


async def test_the_same_press_twice_and_a_change_of_mind_are_told_who_decided(plant: Plant) -> None:
    await asked_to_decide(plant)
    assert (await plant.press("lena", "plan_decision", "approve:push_right"))["code"] == "approved"
    for verb in ("approve:push_right", "reject"):
        late = await plant.press("lena", "plan_decision", verb)
        assert (late["accepted"], late["code"], late["by"]) == (False, "decided", "Lena Fischer")
    assert [made.verdict for made in await decisions(plant)] == ["approved"]


async def test_silence_is_neither_yes_nor_no(plant: Plant) -> None:
    """Its time is over and the ladder is climbed: it stays open, nothing is decided, nothing is posted."""
    site = yaml.safe_load((SITE / "site.yaml").read_text())
    site["parameters"]["breakdown"] |= {"decide_within": "1s", "manager_after": "1s"}
    await publish_site(plant.database, site, author="eng", now=utcnow())
    exception = await plant.break_machine()
    await plant.press("jonas", "repair", "answer:estimate:2h")
    await plant.told(exception, "overdue")
    assert (await plant.task("plan_decision")).standing == "open"
    assert await plant.rows(select(DecisionRow)) == []
    assert "reschedule_orders" not in plant.erp.kinds()
