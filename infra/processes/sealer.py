"""The sealer: numbers, chains and signs what the audit got, well within a second. It runs beside the worker; of several
one seals at a time, and no writer ever waits for it."""

import asyncio
import logging

from admin.audit import auditing
from admin.audit.keys import Signer
from domain.errors import MosError
from infra.run import now
from infra.settings import Settings
from store.db import Database
from store.read.health import UNAVAILABLE

log = logging.getLogger("mos.sealer")
PAUSE_S = 0.4
_TROUBLE_S = 5.0


async def run(settings: Settings, database: Database) -> None:
    """Until cancelled. Without a key nothing is sealed, and the log says so."""
    if settings.audit_key is None:
        log.error("the audit is not sealed: set MOS_AUDIT_KEY")
        await asyncio.Event().wait()
        return
    await keep_sealing(database, Signer(settings.audit_key.get_secret_value()))


async def keep_sealing(database: Database, signer: Signer, pause: float = PAUSE_S) -> None:
    """Until cancelled; trouble is told and tried again."""
    while True:
        try:
            sealed = await auditing.seal(database, signer, now())
        except MosError as error:
            log.error("the audit is not sealed: %s", error.message)
            await asyncio.sleep(_TROUBLE_S)
        except UNAVAILABLE as error:
            log.warning("the audit waits for the database: %s", str(error).split("\n")[0])
            await asyncio.sleep(pause)
        else:
            if sealed < auditing.BATCH:
                await asyncio.sleep(pause)
