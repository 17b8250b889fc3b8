"""A proposal from the site's own records, on the whole way: asked, shown as a proposal, decided, posted."""

from sqlalchemy import select
from sqlmodel import col

from admin.definitions.publish import publish_definition
from store.tables import OutboxRow
from tests.support.past import closed
from tests.support.plant import Plant, utcnow

# "asks" comes before "breakdown", so the signal is its own.
ASKS = """\
definition: asks
title: "{{ equipment.title }} is down"
owner: maintenance_lead
opens: {on: [machine.state], when: signal.state == 'aborted', one_per: [signal.equipment]}
steps:
  - agent: likely
    use: history
    goal: "Which cause has a stop of {{ equipment.title }}?"
    given: {equipment: =equipment.id}
    returns: {cause: {kind: text, choices: [belt, power, not_known]}}
    within: 30s
    otherwise: {cause: not_known}
  - task: repair
    to: {role: maintenance_technician, shift: any}
    facts: {Likely cause: "{{ likely.cause }}"}
    ask: {cause: {kind: choice, choices: [belt, power], required: true}}
    authority: report_downtime
  - post: noted
    to: erp
    decision: repair
    outcomes: [{record_downtime: {equipment: =equipment.id, start: =opened_at, cause: =likely.cause}}]
"""


async def test_what_earlier_stops_came_to_is_proposed_shown_and_decided(plant: Plant) -> None:
    for number, cause in enumerate(["belt", "belt", "power", "belt"]):
        await closed(plant.database, number, "lathe-1", cause, "asks")
    now = utcnow()
    await publish_definition(plant.database, ASKS, "asks.yaml", author="eng", signed_off_by="sofia", now=now)
    exception = await plant.break_machine()
    line = await plant.told(exception, "agent_proposed", agent="history")
    assert line.data["values"] == {"cause": "belt"}
    assert line.data["given"] == {"equipment": "lathe-1"}
    assert (line.data["confidence"], line.data["cases"], line.data["model"]) == (0.75, 4, "history/1")
    await plant.asked("repair", "jonas")
    asking = select(OutboxRow).where(col(OutboxRow.exception_id) == exception, col(OutboxRow.purpose) == "task")
    for row in await plant.rows(asking):
        assert row.payload["values"]["proposals"] == ["history (75 %)"]
    await plant.press("jonas", "repair", "answer:cause:belt")
    await plant.closed(exception)
    (posted,) = plant.erp.posted.values()
    assert [outcome.model_dump()["cause"] for outcome in posted.outcomes] == ["belt"]
    assert posted.decision
