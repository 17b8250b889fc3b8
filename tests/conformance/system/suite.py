"""What every System keeps to. A connector's test subclasses SystemConformance and gives a `books` fixture; one that
previews, takes back and reads back subclasses LedgerConformance too."""

import logging
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx
import pytest

from connectors.roles import System
from domain.books.booking import Preview, token_of
from domain.books.outcomes import OutcomeTransaction
from domain.errors import (
    AuthError,
    ConflictError,
    NotFoundError,
    OutcomeUnknownError,
    RateLimitedError,
    TransientError,
)
from domain.values import Json

_EVER = datetime(2020, 1, 1, tzinfo=UTC)


class Books(Protocol):
    """A real peer, and transactions that it takes."""

    secret: str

    def system(self, *, transport: httpx.AsyncBaseTransport | None = None, secret: str = "") -> System:
        """A connector; `transport` in place of the network, `secret` in place of the right one."""
        ...

    def transaction(self, key: str) -> OutcomeTransaction:
        """One that the peer takes, always the same but for its key."""
        ...

    def other(self, key: str) -> OutcomeTransaction:
        """Another payload under the same key."""
        ...

    async def stale(self, key: str) -> OutcomeTransaction:
        """One made from a version that has passed."""
        ...

    async def query(self, system: System) -> object:
        """Any of its named queries."""
        ...

    def count(self, key: str) -> int:
        """How often the peer has posted this key, read in its own books."""
        ...


class LedgerBooks(Books, Protocol):
    """A peer whose records can be looked at, changed by hand and set back."""

    def system(self, *, transport: httpx.AsyncBaseTransport | None = None, secret: str = "") -> Any:
        """A System that is a Previewer, Reversible and Reconciler."""
        ...

    async def change(self, key: str) -> OutcomeTransaction:
        """One that sets fields of a record to something else than stands there."""
        ...

    async def edit(self) -> None:
        """A user of the system changes a field that `change` sets."""
        ...


class LosesAnswers(httpx.AsyncBaseTransport):
    """Sends, and loses the answer of the first posting: the wire breaks after the work is done."""

    def __init__(self, posting: bytes) -> None:
        self._inner = httpx.AsyncHTTPTransport()
        self._posting = posting
        self.lost = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        if not self.lost and self._posting in request.headers.get("Idempotency-Key", "").encode() + request.content:
            self.lost += 1
            await response.aread()
            raise httpx.ReadTimeout("the answer was lost", request=request)
        return response


