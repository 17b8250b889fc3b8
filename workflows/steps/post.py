"""`post`: one transaction to the ERP or MES, on a decision or the definition's standing authority."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from activities.contracts.model import PostRequest
from activities.contracts.story import Projection
from domain.books.outcomes import OutcomeTransaction
from domain.errors import ConfigError, RejectedError
from domain.ids import derived_id
from domain.language import misfits
from domain.language.definition import PostStep
from domain.values import parse_time
from workflows.engine.asking import decision_id
from workflows.engine.changes import LINES_WITH_EFFECTS

if TYPE_CHECKING:
    from workflows.engine.frame import Place
    from workflows.engine.interpreter import Interpreter


async def run(place: Place, step: PostStep) -> None:
    """The key is exception : step path : payload number, so however often it is tried it is posted once.

    The result has `status` and `documents`. A refusal is told to the definition's owner and to whoever decided. A dry
    run goes on like a posting, and says of itself that nothing was written.
    """
    engine, story = place.engine, place.engine.story
    _refuse_unconfirmed(place, step)
    if not step.standing and not _decided(place, step):
        raise RejectedError(f"'{step.post}' was not posted: '{step.decision}' gave no approval", code="mos.no_decision")
    await engine.turn(start="transaction" not in place.kept)
    started = "transaction" in place.kept
    if not started:
        transaction = _transaction(place, step)
        place.kept["transaction"] = transaction.model_dump(mode="json")
        place.kept["before"], story.handling = story.handling, "posting"
        engine.note("posting", place.path, transaction=transaction.id, system=step.to.value)
    else:
        transaction = OutcomeTransaction.model_validate(place.kept["transaction"])
    with engine.limit.posting(transaction.id, begun=started) as watched:
        standing = story.version if step.standing else ""
        request = PostRequest(
            transaction=transaction,
            step=place.path,
            standing_version=standing,
            projection=None if started else _carried(engine),
            watched=watched,
        )
        result = await engine.runtime.post(request, started=started, slow=lambda: engine.limit.slow(transaction.id))
    if request.projection is not None:
        story.written(request.projection)
    story.handling = place.kept["before"]
    place.frame.put(step.post, {"status": result.status, "documents": result.documents})
    if result.status == "posted":
        story.reached("posted", engine.runtime.now())
    engine.note(result.status, place.path, transaction=transaction.id, documents=result.documents, detail=result.detail)
    if result.status not in ("posted", "dry_run"):
        raise RejectedError(result.detail or "the system refused it")


def _carried(engine: Interpreter) -> Projection | None:
    """That it is being posted is written where it is drafted. The story keeps it until the end: cancelled at once, it
    may never be drafted."""
    return engine.projection() if engine.generation >= LINES_WITH_EFFECTS else None


def _transaction(place: Place, step: PostStep) -> OutcomeTransaction:
    engine = place.engine
    exception_id = engine.story.given.exception_id
    number = place.kept.get("payload", 1)
    key = f"{exception_id}:{engine.identity(place.path)}:{number}"
    authored = [(kind, values) for item in step.outcomes for kind, values in item.items()]
    outcomes = [{"kind": kind, **place.frame.resolve(values)} for kind, values in authored]
    decision = "" if step.standing else decision_id(engine, place.frame, step.decision)
    drafted = {"id": derived_id("txn", key), "key": key, "exception_id": exception_id}
    try:
        return OutcomeTransaction.model_validate(
            drafted | {"system": step.to, "outcomes": outcomes, "decision": decision}
        )
    except ValidationError as error:
        said = misfits.first(error, OutcomeTransaction)
        raise ConfigError(f"'{step.post}' makes no valid transaction: {said}") from error


def _refuse_unconfirmed(place: Place, step: PostStep) -> None:
    """What rests on an agent's proposal is posted on the decision of somebody who was shown it, or not at all. A
    proposal that came after the decision was not shown. Raises RejectedError."""
    known = place.engine.story.provenance
    refusal = known.refusal(place.path)
    if refusal:
        raise RejectedError(refusal, code="mos.agent.unconfirmed")
    decided = place.frame.scope.get(step.decision) or {} if step.decision else {}
    moment = str(decided.get("at") or decided.get("done_at") or "")
    for name in known.names_behind(place.path):
        proposed = place.frame.scope.get(name) or {}
        if moment and parse_time(str(proposed.get("at") or moment)) > parse_time(moment):
            message = f"'{step.post}' was not posted: '{name}' proposed again after '{step.decision}' was decided"
            raise RejectedError(message, code="mos.agent.unconfirmed")


def _decided(place: Place, step: PostStep) -> bool:
    """An approval must be `approved`; a task must have been done under its authority."""
    result = place.frame.scope.get(step.decision) or {}
    return result.get("verdict") == "approved" or ("done_at" in result and "verdict" not in result)
