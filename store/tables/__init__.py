"""The tables. Times are TIMESTAMPTZ (aware UTC); documents are JSONB. Who writes which truth: docs/architecture.md."""

from store.tables.asking import ChannelHealthRow, DecisionRow, OutboxRow, StoppedRow, TaskRow
from store.tables.audit import (
    AuditCheckpointRow,
    AuditHeadRow,
    AuditHoldRow,
    AuditPendingRow,
    AuditRow,
    AuditSealRow,
    PersonalRow,
)
from store.tables.authoring import DefinitionRow, DraftRow, RolloutRow, ShadowSignalRow, ShelfRow
from store.tables.authority import DelegationRow, ShownRow, SignatureRow
from store.tables.flow import ContextFactRow, ExceptionRow, InboxRow, RefusedCall, SourceStateRow, TimelineRow
from store.tables.identity import (
    ApiTokenRow,
    EnrolmentRow,
    IdentityRow,
    LimitRow,
    OidcFlowRow,
    RecoveryCodeRow,
    TotpRow,
    UnknownSenderRow,
)
from store.tables.ledger import LedgerRow, LedgerViewRow, PostingControlRow
from store.tables.media import MediaRow, PictureRow
from store.tables.parts import LedgerPartRow
from store.tables.reconciliation import DifferenceRow, ReconciliationRow
from store.tables.roster import (
    AbsenceRow,
    FeedRow,
    OverrideRow,
    RosterVersionRow,
    ScheduleFeedRow,
    ScheduleRow,
    SwapRow,
)
from store.tables.site import ContactRow, DocumentRow, PersonRow, SessionRow
from store.tables.slack import SlackHomeRow

__all__ = [
    "AbsenceRow",
    "ApiTokenRow",
    "AuditCheckpointRow",
    "AuditHeadRow",
    "AuditHoldRow",
    "AuditPendingRow",
    "AuditRow",
    "AuditSealRow",
    "ChannelHealthRow",
    "ContactRow",
    "ContextFactRow",
    "DecisionRow",
    "DefinitionRow",
    "DelegationRow",
    "DifferenceRow",
    "DocumentRow",
    "DraftRow",
    "EnrolmentRow",
    "ExceptionRow",
    "FeedRow",
    "IdentityRow",
    "InboxRow",
    "LedgerPartRow",
    "LedgerRow",
    "LedgerViewRow",
    "LimitRow",
    "MediaRow",
    "OidcFlowRow",
    "OutboxRow",
    "OverrideRow",
    "PersonRow",
    "PersonalRow",
    "PictureRow",
    "PostingControlRow",
    "ReconciliationRow",
    "RecoveryCodeRow",
    "RefusedCall",
    "RolloutRow",
    "RosterVersionRow",
    "ScheduleFeedRow",
    "ScheduleRow",
    "SessionRow",
    "ShadowSignalRow",
    "ShelfRow",
    "ShownRow",
    "SignatureRow",
    "SlackHomeRow",
    "SourceStateRow",
    "StoppedRow",
    "SwapRow",
    "TaskRow",
    "TimelineRow",
    "TotpRow",
    "UnknownSenderRow",
]
