"""Every effect of an exception in memory, under the names that the workflow calls: for what only needs Temporal."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.contracts import calls
from activities.contracts.agents import AgentAnswer, AgentRequest
from activities.contracts.model import (
    Authorised,
    AuthoriseRequest,
    AwaitPosting,
    CloseRequest,
    CloseResult,
    GatherRequest,
    GatherResult,
    People,
    PostRequest,
    PostResult,
    ProposeRequest,
    SettleRequest,
    TellRequest,
    Told,
    WhoRequest,
)
from activities.contracts.story import Entry, Projection
from domain.values import Json
from infra.processes.worker import BUILD_ID, PURE
from workflows.exception import ExceptionWorkflow
from workflows.transaction import TransactionWorkflow


@dataclass
class Effects:
    """Asks `people` whatever the selector; keeps what it was given. `refuse_posts`: so many postings are refused;
    `agent_answers`: what agents answer, one after the other (None: nothing ever), then that they are
    not there."""

    people: dict[str, str] = field(default_factory=lambda: {"jonas": "Jonas Weber"})
    entries: dict[int, Entry] = field(default_factory=dict)
    rewritten: list[Entry] = field(default_factory=list)
    told: list[TellRequest] = field(default_factory=list)
    settled: list[SettleRequest] = field(default_factory=list)
    posted: list[PostRequest] = field(default_factory=list)
    refuse_posts: int = 0
    questions: list[AgentRequest] = field(default_factory=list)
    agent_answers: list[AgentAnswer | None] = field(default_factory=list)

    def _write(self, projection: Projection) -> None:
        for entry in projection.entries:
            known = self.entries.setdefault(entry.number, entry)
            if known != entry:
                self.rewritten.append(entry)

    @activity.defn(name=calls.GATHER.name)
    async def gather(self, request: GatherRequest) -> GatherResult:
        self._write(request.projection)
        return GatherResult(values={query.name: query.otherwise for query in request.queries})

    @activity.defn(name=calls.WHO.name)
    async def who(self, request: WhoRequest) -> People:
        return People(people=self.people)

    @activity.defn(name=calls.TELL.name)
    async def tell(self, request: TellRequest) -> Told:
        if request.named is not None:
            found = {person: self.people.get(person, person.title()) for person in request.named}
        else:
            found = {person: name for person, name in self.people.items() if person not in request.already}
        self._write(request.projected(found))
        self.told.append(request)
        return Told(people=found, shown_hash="" if request.named is not None else "hash")

    @activity.defn(name=calls.SETTLE.name)
    async def settle(self, request: SettleRequest) -> None:
        self._write(request.projection)
        self.settled.append(request)

    @activity.defn(name=calls.AUTHORISE.name)
    async def authorise(self, request: AuthoriseRequest) -> Authorised:
        return Authorised(allowed=True)

    @activity.defn(name=calls.PROPOSE.name)
    async def propose(self, request: ProposeRequest) -> dict[str, Json]:
        self._write(request.projection)
        return {"options": [], "orders": []}

    @activity.defn(name=calls.AGENT.name)
    async def agent(self, request: AgentRequest) -> AgentAnswer:
        self._write(request.projection)
        self.questions.append(request)
        answer = self.agent_answers.pop(0) if self.agent_answers else AgentAnswer(why="unavailable")
        return answer if answer is not None else await _never()

    @activity.defn(name=calls.POST.name)
    async def post(self, request: PostRequest) -> PostResult:
        if request.projection is not None:
            self._write(request.projection)
        self.posted.append(request)
        if self.refuse_posts > 0:
            self.refuse_posts -= 1
            return PostResult(status="rejected", detail="the period is closed")
        return PostResult(status="posted", documents=[f"DOC-{len(self.posted)}"])

    @activity.defn(name=calls.AWAIT_POSTING.name)
    async def await_posting(self, request: AwaitPosting) -> PostResult:
        return PostResult(status="posted", documents=["DOC-1"])

    @activity.defn(name=calls.RECORD.name)
    async def record(self, projection: Projection) -> None:
        self._write(projection)

    @activity.defn(name=calls.CLOSE.name)
    async def close(self, request: CloseRequest) -> CloseResult:
        self._write(request.projection)
        return CloseResult(closed=True)

    def story(self) -> list[Entry]:
        return [self.entries[number] for number in sorted(self.entries)]

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.story()]

    def all(self) -> Sequence[Callable[..., Any]]:
        return [
            self.gather, self.who, self.tell, self.settle, self.authorise, self.propose, self.agent,
            self.post, self.await_posting, self.record, self.close,
        ]  # fmt: skip


async def _never() -> AgentAnswer:
    while True:  # alive, as the product's own worker says of itself
        activity.heartbeat()
        await asyncio.sleep(1)


def worker(client: Client, effects: Effects, queue: str = "mos") -> Worker:
    """The product's workflows, in the sandbox as the worker runs them, with these effects."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PURE)
    return Worker(
        client,
        task_queue=queue,
        build_id=BUILD_ID,
        workflows=[ExceptionWorkflow, TransactionWorkflow],
        activities=list(effects.all()),
        workflow_runner=SandboxedWorkflowRunner(restrictions=restrictions),
    )
