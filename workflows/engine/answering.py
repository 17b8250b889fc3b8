"""Taking answers: who may, who was first, and what the story says of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from activities.contracts.model import Answer, AnswerResult
from domain.asking import tasks
from domain.asking.messages import Standing
from domain.asking.tasks import LiveTask, Reply
from domain.language.definition import ApproveStep, TaskStep
from domain.values import Json
from workflows.engine import deciding, talking

if TYPE_CHECKING:
    from workflows.engine.interpreter import Interpreter

_ASKED_AGAIN = timedelta(seconds=60)  # more than gathering and asking take
_MANY = ".person["


async def take(engine: Interpreter, answer: Answer) -> AnswerResult:
    """Apply an answer to its task."""
    task = await _task_of(engine, answer)
    if task is None:
        return AnswerResult(accepted=False, code="unknown_code")
    if answer.version not in (0, task.version):
        return AnswerResult(accepted=False, code="superseded")
    reply = await _apply(engine, task, answer)
    _tell_story(engine, task, answer, reply)
    if not reply.accepted:  # an accepted one is written with its effect
        await engine.record()
    elif answer.verb in tasks.TALK:
        await talking.pass_on(engine, task, answer)
    return AnswerResult(accepted=reply.accepted, code=reply.code, by=reply.by, at=reply.at)


async def _task_of(engine: Interpreter, answer: Answer) -> LiveTask | None:
    """The task that is answered. Its people may answer before the workflow knows that it asked them: when a worker
    dies between asking and saying so, the step is run again, and the answer waits for that."""

    def asked() -> bool:
        task = engine.story.tasks.get(answer.task_id)
        return task is not None and (not answer.asked or answer.person in task.ever_asked)

    if not asked():
        await engine.wait(lambda: asked() or engine.closed or engine.renewing, _ASKED_AGAIN)
    if not asked():
        engine.refuse_when_renewing()
    return engine.story.tasks.get(answer.task_id)


async def _apply(engine: Interpreter, task: LiveTask, answer: Answer) -> Reply:
    at, step = answer.received_at, task.step
    aside = answer.verb in tasks.ASIDE
    needs = "" if aside or (isinstance(step, TaskStep) and answer.verb != "done") else step.authority
    if task.finished:
        return task.closed_reply()
    if answer.person not in task.ever_asked and not needs:
        return Reply(False, "not_allowed")
    if isinstance(step, ApproveStep) and not aside and answer.person in deciding.acted(engine, step.not_by):
        return Reply(False, "four_eyes")
    if not aside and await deciding.looked_again(engine, task):
        return Reply(False, "superseded")
    refused = await deciding.refused(engine, task, answer, needs) if needs else None
    if refused:
        return refused
    if isinstance(step, TaskStep):
        fields = answer.fields
        if answer.verb == "hand_over":
            found = await talking.successor(engine, task, fields)
            if found is None:
                return Reply(False, "not_fitting")
            fields = found
        return tasks.answer(task, answer.person, answer.verb, fields, at)
    comment = str(next((answer.fields[name] for name in ("comment", "text", "for") if answer.fields.get(name)), ""))
    return tasks.decide(task, answer.person, answer.channel, answer.verb, comment, at)


def _tell_story(engine: Interpreter, task: LiveTask, answer: Answer, reply: Reply) -> None:
    if reply.accepted:
        task.ever_asked.setdefault(answer.person, answer.person_name)
        task.channel = answer.channel
        engine.publish(task)
        _milestones(engine, task, answer)
    kind = "answer" if reply.accepted else "answer_refused"
    engine.note(kind, task.path, answer.person, seq=answer.seq, task=task.name, verb=answer.verb, code=reply.code,
                channel=answer.channel, fields=answer.fields)  # fmt: skip


def _milestones(engine: Interpreter, task: LiveTask, answer: Answer) -> None:
    story, at = engine.story, answer.received_at
    reached = {"accepted": "accepted_at", "arrived": "arrived_at", "fixed": "done_at"}
    for milestone, value in reached.items():
        if isinstance(task.step, TaskStep) and value in task.values:
            story.reached(milestone, at)
    if task.standing is Standing.DECIDED:
        story.handling = "decided"
        story.reached("decided", at)
    elif story.handling == "open":
        story.handling = "acknowledged"


def result(engine: Interpreter, task: LiveTask) -> Json:
    """What a task gives: its values; where everybody is asked, those of all, and when the last was done."""
    if _MANY not in task.path:
        return dict(task.values)
    step_path = task.path.split(_MANY)[0]
    of_step = [one for one in engine.story.tasks.values() if one.path.startswith(step_path + _MANY)]
    answers = [dict(one.values) | {"by": one.person} for one in of_step if one.person]
    done = [one.values["done_at"] for one in of_step if "done_at" in one.values]
    complete = {"done_at": max(done)} if len(done) == len(of_step) else {}
    return {"all": answers, "missing": sorted(_names(of_step)), **complete}


def _names(of_step: list[LiveTask]) -> set[str]:
    return {name for one in of_step if "done_at" not in one.values for name in one.ever_asked.values()}
