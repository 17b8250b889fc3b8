"""The switch of an agent: whoever may steer exceptions may stop it, and let it go on. A stopped one is not asked; what
its questions' authors provided for holds instead."""

import re
from datetime import datetime

from admin.actors import Actor, may
from domain.books.ledger import Control
from domain.errors import InvalidPayloadError
from store.db import Database
from store.read.definitions.agents import SCOPE
from store.write.books import ledger

AUTHORITY = "steer_exceptions"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
_REASON = 500


async def switch(database: Database, agent: str, *, stop: bool, reason: str, by: Actor, now: datetime) -> None:
    """From now on, for every exception. Stopping needs a reason. Raises InvalidPayloadError, NotAllowedError."""
    if not _NAME.fullmatch(agent):
        raise InvalidPayloadError("Say which agent: its name in the connectors document.")
    if (stop and not reason.strip()) or len(reason) > _REASON:
        raise InvalidPayloadError(f"Say why, in {_REASON} characters at most.")
    control = Control(scope=f"{SCOPE}{agent}", stopped=stop, reason=reason.strip())
    async with database.transaction() as session:
        await may(session, by, AUTHORITY)
        await ledger.set_control(session, control, by.id, now)
        fact = {"at": now, "kind": "agent.control", "actor": by.id, "subject": control.scope}
        told = {"stopped": stop, "reason": control.reason, "evidence": by.evidence}
        await ledger.audit(session, fact | {"data": told})
