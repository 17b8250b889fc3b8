"""The roles that a connector can play. Connectors know the domain and their own vendor library, nothing else.

Every method raises the errors of `domain.errors` only: AuthError (401/403), RateLimitedError (429), TransientError
(connection
refused, 5xx before the request was taken), RejectedError (the remote side said no), OutcomeUnknownError (sent, no
answer), NotFoundError, InvalidPayloadError (the answer or the call cannot be read).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from domain.books.booking import Booked, Preview, ReadBack
from domain.books.outcomes import Outcome, OutcomeTransaction, Receipt
from domain.proposals import Proposal, Question
from domain.rosters.imported import Imported
from domain.rosters.people import ChannelName, Person
from domain.signals import RawSignal, Signal
from domain.values import Json

Accept = Callable[[Sequence[RawSignal]], Awaitable[None]]
"""Commits the signals to the inbox. When it returns they are durable: only then may a source acknowledge them."""


@dataclass(frozen=True)
class SourceState:
    """Told by a source when its connection comes or goes: `connected` False opens a `source.lost` signal after a
    delay."""

    source: str
    connected: bool
    detail: str = ""


class Source(Protocol):
    """Reports signals until cancelled; reconnects by itself; loses nothing that the protocol lets it keep."""

    name: str

    async def run(self, accept: Accept, report: Callable[[SourceState], Awaitable[None]]) -> None: ...


class Normaliser(Protocol):
    """Pure: reads what its source put into `RawSignal.body`. Raises InvalidPayloadError with what is wrong."""

    def __call__(self, raw: RawSignal) -> Signal: ...


@dataclass(frozen=True)
class ChannelMessage:
    """One message for one address. `payload` is what the channel's template rendered: slack `{"text", "blocks"}`,
    sms `{"body"}`.

    `key` is our outbox id: the channel stamps it where the vendor lets it be found again.
    """

    key: str
    address: str
    payload: Mapping[str, Json]


@dataclass(frozen=True)
class SentMessage:
    """The vendor's identity of a message that it accepted. `conversation`: the Slack channel id, empty elsewhere."""

    vendor_id: str
    conversation: str = ""


@dataclass(frozen=True)
class CallbackRequest:
    """An HTTP callback as it arrived: `url` is the configured public URL with path and query, never the Host
    header's."""

    path: str
    url: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    received_at: datetime


@dataclass(frozen=True)
class Media:
    """A picture or paper that came with a message: where the vendor keeps it. Type and name are the sender's claim."""

    url: str
    claimed_type: str = ""


@dataclass(frozen=True)
class InboundMessage:
    """What a person did on a channel, after the signature held.

    `dedupe_key` names this very press or text (a replay has the same). `task` is the opaque task reference from
    the button's
    value or the SMS code; `verb` the button's action (`accept`, `decline`, `approve:<option>`, `answer` ...) or
    empty for
    free text; `fields` the inputs of a form. `reply_to` is whatever the channel needs to answer this person later.
    """

    channel: ChannelName
    dedupe_key: str
    address: str
    verb: str = ""
    task: str = ""
    text: str = ""
    fields: Mapping[str, Json] = field(default_factory=dict)
    occurred_at: datetime | None = None
    reply_to: Mapping[str, Json] = field(default_factory=dict)
    media: Sequence[Media] = ()


class Channel(Protocol):
    """How we speak to people. A send is tried once: after OutcomeUnknownError the caller asks `find` before it
    sends again.

    `can_edit`: a sent message can be replaced. `can_find`: a message is found again by its key; where not (e-mail), a
    send is at least once under one id.
    """

    name: ChannelName
    can_edit: bool
    can_find: bool

    async def send(self, message: ChannelMessage) -> SentMessage: ...

    async def find(self, message: ChannelMessage, since: datetime) -> SentMessage | None:
        """The message with this key if the vendor has accepted it since then, else None."""
        ...

    async def edit(self, sent: SentMessage, message: ChannelMessage) -> None:
        """Replace a sent message (only where `can_edit`)."""
        ...

    def verify(self, request: CallbackRequest) -> None:
        """Raises AuthError unless the vendor signed exactly these bytes for us, and recently where the vendor says
        when."""
        ...

    def read(self, request: CallbackRequest) -> list[InboundMessage]:
        """What a verified callback says; raises InvalidPayloadError. May be empty (a challenge, a status)."""
        ...


