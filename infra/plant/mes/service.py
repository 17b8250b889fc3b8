"""The MES's one way to its state: every request sees the floor brought up to now, in one transaction."""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from infra.plant.catalogue import Catalogue
from infra.plant.clock import PlantClock
from infra.plant.mes.db import Database
from infra.plant.mes.floor import Cause, Floor, StatusChange
from infra.plant.mes.seeding import seeded_floor
from infra.plant.problem import Problem

Apply = Callable[[Floor], dict[str, Any]]


@dataclass(frozen=True)
class Mes:
    """Catalogue, clock and memory of one MES."""

    catalogue: Catalogue
    clock: PlantClock
    db: Database
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @contextmanager
    def floor(self) -> Iterator[Floor]:
        """The floor at this moment, saved when the block ends; an error inside saves nothing."""
        with self.db.transaction():
            floor = self.db.floor() or seeded_floor(self.catalogue, self.clock)
            for change in floor.advance(self.clock.now()):
                self.emit_change(change)
            yield floor
            self.db.save_floor(floor)

    @contextmanager
    def view(self) -> Iterator[Floor]:
        """The floor at this moment, to read. Saved only when time has changed a status: the rest follows from it."""
        with self.db.transaction():
            floor = self.db.floor() or seeded_floor(self.catalogue, self.clock)
            changes = floor.advance(self.clock.now())
            for change in changes:
                self.emit_change(change)
            if changes:
                self.db.save_floor(floor)
            yield floor

    def post(self, key: str, kind: str, target: str, body: Any, apply: Apply) -> dict[str, Any]:
        """Apply a change once per key; the key is kept in the transaction of the change.

        Raises Problem 409 when the key belongs to another request, and whatever `apply` refuses with.
        """
        digest = hashlib.sha256(json.dumps([target, body], sort_keys=True).encode()).hexdigest()
        with self.floor() as floor:
            known = self.db.posting(key)
            if known is not None:
                return _replayed(key, known, digest)
            result = apply(floor)
            accepted = self.clock.real().isoformat()
            receipt = {"key": key, "kind": kind, "replayed": False, "accepted_at": accepted, "result": result}
            self.db.add_posting(key, digest, receipt)
            return receipt

    def emit_change(self, change: StatusChange) -> None:
        """Tell the outside that a job order has changed its status."""
        self.emit("joborder.changed", change.job_order, change.model_dump(mode="json"))

    def status_changed(self, job_order: str, status: Any, previous: Any, cause: Cause) -> None:
        """Tell the outside about a change that a posting has made."""
        self.emit_change(StatusChange(job_order=job_order, status=status, previous_status=previous, cause=cause))

    def emit(self, noun_verb: str, subject: str, data: dict[str, Any]) -> None:
        """Put a CloudEvent 1.0 into the outbox, in the transaction of what it tells."""
        site = self.catalogue.site
        now = self.clock.real()
        event = {
            "specversion": "1.0",
            "id": f"evt_{uuid.uuid4().hex}",
            "source": f"/mes/{site.site}",
            "type": f"com.{site.enterprise}.mes.{noun_verb}.v1",
            "subject": subject,
            "time": now.isoformat(),
            "datacontenttype": "application/json",
            "data": data,
        }
        self.db.add_event(event, now)
        self.news.set()

    def as_of(self) -> datetime:
        """Plant time."""
        return self.clock.now()


def _replayed(key: str, known: tuple[str, dict[str, Any]], digest: str) -> dict[str, Any]:
    first_digest, receipt = known
    if first_digest != digest:
        raise Problem(409, "key-reused", "This key was used for another request. Use a new key.", key=key)
    return receipt | {"replayed": True}
