"""An exception that takes nothing is held back, visibly and for growing pauses; the others are not."""

import asyncio
import itertools
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
import yaml
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.contracts.model import Answer, AnswerResult, JoinResult
from domain.errors import MosError, TransientError
from domain.language.definition import Definition
from domain.language.definition_text import load
from domain.site import Site
from intake import pump as pump_module
from intake.deliver import PATIENCE_S, TASK_QUEUE, Deliverer, NotTakenError
from store.tables import ExceptionRow, InboxRow
from tests.conformance.source.proxy import Proxy
from tests.intake.hand import START, Hand, WrittenDown
from tests.support.eventually import eventually
from tests.support.fixtures import temporal
from tests.support.plant import ABORTED, DEFINITIONS, RUNNING, SITE
from tests.support.servers import Temporal

__all__ = ["temporal"]
UNITS = ["lathe-1", "lathe-2", "mill-1", "mill-2", "press-1", "furnace-1"]


class Stubborn(WrittenDown):
    """`refuses`: machines whose workflow takes nothing, and how it shows. `tried`: the times of the tries."""

    def __init__(self, hand: Hand) -> None:
        super().__init__()
        self.hand, self.refuses = hand, dict[str, MosError | RuntimeError]()
        self.tried: dict[str, list[datetime]] = {}
        self.gate = asyncio.Event()
        self.gate.set()

    async def start(self, row: ExceptionRow, definition: Definition, site: Site, signals: Sequence[InboxRow]) -> bool:
        await self._perhaps(row)
        return await super().start(row, definition, site, signals)

    async def join(self, row: ExceptionRow, signals: Sequence[InboxRow]) -> JoinResult:
        await self._perhaps(row)
        return await super().join(row, signals)

    async def _perhaps(self, row: ExceptionRow) -> None:
        self.tried.setdefault(row.key, []).append(self.hand.now)
        if row.key in self.refuses:
            await self.gate.wait()
            raise self.refuses[row.key]


@pytest.fixture
def stubborn(hand: Hand) -> Stubborn:
    hand.temporal = Stubborn(hand)
    hand.pump = hand.another_pump()
    return hand.temporal


async def at_rest(hand: Hand) -> None:
    """One round of the pump and its deliveries."""
    await hand.pump.step()

    async def idle() -> bool:
        return not hand.pump._busy

    await eventually(idle, "no delivery runs")


@pytest.mark.parametrize("refusal", [NotTakenError("its task fails"), RuntimeError("its task fails")])
async def test_it_says_so_and_is_tried_after_growing_pauses_while_others_go_on(
    hand: Hand, stubborn: Stubborn, caplog: pytest.LogCaptureFixture, refusal: MosError | RuntimeError
) -> None:
    stubborn.refuses["lathe-1"] = refusal
    first = await hand.state("lathe-1", ABORTED)
    for _ in range(230):
        await at_rest(hand)
        hand.later(seconds=1)
    hand.later(seconds=-1)
    other = await hand.state("lathe-2", ABORTED)
    await at_rest(hand)
    held = await hand.row(first)
    assert (held.status, held.attempts) == ("correlated", len(stubborn.tried["lathe-1"]))
    assert "its task fails" in (held.error or "")
    assert (await hand.row(other)).status == "delivered"
    tries = stubborn.tried["lathe-1"]
    pauses = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(tries)]
    assert pauses == [1, 2, 5, 10, 30] + [60] * (len(pauses) - 5)
    said = [line for line in caplog.records if line.levelno == logging.WARNING and "takes no messages" in line.message]
    assert len(said) == 4  # the first, second, fourth and eighth time


async def test_what_comes_later_waits_behind_it_and_all_is_taken_in_order(hand: Hand, stubborn: Stubborn) -> None:
    opened = await hand.state("lathe-1", ABORTED)
    await hand.turn()
    stubborn.refuses["lathe-1"] = NotTakenError("its task fails")
    events = []
    for state in (8, RUNNING, ABORTED):
        hand.later(milliseconds=100)
        events.append(await hand.state("lathe-1", state))
        await at_rest(hand)
    assert len(stubborn.tried["lathe-1"]) == 2  # one for each pause, not for each message
    stubborn.refuses.clear()
    hand.later(seconds=1)
    await at_rest(hand)
    rows = [await hand.row(event) for event in events]
    assert stubborn.joined == [[row.seq for row in rows]]
    assert [(row.status, row.error, row.due_at) for row in rows] == [("delivered", None, None)] * 3
    assert (await hand.row(opened)).status == "delivered"


async def test_a_new_pump_keeps_the_pause(hand: Hand, stubborn: Stubborn) -> None:
    stubborn.refuses["lathe-1"] = NotTakenError("its task fails")
    await hand.state("lathe-1", ABORTED)
    await at_rest(hand)
    hand.pump = hand.another_pump()
    await at_rest(hand)
    assert stubborn.tried["lathe-1"] == [START]


