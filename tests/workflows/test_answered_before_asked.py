"""An answer may come before the workflow knows that it asked: a worker died after the message, before it said so."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from activities.contracts.agents import AgentAnswer, AgentRequest
from activities.contracts.model import (
    Answer,
    Authorised,
    AuthoriseRequest,
    CloseRequest,
    CloseResult,
    ExceptionInput,
    GatherRequest,
    GatherResult,
    OpeningSignal,
    People,
    PostRequest,
    PostResult,
    ProposeRequest,
    SettleRequest,
    TellRequest,
    Told,
    WhoRequest,
)
from activities.contracts.story import Projection
from domain.ids import derived_id
from domain.language.definition import Definition
from domain.values import Json
from workflows.engine.interpreter import Interpreter

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
DEFINITION = {
    "definition": "small",
    "title": "Small",
    "owner": "maintenance",
    "opens": {"on": ["machine.state"], "one_per": ["signal.equipment"]},
    "steps": [{"task": "look", "to": {"role": "maintenance_technician"}, "title": "Look", "text": "Look at it."}],
}
GIVEN = ExceptionInput(
    exception_id="exc_1",
    site="brno",
    version="v1",
    definition=Definition.model_validate(DEFINITION),
    key="lathe-2",
    priority="high",
    opened_at=NOW,
    signals=[
        OpeningSignal(
            seq=1, type="machine.state", subject="lathe-2", equipment=None, occurred_at=NOW, received_at=NOW, facts={}
        )
    ],
    equipment={},
    parameters={},
    site_facts={},
)


class SlowToAsk:
    """A runtime whose effects all succeed, asking only when `told` is set."""

    def __init__(self) -> None:
        self.told = asyncio.Event()

    def now(self) -> datetime:
        return NOW

    async def wait(self, until: Callable[[], bool], within: timedelta | None) -> bool:
        while not until():
            await asyncio.sleep(0)
        return True

    def full(self) -> bool:
        return False

    def quiet(self) -> bool:
        return True

    async def who(self, request: WhoRequest) -> People:
        raise NotImplementedError

    async def gather(self, request: GatherRequest) -> GatherResult:
        return GatherResult(values={}, gaps={})

    async def tell(self, request: TellRequest) -> Told:
        await self.told.wait()
        return Told(people={"jonas": "Jonas Weber"}, shown_hash="hash")

    async def settle(self, request: SettleRequest) -> None: ...

    async def authorise(self, request: AuthoriseRequest) -> Authorised:
        return Authorised(allowed=True)

    async def propose(self, request: ProposeRequest) -> Json:
        raise NotImplementedError

    async def agent(self, request: AgentRequest) -> AgentAnswer:
        return AgentAnswer(why="unavailable")

    async def post(self, request: PostRequest, *, started: bool, slow: Callable[[], None]) -> PostResult:
        raise NotImplementedError

    async def record(self, projection: Projection) -> None: ...

    async def close(self, request: CloseRequest) -> CloseResult:
        return CloseResult(closed=True)


async def test_it_waits_until_the_step_has_asked_again() -> None:
    runtime = SlowToAsk()
    interpreter = Interpreter(GIVEN, runtime)
    task = derived_id("tsk", "exc_1", "0")
    pressed = Answer(
        id="press", seq=2, asked=True, person="jonas", person_name="Jonas Weber", channel="slack", task_id=task,
        version=1, verb="done", received_at=NOW,
    )  # fmt: skip
    answering = asyncio.create_task(interpreter.answer(pressed))
    running = asyncio.create_task(interpreter.run())
    for _ in range(50):  # as far as it comes without having asked
        await asyncio.sleep(0)
    assert not answering.done()
    runtime.told.set()
    assert (await answering).accepted
    assert await running == "completed"


async def test_who_was_not_asked_is_told_so_at_once() -> None:
    runtime = SlowToAsk()
    interpreter = Interpreter(GIVEN, runtime)
    runtime.told.set()
    running = asyncio.create_task(interpreter.run())
    stranger = Answer(
        id="press", seq=2, person="mei", person_name="Mei Tanaka", channel="slack",
        task_id=derived_id("tsk", "exc_1", "0"), version=1, verb="accept", received_at=NOW,
    )  # fmt: skip
    assert (await interpreter.answer(stranger)).code == "not_allowed"
    running.cancel()
