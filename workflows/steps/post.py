"""`post`: one transaction to the ERP or MES, on a decision or the definition's standing authority."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from activities.contracts.model import PostRequest
from domain.definition import PostStep
from domain.errors import ConfigError, RejectedError
from domain.ids import derived_id
from domain.outcomes import OutcomeTransaction
from workflows.engine.asking import decision_id

if TYPE_CHECKING:
    from workflows.engine.interpreter import Interpreter


async def run(engine: Interpreter, step: PostStep, path: str) -> None:
    """The key is exception : step path : payload number, so however often it is tried it is posted once."""
    story = engine.story
    if not step.standing and not _decided(engine, step):
        raise RejectedError(f"'{step.post}' was not posted: '{step.decision}' gave no approval", code="mos.no_decision")
    before, story.handling = story.handling, "posting"
    transaction = _transaction(engine, step, path)
    story.note(engine.runtime.now(), "posting", path, transaction=transaction.id, system=step.to.value)
    standing = story.given.version if step.standing else ""
    result = await engine.runtime.post(PostRequest(transaction=transaction, step=path, standing_version=standing))
    story.handling = before
    story.scope[step.post] = {"status": result.status, "documents": result.documents}
    if result.status == "posted":
        story.reached("posted", engine.runtime.now())
    story.note(engine.runtime.now(), result.status, path, transaction=transaction.id,
               documents=result.documents, detail=result.detail)  # fmt: skip


def _transaction(engine: Interpreter, step: PostStep, path: str) -> OutcomeTransaction:
    key = f"{engine.story.given.exception_id}:{path}:1"
    outcomes = [{"kind": kind, **engine.resolve(values)} for item in step.outcomes for kind, values in item.items()]
    decision = "" if step.standing else decision_id(engine.story.given.exception_id, step.decision)
    drafted = {"id": derived_id("txn", key), "key": key, "exception_id": engine.story.given.exception_id}
    try:
        return OutcomeTransaction.model_validate(
            drafted | {"system": step.to, "outcomes": outcomes, "decision": decision}
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"'{step.post}' makes no valid transaction: {where}: {first['msg']}") from error


def _decided(engine: Interpreter, step: PostStep) -> bool:
    """An approval must be `approved`; a task must have been done under its authority."""
    result = engine.story.scope.get(step.decision) or {}
    return result.get("verdict") == "approved" or ("done_at" in result and "verdict" not in result)
