"""The interpreter: follows one definition for one exception, and takes what comes in meanwhile."""

import asyncio
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from activities.contracts.model import (
    Answer,
    AnswerResult,
    AuthoriseRequest,
    CloseRequest,
    ExceptionInput,
    GatherRequest,
    JoinBatch,
    JoinResult,
    Query,
)
from domain import expressions, tasks
from domain.definition import TaskStep
from domain.errors import MosError
from domain.messages import Standing
from domain.tasks import LiveTask, Reply
from domain.values import Json, duration
from workflows.engine.asking import settle
from workflows.engine.runtime import EffectFailedError, Runtime
from workflows.engine.story import Story
from workflows.steps import STEPS, kind_of

_NAME = re.compile(r"(?<![.\w])[A-Za-z_]\w*")
_NORMAL = "running"  # PackML Execute, as sources name it (connectors.packml)
_ASKED_AGAIN = timedelta(seconds=60)  # more than gathering and asking take
_MISFITS = (EffectFailedError, MosError, ValueError, TypeError, KeyError)
"""What a step fails by: an effect that gave up, or authored values that do not fit. Anything else is a bug."""


class Interpreter:
    """One exception from opening to closing. `join` and `answer` may be called at any time between."""

    def __init__(self, given: ExceptionInput, runtime: Runtime) -> None:
        self.runtime = runtime
        self.story = Story(given)
        self.definition = given.definition
        self.closed = False
        self._unreadable: set[str] = set()

    # -- the procedure ------------------------------------------------------------------------------------------------

    async def run(self) -> str:
        """Gather, follow the steps, close. The result says how it ended: `completed`, `returned` or `expired`."""
        given = self.story.given
        self.story.note(self.runtime.now(), "opened", key=given.key, signals=len(given.signals))
        await self._gather_context()
        scribe = asyncio.ensure_future(self._keep_written())
        ending = await self._steps_or_early_end()
        await self._withdraw_what_is_open()
        scribe.cancel()
        await self._close(ending)
        return ending

    async def _keep_written(self) -> None:
        """What happens while everybody waits is written at once, so that the console tells it."""
        while True:
            await self.runtime.wait(lambda: self.story.untold, None)
            await self.record()

    async def _gather_context(self) -> None:
        """In waves: queries that read other queries wait for them; all others run together."""
        waiting = dict(self.definition.context)
        first = True
        while waiting or first:
            first = False
            ready = [n for n, q in waiting.items() if not (_roots(q.where) & (set(waiting) - {n}))]
            queries = list(self._queries({name: waiting.pop(name) for name in ready or list(waiting)}))
            projection = self.story.projection()
            result = await self.runtime.gather(
                GatherRequest(
                    exception_id=self.story.given.exception_id,
                    queries=queries,
                    title=self.definition.title,
                    scope=self.story.named(self.definition.title),
                    projection=projection,
                )
            )
            self.story.written(projection)
            self.story.scope |= result.values
            self.story.gaps |= result.gaps
            known = sorted(set(result.values) - set(result.gaps))
            self.story.note(self.runtime.now(), "context", known=known, gaps=dict(result.gaps))

    def _queries(self, wanted: dict[str, Any]) -> Iterator[Query]:
        """A query whose arguments are not to be had is a gap as well."""
        for name, query in wanted.items():
            try:
                yield self._query(name, query)
            except (MosError, ValueError) as error:
                self.story.gaps[name] = str(error)

    def _query(self, name: str, query: Any) -> Query:
        within = self.span(query.within).total_seconds()
        return Query(
            name=name, source=query.from_, where=self.resolve(query.where), within_s=within, otherwise=query.otherwise
        )

    async def _steps_or_early_end(self) -> str:
        steps = asyncio.ensure_future(self.run_steps(self.definition.steps, ""))
        closes = self.definition.closes
        early = (lambda: steps.done() or self.met(closes.when)) if closes.when else steps.done
        in_time = await self.runtime.wait(early, self.span(closes.within))
        if steps.done():
            await steps
            return "completed"
        steps.cancel()
        await asyncio.gather(steps, return_exceptions=True)
        return "returned" if in_time else "expired"

    async def _withdraw_what_is_open(self) -> None:
        for task in list(self.story.tasks.values()):
            if not task.finished:
                task.end(Standing.WITHDRAWN)
                await settle(self, task)

    async def _close(self, ending: str) -> None:
        """The closing activity refuses while signals are on their way here: they are taken first."""
        self.story.handling = "closed"
        self.story.reached("closed", self.runtime.now())
        self.story.note(self.runtime.now(), "closed", ending=ending)
        while not self.closed:
            projection = self.story.projection()
            seen = self.story.highest_seq
            request = CloseRequest(projection=projection, highest_seq=seen, at=self.runtime.now())
            self.closed = (await self.runtime.close(request)).closed
            self.story.written(projection)
            if not self.closed:
                await self.runtime.wait(lambda: self.story.highest_seq > seen, timedelta(seconds=2))  # noqa: B023

    # -- steps --------------------------------------------------------------------------------------------------------

    async def run_steps(self, steps: list[Any], prefix: str) -> None:
        """One after the other; a step that fails for good is told in the story and the next one goes on."""
        for index, step in enumerate(steps):
            path = f"{prefix}{index}"
            try:
                await STEPS[kind_of(step)](self, step, path)
            except _MISFITS as error:
                code = getattr(error, "code", "mos.misfit")
                self.story.note(self.runtime.now(), "step_failed", path, code=code, reason=str(error)[:600])
            if self.story.untold:
                await self.record()

    async def record(self) -> None:
        """Write what is not yet written."""
        projection = self.story.projection()
        await self.runtime.record(projection)
        self.story.written(projection)

    def resolve(self, value: Json) -> Json:
        """A value of the definition with its expressions evaluated now."""
        return expressions.resolve(value, self.story.scope)

    def holds(self, condition: str) -> bool:
        return expressions.holds(condition, self.story.scope)

    def met(self, condition: str) -> bool:
        """Like `holds`, for conditions that are looked at again and again: what can't be evaluated does not hold."""
        try:
            return self.holds(condition)
        except MosError as error:
            if condition not in self._unreadable:
                self._unreadable.add(condition)
                self.story.note(self.runtime.now(), "condition_failed", code=error.code, reason=error.message)
            return False

    def span(self, text: str) -> timedelta:
        """A duration of the definition: a literal or an expression that gives one."""
        return duration(str(self.resolve(text)))

    # -- what comes in ------------------------------------------------------------------------------------------------

    async def join(self, batch: JoinBatch) -> JoinResult:
        """Take signals of this exception; numbers already known are passed over."""
        fresh = [signal for signal in batch.signals if signal.seq > self.story.highest_seq]
        if self.closed:
            return JoinResult(highest_seq=self.story.highest_seq, closed=bool(fresh))
        for signal in fresh:
            self.story.highest_seq = signal.seq
            self.story.note(signal.received_at, "signal", type=signal.type, subject=signal.subject, facts=signal.facts)
            if signal.equipment and signal.equipment == self.story.given.equipment.get("id"):
                self.story.scope["machine"] = signal.facts
                self.story.condition = "returned" if signal.facts.get("state") == _NORMAL else "active"
        if fresh:
            await self.record()
        return JoinResult(highest_seq=self.story.highest_seq)

    async def answer(self, answer: Answer) -> AnswerResult:
        """Apply an answer. The first to accept and the first to decide win here and nowhere else."""
        task = await self._task_of(answer)
        if task is None:
            return AnswerResult(accepted=False, code="unknown_code")
        if answer.version not in (0, task.version):
            return AnswerResult(accepted=False, code="superseded")
        reply = await self._apply(task, answer)
        self._tell_story(task, answer, reply)
        if not reply.accepted:  # an accepted one is written with its effect
            await self.record()
        return AnswerResult(accepted=reply.accepted, code=reply.code, by=reply.by, at=reply.at)

    async def _task_of(self, answer: Answer) -> LiveTask | None:
        """The task that is answered. Its people may answer before the workflow knows that it asked them: when a worker
        dies between asking and saying so, the step is run again, and the answer waits for that."""

        def asked() -> bool:
            task = self.story.tasks.get(answer.task_id)
            return task is not None and (not answer.asked or answer.person in task.ever_asked)

        if not asked():
            await self.runtime.wait(lambda: asked() or self.closed, _ASKED_AGAIN)
        return self.story.tasks.get(answer.task_id)

    async def _apply(self, task: LiveTask, answer: Answer) -> Reply:
        at, step = answer.received_at, task.step
        needs = step.authority if not isinstance(step, TaskStep) or answer.verb == "done" else ""
        if task.finished:
            return task.closed_reply()
        if answer.person not in task.ever_asked and not needs:
            return Reply(False, "not_allowed")
        if needs:
            refused = await self._unauthorised(task, answer, needs)
            if refused:
                return refused
        if isinstance(step, TaskStep):
            return tasks.answer(task, answer.person, answer.verb, answer.fields, at)
        comment = str(answer.fields.get("comment", ""))
        return tasks.decide(task, answer.person, answer.channel, answer.verb, comment, at)

    async def _unauthorised(self, task: LiveTask, answer: Answer, authority: str) -> Reply | None:
        area = str(self.story.given.equipment.get("area", ""))
        risk = getattr(task.step, "risk", "low")
        request = AuthoriseRequest(
            person=answer.person, authority=authority, area=area, channel=answer.channel, risk=risk
        )
        granted = await self.runtime.authorise(request)
        return None if granted.allowed else Reply(False, granted.code)

    def _tell_story(self, task: LiveTask, answer: Answer, reply: Reply) -> None:
        at, story = self.runtime.now(), self.story
        if reply.accepted:
            task.ever_asked.setdefault(answer.person, answer.person_name)
            task.channel = answer.channel
            story.publish(task)
            self._milestones(task, answer)
        kind = "answer" if reply.accepted else "answer_refused"
        story.note(at, kind, task.path, answer.person, task=task.name, verb=answer.verb, code=reply.code,
                   channel=answer.channel, fields=answer.fields)  # fmt: skip

    def _milestones(self, task: LiveTask, answer: Answer) -> None:
        story, at = self.story, answer.received_at
        reached = {"accepted": "accepted_at", "arrived": "arrived_at", "fixed": "done_at"}
        for milestone, value in reached.items():
            if isinstance(task.step, TaskStep) and value in task.values:
                story.reached(milestone, at)
        if task.standing is Standing.DECIDED:
            story.handling = "decided"
            story.reached("decided", at)
        elif story.handling == "open":
            story.handling = "acknowledged"


def _roots(where: Json) -> set[str]:
    """The first names of the expressions in a query, as far as they could be other queries (not what follows a dot)."""
    return set(_NAME.findall(" ".join(expressions.expressions_in(where))))
