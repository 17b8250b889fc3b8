"""The tables. Times are TIMESTAMPTZ (aware UTC); documents are JSONB. Who writes which truth: docs/architecture.md."""

from store.tables.asking import DecisionRow, LedgerRow, OutboxRow, TaskRow
from store.tables.authoring import DefinitionRow, DraftRow, RolloutRow, ShadowSignalRow, ShelfRow
from store.tables.flow import ContextFactRow, ExceptionRow, InboxRow, RefusedCall, SourceStateRow, TimelineRow
from store.tables.site import AuditRow, ContactRow, DocumentRow, PersonRow, SessionRow

__all__ = [
    "AuditRow",
    "ContactRow",
    "ContextFactRow",
    "DecisionRow",
    "DefinitionRow",
    "DocumentRow",
    "DraftRow",
    "ExceptionRow",
    "InboxRow",
    "LedgerRow",
    "OutboxRow",
    "PersonRow",
    "RefusedCall",
    "RolloutRow",
    "SessionRow",
    "ShadowSignalRow",
    "ShelfRow",
    "SourceStateRow",
    "TaskRow",
    "TimelineRow",
]
