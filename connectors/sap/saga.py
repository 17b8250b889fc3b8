"""The steps of one transaction, one after the other; what was done is undone in reverse order when a later one is
refused.

SAP has no transaction across services. Within one service several changes are one changeset (OData v4: one atomicity
group).
"""

from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from typing import Any

from connectors.sap.clients import SapClients
from connectors.sap.config import SapConfig
from connectors.sap.connection import Change
from connectors.sap.facts import HEADER, NOTICE, ORDER, Facts
from connectors.sap.mapping import MAINTENANCE_ORDER, Document, Draft, Update
from connectors.sap.metadata import MAINTENANCE, MATERIAL, NOTIFICATION, PRODUCTION, EntitySet
from connectors.sap.standing import Found, Stands, label_of
from connectors.sap.unsure import Unsure
from domain.errors import (
    ConfigError,
    ConflictError,
    InvalidPayloadError,
    InvariantError,
    MosError,
    NotFoundError,
    OutcomeUnknownError,
    RejectedError,
)

_REFUSALS = (RejectedError, ConflictError, NotFoundError, InvalidPayloadError, InvariantError, ConfigError)
Undo = Callable[[], Awaitable[None]]


class Saga:
    """One posting. `wrote`: whether anything was sent at all; `labels`: what people look for."""

    def __init__(self, client: SapClients, config: SapConfig, stands: Stands, unsure: Unsure) -> None:
        self._client = client
        self._unsure = unsure
        self._config = config
        self._stands = stands
        self._undo: list[tuple[str, Undo | None]] = []
        self.wrote = False
        self.labels: dict[int, list[str]] = {}

    async def run(self, draft: Draft, standing: dict[int, Found]) -> None:
        """Everything is checked before the first word is sent."""
        for update in draft.updates:
            update.check()
            update.change.check()
        for document in draft.documents:
            document.target.body(document.body(), creating=True)
        try:
            await self._updates([update for update in draft.updates if not update.done])
            for document in draft.documents:
                await self._document(document, standing.get(document.outcome), draft.facts)
        except _REFUSALS as error:
            await self._compensate(error)
            raise

    async def _updates(self, updates: Sequence[Update]) -> None:
        for _, group in groupby(sorted(updates, key=_service), key=_service):
            together = list(group)
            for batch in [together] if self._config.changesets else [[update] for update in together]:
                await self._change(batch)
                self._undo.append((", ".join(update.label for update in batch), _back(self._client, batch)))

    async def _change(self, updates: Sequence[Update]) -> None:
        """An earlier try without an answer may have arrived just now: then the version is another, but all stands."""
        self.wrote = True
        try:
            await self._client.change([update.change for update in updates])
        except ConflictError:
            for update in updates:
                now = await self._client.read(update.change.target, update.change.key)
                if any(now.get(name) != value for name, value in update.change.values.items()):
                    raise

    async def _document(self, document: Document, found: Found | None, facts: Facts) -> None:
        if document.target.name == ORDER.name:
            await self._order(document, facts)
            return
        try:
            record = found.record if found else await self._create(document)
        except (RejectedError, ConflictError):
            found = await self._arrived(document)
            if found is None:
                raise
            record = found.record
        self.labels[document.outcome] = [label_of(document.target, record)]
        if document.order is not None:
            order = await self._maintenance(document, record, found.order if found else None)
            self.labels[document.outcome].append(f"maintenance order {order['MaintenanceOrder']}")

    async def _arrived(self, document: Document) -> Found | None:
        """An earlier try without an answer may have arrived just now, and taken what this one wanted."""
        return await self._stands.of_step(document.target, document.stamp) if document.stamp else None

    async def _create(self, document: Document) -> dict[str, Any]:
        name = document.stamp.key if document.stamp else document.label
        record = await self._made(document.target, document.body(), name)
        label = label_of(document.target, record)
        self._undo.append((label, self._removal(document, record)))
        return record

    async def _made(self, target: EntitySet, values: dict[str, Any], name: str) -> dict[str, Any]:
        """A new record, unless an earlier one without an answer may still appear (`name` tells them apart)."""
        self._unsure.check(f"{target.name} {name}")
        self.wrote = True
        try:
            return await self._client.create(target, values)
        except OutcomeUnknownError:
            self._unsure.note(f"{target.name} {name}")
            raise

    async def _order(self, document: Document, facts: Facts) -> None:
        """Its number is its key: the one that stands is ours when it is the same order."""
        known = facts.orders.get(str(document.values["ManufacturingOrder"]))
        if known is not None:
            names = ("Material", "TotalQuantity")
            if any(known.get(name) != document.values[name] for name in names):
                raise ConflictError(f"SAP has another {document.label} already.", code="sap.key_reused")
            return
        self.wrote = True
        await self._client.create(document.target, document.body())
        self._undo.append((document.label, self._removal(document, dict(document.values))))

    async def _maintenance(
        self, document: Document, notification: dict[str, Any], order: dict[str, Any] | None
    ) -> dict[str, Any]:
        """The order of a notification, and its completion; each part only when it is not there yet."""
        if order is None:
            number = notification["MaintenanceNotification"]
            values = {**(document.order or {}), "MaintenanceNotification": number}
            order = await self._made(MAINTENANCE_ORDER, values, f"notification {number}")
            self._undo.append((f"maintenance order {order['MaintenanceOrder']}", None))
        if document.done:
            for name, status in (
                ("ReleaseMaintenanceOrder", self._config.status_released),
                ("SetMaintOrdToTechCompleted", self._config.status_completed),
            ):
                if not self._stands.has(order, status):
                    await self._call(name, status, order["MaintenanceOrder"])
        return order

    async def _call(self, name: str, status: str, number: str) -> None:
        """A refusal of what an earlier try has done already is none."""
        self.wrote = True
        try:
            await self._client.call(MAINTENANCE, name, {"MaintenanceOrder": ("String", number)})
        except RejectedError:
            order = await self._client.read(MAINTENANCE_ORDER, {"MaintenanceOrder": number})
            if not self._stands.has(order, status):
                raise

    def _removal(self, document: Document, record: dict[str, Any]) -> Undo | None:
        """How a new document is undone; None where SAP has no service for it."""
        client = self._client
        if document.target.name == HEADER.name:
            names = ("MaterialDocumentYear", "MaterialDocument")
            return lambda: client.call(MATERIAL, "Cancel", {name: ("String", record[name]) for name in names})
        if document.target.name == ORDER.name:
            number = {"ManufacturingOrder": ("String", record["ManufacturingOrder"])}
            return lambda: client.call(PRODUCTION, "DeletionFlagOrder", number)
        if document.target.name == NOTICE.name and document.order is None:
            return lambda: _close(client, record)
        return None

    async def _compensate(self, error: MosError) -> None:
        """Raises RejectedError when something stays, naming it: people undo it in SAP."""
        left: list[str] = []
        for label, undo in reversed(self._undo):
            try:
                if undo is None:
                    left.append(label)
                else:
                    await undo()
            except MosError:
                left.append(label)
        if left:
            message = f"SAP refused a part; this stands and must be undone in SAP: {', '.join(left)}."
            raise RejectedError(message, detail=f"{error.message} {error.detail}", code="sap.partly_posted") from error


def _service(update: Update) -> str:
    return update.change.target.service


def _back(client: SapClients, updates: Sequence[Update]) -> Undo:
    """Write back what stood, unless somebody has changed it since."""

    async def undo() -> None:
        changes = []
        for update in updates:
            change = update.change
            now = await client.read(change.target, change.key)
            if any(now.get(name) != value for name, value in change.values.items()):
                raise ConflictError(f"{update.label} changed in SAP meanwhile.", code="sap.drift")
            values = {name: update.before.get(name) for name in change.values}
            changes.append(Change(change.target, change.key, values, str(now["@etag"])))
        await client.change(changes)

    return undo


async def _close(client: SapClients, record: dict[str, Any]) -> None:
    """A notification is never deleted: it loses our stamp, so that it is not taken for a posting, and is completed."""
    number = record["MaintenanceNotification"]
    values = {"MaintNotifExtReferenceNumber": "", "MaintenanceObjectIsDown": False}
    await client.change([Change(NOTICE, {"MaintenanceNotification": number}, values)])
    await client.call(NOTIFICATION, "CompleteMaintNotification", {"MaintenanceNotification": ("String", number)})