class RosterSource(Protocol):
    """Reads people and schedules from what another system exported. Pure: whoever calls has fetched the bytes."""

    def read(self, data: bytes, people: Sequence[Person]) -> Imported:
        """`people` are those whom its users may mean. Raises InvalidPayloadError for what can't be read at all; what
        can't be taken over is told in `problems`."""
        ...


class Poster(Protocol):
    """A system that takes outcome transactions under a key, once."""

    async def post(self, transaction: OutcomeTransaction) -> Receipt:
        """The same key and payload gives the first receipt again with `replayed`. ConflictError when a version is
        stale or the key was used with another payload."""
        ...

    async def find(self, key: str) -> Receipt | None: ...


class System(Poster, Protocol):
    """An ERP or MES: named read-only queries, and transactions."""

    name: str

    async def query(self, name: str, where: Mapping[str, Json]) -> Json:
        """One of the connector's named queries (see its manifest). NotFoundError for an unknown one."""
        ...


class Agent(Protocol):
    """Proposes, and does nothing else: it has no tools, and knows no more than the question says."""

    name: str

    async def propose(self, question: Question) -> Proposal:
        """Tried once. Whether the answer is of the wanted types is the caller's to find out. Raises NotFoundError when
        it has nothing to go by, InvalidPayloadError for an answer that can't be read, RejectedError when it is over the
        budget or refused, and the errors of any connection."""
        ...


@runtime_checkable
class Previewer(Protocol):
    """Optional (manifest capability `preview`): says what a posting would change, from its own records."""

    async def preview(self, transaction: OutcomeTransaction) -> Preview:
        """Changes nothing. Raises what `post` would (RejectedError, ConflictError, NotFoundError, ConfigError)."""
        ...


@runtime_checkable
class Reversible(Protocol):
    """Optional (`reverse`): how a posted transaction is undone."""

    async def reversal(self, transaction: OutcomeTransaction, receipt: Receipt, shown: Preview | None) -> list[Outcome]:
        """The outcomes that undo it, for a transaction of its own. Reads only. `shown`: the last preview before it was
        posted (what stood then). RejectedError where people must undo it in the system, saying how."""
        ...


@runtime_checkable
class LooksUp(Protocol):
    """Optional, for a system that keeps no keys of some postings: `find` by what was to be posted."""

    async def look_up(self, transaction: OutcomeTransaction) -> Receipt | None:
        """As `find`. RejectedError when only a person can tell."""
        ...


@runtime_checkable
class Grouping(Protocol):
    """Optional, for a system that is not `atomic`: some outcomes go into one transaction of its own all the same."""

    def grouped(self, outcomes: Sequence[Outcome]) -> list[list[Outcome]]:
        """All outcomes in their order; those of one list are posted together, all or none."""
        ...


@runtime_checkable
class Reconciler(Protocol):
    """Optional (`reconcile`): what the system's own tables say of our postings."""

    async def read_back(self, transaction: OutcomeTransaction, receipt: Receipt) -> ReadBack:
        """What stands now of one posting, field by field."""
        ...

    async def postings_since(self, moment: datetime) -> list[Booked]:
        """Everything that carries a key of ours (or its token) since then, oldest first."""
        ...


@dataclass(frozen=True)
class Manifest:
    """What a connector is: its roles, its secrets (by name of the reference), its named queries with their arguments,
    the kinds of outcomes that it books (with the fields that it needs beyond those that every one has), which optional
    capabilities it has (preview, reverse, reconcile), whether it posts several outcomes in one transaction of its own,
    and, of a channel, how much a message may hold (characters or pieces)."""

    name: str
    title: str
    roles: tuple[str, ...]
    extra: str
    secrets: tuple[str, ...] = ()
    queries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    outcomes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()  # preview | reverse | reconcile
    atomic: bool = False  # a System that posts all outcomes of a transaction, or none; else they are posted one by one