async def test_those_that_failed_leave_the_places_to_the_others(
    hand: Hand, stubborn: Stubborn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pump_module, "IN_FLIGHT", 3)
    hand.pump = hand.another_pump()
    for unit in UNITS[:5]:
        stubborn.refuses[unit] = NotTakenError("no answer")
        await hand.state(unit, ABORTED)
    await at_rest(hand)
    stubborn.gate.clear()  # from now on they hang
    hand.later(minutes=1)
    await hand.pump.step()
    other = await hand.state(UNITS[5], ABORTED)
    await hand.pump.step()

    async def delivered() -> bool:
        return (await hand.row(other)).status == "delivered"

    await eventually(delivered, "one that never failed is delivered beside those that hang")
    stubborn.gate.set()
    stubborn.refuses.clear()


async def test_signals_of_an_exception_that_closed_meanwhile_are_free(hand: Hand, stubborn: Stubborn) -> None:
    await hand.state("lathe-1", ABORTED)
    await hand.turn()
    stubborn.refuses["lathe-1"] = NotTakenError("its task fails")
    event = await hand.state("lathe-1", 8)
    await at_rest(hand)
    stubborn.refuses.clear()

    async def closed(row: ExceptionRow, signals: Sequence[InboxRow]) -> JoinResult:
        return JoinResult(highest_seq=0, closed=True)

    stubborn.join = closed  # type: ignore[method-assign]
    hand.later(seconds=1)
    await at_rest(hand)
    row = await hand.row(event)
    assert (row.status, row.exception_id, row.due_at) == ("received", None, None)


async def test_while_temporal_is_away_nothing_is_held_against_an_exception(
    hand: Hand, stubborn: Stubborn, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pump_module, "_PAUSE_S", 0.0)
    stubborn.refuses["lathe-1"] = TransientError("Temporal does not answer")
    event = await hand.state("lathe-1", ABORTED)
    for _ in range(9):
        await at_rest(hand)
    assert ((await hand.row(event)).error, (await hand.row(event)).attempts) == (None, 0)
    assert len(stubborn.tried["lathe-1"]) == 9
    assert sum("deliveries wait" in line.message for line in caplog.records) == 4
    stubborn.refuses.clear()
    await hand.turn()
    assert (await hand.row(event)).status == "delivered"


BROKEN = True
ROW = ExceptionRow(
    id="exc_1", site="brno", definition="breakdown", version="v", key="k", workflow_id="w", title="t",
    priority="high", state={}, milestones={}, opened_at=START,
)  # fmt: skip
DEFINITION = load((DEFINITIONS / "breakdown.yaml").read_text())
BRNO = Site.model_validate(yaml.safe_load((SITE / "site.yaml").read_text()))


@workflow.defn(name="breakdown")
class Failing:
    """A workflow whose task fails when it is told something, until it is mended."""

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.update
    async def answer(self, answer: Answer) -> AnswerResult:
        if BROKEN:
            raise RuntimeError("a bug")
        return AnswerResult(accepted=True, code="yours")


async def test_an_update_to_a_workflow_whose_task_fails_ends(
    temporal: Temporal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First the server waits for the workflow's task, then it refuses at once; mended, the workflow takes it."""
    client = await temporal.client()
    hasty, deliverer = (Deliverer(client, patience_s=seconds) for seconds in (0.05, 0.5))
    answer = Answer(
        id="a", seq=1, person="p", person_name="P", channel="slack", task_id="t", verb="accept", received_at=START
    )
    runner = UnsandboxedWorkflowRunner()
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[Failing], workflow_runner=runner):
        await client.start_workflow("breakdown", id="w", task_queue=TASK_QUEUE, task_timeout=timedelta(seconds=1))
        with pytest.raises(NotTakenError, match="no answer to answer-1"):
            await hasty.answer(ROW, answer)

        async def refused_at_once() -> bool:
            with pytest.raises(NotTakenError) as caught:
                await deliverer.answer(ROW, answer)
            return "no answer" not in caught.value.message

        await eventually(refused_at_once, "Temporal says that its task fails")
        monkeypatch.setitem(globals(), "BROKEN", False)

        async def taken() -> AnswerResult | None:
            try:
                return await deliverer.answer(ROW, answer)
            except NotTakenError:
                return None

        assert await eventually(taken, "the mended workflow takes it") == AnswerResult(accepted=True, code="yours")


@pytest.mark.parametrize("way", ["there", "back", "anew"])
async def test_a_start_that_is_never_answered_is_given_up_and_asked_again(temporal: Temporal, way: str) -> None:
    """Temporal's front end keeps the connection and says nothing: it never heard of it, or its answer hangs. Or it came
    up anew, accepts, and says nothing."""
    near = await temporal.client()
    async with Proxy(int(temporal.address.rpartition(":")[2])) as proxy:
        far = await Client.connect(
            f"127.0.0.1:{proxy.port}", namespace=near.namespace, data_converter=near.data_converter, identity="mos-test"
        )
        hasty, deliverer = (Deliverer(far, patience_s=seconds) for seconds in (0.3, PATIENCE_S))
        if way == "anew":
            await proxy.cut()
            await proxy.restore()
        silent = proxy.back if way == "back" else proxy.there
        silent.clear()
        with pytest.raises(TransientError if way == "anew" else NotTakenError, match=r"not started|does not answer"):
            await asyncio.wait_for(hasty.start(ROW, DEFINITION, BRNO, []), 100)
        silent.set()
        await deliverer.start(ROW, DEFINITION, BRNO, [])
        assert await Deliverer(near).start(ROW, DEFINITION, BRNO, []) is False, "it was started"