class Answers(httpx.AsyncBaseTransport):
    """Answers every request alike."""

    def __init__(self, status: int, headers: dict[str, str] | None = None) -> None:
        self._status = status
        self._headers = headers or {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(self._status, headers=self._headers, request=request)


class Unreachable(httpx.AsyncBaseTransport):
    """Nobody listens."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)


class SystemConformance:
    """Keys, versions and errors: the same for every system that takes transactions."""

    posting: bytes
    """What a posting's request carries and no other request does: in its Idempotency-Key or its body."""

    async def test_a_replay_gives_the_first_receipt(self, books: Books) -> None:
        system = books.system()
        first = await system.post(books.transaction("key:replay"))
        again = await system.post(books.transaction("key:replay"))
        assert (first.replayed, again.replayed) == (False, True)
        assert first.documents
        assert again.documents == first.documents
        assert books.count("key:replay") == 1

    async def test_another_payload_under_the_same_key_is_a_conflict(self, books: Books) -> None:
        system = books.system()
        await system.post(books.transaction("key:other"))
        with pytest.raises(ConflictError):
            await system.post(books.other("key:other"))
        assert books.count("key:other") == 1

    async def test_a_stale_version_is_a_conflict_and_leaves_nothing(self, books: Books) -> None:
        system = books.system()
        with pytest.raises(ConflictError):
            await system.post(await books.stale("key:stale"))
        assert await system.find("key:stale") is None
        assert books.count("key:stale") == 0

    async def test_a_lost_answer_is_unknown_until_it_is_found(self, books: Books) -> None:
        system = books.system(transport=LosesAnswers(self.posting))
        with pytest.raises(OutcomeUnknownError):
            await system.post(books.transaction("key:lost"))
        found = await system.find("key:lost")
        assert found is not None
        assert found.documents
        again = await system.post(books.transaction("key:lost"))
        assert again.replayed
        assert books.count("key:lost") == 1

    async def test_an_unused_key_is_not_found(self, books: Books) -> None:
        assert await books.system().find("key:never/used ä") is None

    async def test_wrong_credentials_are_an_auth_error(self, books: Books) -> None:
        with pytest.raises(AuthError):
            await books.query(books.system(secret="not-the-secret"))

    @pytest.mark.parametrize("status", [401, 403])
    async def test_a_refusal_is_an_auth_error(self, books: Books, status: int) -> None:
        with pytest.raises(AuthError):
            await books.query(books.system(transport=Answers(status)))

    async def test_too_many_requests_say_how_long_to_wait(self, books: Books) -> None:
        with pytest.raises(RateLimitedError) as caught:
            await books.query(books.system(transport=Answers(429, {"Retry-After": "17"})))
        assert caught.value.retry_after == 17

    async def test_nobody_there_is_transient_also_for_a_posting(self, books: Books) -> None:
        with pytest.raises(TransientError):
            await books.system(transport=Unreachable()).post(books.transaction("key:nobody"))

    async def test_a_read_that_fails_is_transient(self, books: Books) -> None:
        with pytest.raises(TransientError):
            await books.query(books.system(transport=Answers(504)))

    async def test_an_unknown_query_is_not_found(self, books: Books) -> None:
        with pytest.raises(NotFoundError):
            await books.system().query("no.such", {})

    async def test_secrets_are_in_no_text(self, books: Books, caplog: pytest.LogCaptureFixture) -> None:
        system = books.system()
        with caplog.at_level(logging.DEBUG):
            await books.query(system)
            with pytest.raises(NotFoundError) as caught:
                await system.query("no.such", {})
        texts = [repr(system), repr(caught.value), *(record.getMessage() for record in caplog.records)]
        leaks = [text[:200] for text in texts if books.secret in text]
        assert not leaks


def standing(preview: Preview) -> dict[tuple[str, str], Json]:
    """What stands of each field by a preview."""
    return {(change.record, change.field): change.before for change in preview.changes if not change.created}


class LedgerConformance:
    """Looked at before, read back after, and taken back: the same for every system that can."""

    async def test_a_preview_says_before_and_after_and_changes_nothing(self, books: LedgerBooks) -> None:
        system, wanted = books.system(), await books.change("ledger:preview")
        first, again = await system.preview(wanted), await system.preview(wanted)
        assert any(change.before != change.after for change in first.changes)
        assert standing(first) == standing(again)
        assert await system.find("ledger:preview") is None

    async def test_somebody_who_was_faster_is_not_overwritten(self, books: LedgerBooks) -> None:
        system, wanted = books.system(), await books.change("ledger:late")
        seen = await system.preview(wanted)
        assert seen.versions
        await books.edit()
        stands = standing(await system.preview(wanted))
        with pytest.raises(ConflictError):
            await system.post(wanted.model_copy(update={"versions": seen.versions}))
        assert standing(await system.preview(wanted)) == stands

    async def test_what_was_posted_is_read_back_and_told_from_what_changed_since(self, books: LedgerBooks) -> None:
        system, wanted = books.system(), await books.change("ledger:back")
        receipt = await system.post(wanted)
        found = await system.read_back(wanted, receipt)
        assert (found.known, bool(found.fields), found.changed) == (True, True, [])
        await books.edit()
        assert (await system.read_back(wanted, receipt)).changed

    async def test_the_way_back_sets_what_stood_before(self, books: LedgerBooks) -> None:
        system, wanted = books.system(), await books.change("ledger:way")
        shown = await system.preview(wanted)
        receipt = await system.post(wanted)
        way = await system.reversal(wanted, receipt, shown)
        undo = wanted.model_copy(update={"key": "ledger:way:reversal", "outcomes": way, "versions": {}})
        assert (await system.preview(undo)).changes
        await system.post(undo)
        assert standing(await system.preview(wanted)) == standing(shown)

    async def test_the_systems_own_table_tells_our_postings(self, books: LedgerBooks) -> None:
        system = books.system()
        await system.post(await books.change("ledger:listed"))
        listed = [one for one in await system.postings_since(_EVER) if stands_for(one.key, "ledger:listed")]
        assert [bool(one.documents) for one in listed] == [True]


def stands_for(stamp: str, key: str) -> bool:
    """Is it the key, or a short token of it?"""
    return stamp == key or (len(stamp) >= 8 and stamp == token_of(key, len(stamp)))
