"""Any REST system as a System: the mapping's questions, and its operations as the steps of a transaction."""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from connectors import saga
from connectors.probing import Finding, tried
from connectors.rest import ledger, way_back
from connectors.rest.client import Answer, RestClient, Sent
from connectors.rest.config import RestConfig
from connectors.rest.mapping import Call, LookUp, Operation, Query
from connectors.rest.steps import Step, steps_of
from connectors.rest.template import render, text
from connectors.saga import Done
from domain.books.booking import Booked, Preview, ReadBack, token_of
from domain.books.outcomes import Outcome, OutcomeTransaction, Receipt
from domain.errors import (
    ConflictError,
    InvalidPayloadError,
    NotFoundError,
    OutcomeUnknownError,
    RejectedError,
    TransientError,
)
from domain.queries import VOCABULARY
from domain.typing.tree import misfit
from domain.values import Json, iso

_REMEMBERED = 10_000
_NOBODYS = "mos:connect:probe"
_UNSURE = "mos.rest.unsure"


class RestSystem:
    """Posting again is safe for every operation but those with the strategy `none`: see `find`."""

    def __init__(self, config: RestConfig, client: RestClient) -> None:
        self.name = config.name
        self._config, self._mapping, self._client = config, config.mapping, client
        self._zone = ZoneInfo(config.timezone)
        self._repeatable: OrderedDict[str, None] = OrderedDict()

    async def close(self) -> None:
        await self._client.close()

    async def query(self, name: str, where: Mapping[str, Json]) -> Json:
        query = self._mapping.queries.get(name)
        if query is None:
            raise NotFoundError(f"The mapping has no query {name!r}.")
        scope = {"where": dict(where)}
        answer = await self._get(query.path, query.params, scope)
        found = render(query.answer, {**scope, "body": answer.body}, self._zone)
        if wrong := misfit(found, VOCABULARY.queries[name].answer, name):
            raise InvalidPayloadError("The mapping's answer is not what the query promises.", detail=wrong)
        return found

    async def probe(self) -> list[Finding]:
        """Every look-up, with a key that nobody has, and every question that needs no argument. What writes is not
        tried: a home-grown system can't be asked for it without writing."""
        calls: dict[str, Call] = {
            f"GET {query.path}": query for query in self._mapping.queries.values() if not _asks(query)
        }
        calls |= {f"GET {self._mapping.probe.path}": self._mapping.probe} if self._mapping.probe else {}
        found = [await tried(what, self._get(call.path, call.params, {})) for what, call in calls.items()]
        for kind, operations in self._mapping.outcomes.items():
            look_ups = [one.idempotency.look_up for one in operations]
            found += [await tried(f"look-up of {kind}", self._found(one, _NOBODYS)) for one in look_ups if one]
        if self._mapping.postings:
            found.append(await tried("list of postings", self.postings_since(datetime.now(UTC))))
        if not found:
            found.append(await tried("GET /", self._get("/", {}, {}), advice="Add a `probe` to the mapping."))
        return found

    async def find(self, key: str) -> Receipt | None:
        """By the look-ups of the mapping. RejectedError (code mos.rest.unsure): an operation has none, and this process
        does not know that nothing of this key left it, so that only a person can tell."""
        found = await self._find_by_keys(key)
        if found is None and self._mapping.unsure and key not in self._repeatable:
            raise _unsure(key)
        return found

    async def _find_by_keys(self, key: str) -> Receipt | None:
        last = await self._look_up(key)
        if last is None:
            return None
        documents, raws, number = [last[0]], [last[1]], 1
        while (earlier := await self._look_up(f"{key}.{number}")) is not None:
            documents.insert(number - 1, earlier[0])
            raws.insert(number - 1, earlier[1])
            number += 1
        return _receipt(key, documents, raws)

    async def look_up(self, transaction: OutcomeTransaction) -> Receipt | None:
        """As `find`, but of what these outcomes need: unsure only when one of them has neither key nor search."""
        steps = steps_of(transaction, self._mapping, self._zone)
        keyless = [step for step in steps if step.operation.idempotency.strategy == "none"]
        if not keyless:
            return await self._find_by_keys(transaction.key)
        if transaction.key in self._repeatable:
            return None
        if len(keyless) < len(steps) or any(step.operation.idempotency.search is None for step in steps):
            raise _unsure(transaction.key)
        found = [await self._searched(step, transaction.key) for step in steps]
        done = [one for one in found if one is not None]
        if done and len(done) < len(found):
            raise _unsure(transaction.key)
        return _receipt(transaction.key, [one.document for one in done], [one.raw for one in done]) if done else None

    async def _searched(self, step: Step, key: str) -> Done | None:
        search = step.operation.idempotency.search
        assert search is not None
        scope = self._scope(step, key)
        try:
            answer = await self._get(search.path, search.params, scope)
        except NotFoundError:
            return None
        scope |= {"body": answer.body}
        if render(search.found, scope, self._zone) is not True:
            return None
        record = render(search.record, scope, self._zone)
        return Done(self._document(step.operation, scope, record), record, replayed=True)

    async def post(self, transaction: OutcomeTransaction) -> Receipt:
        steps = steps_of(transaction, self._mapping, self._zone)
        sure = all(step.operation.idempotency.strategy != "none" for step in steps)
        if sure:
            self._remember(transaction.key)
        else:
            self._repeatable.pop(transaction.key, None)
        try:
            return await saga.run(transaction.key, steps, self._do, self._undo)
        except TransientError:
            if len(steps) == 1:
                self._remember(transaction.key)  # nothing has left
            raise

    async def preview(self, transaction: OutcomeTransaction) -> Preview:
        """Fields by the mapping's `fields`, or what a new record is given."""
        steps = steps_of(transaction, self._mapping, self._zone)
        scopes = [await self._before(step, self._scope(step, "preview")) for step in steps]
        return ledger.preview(list(zip(steps, scopes, strict=True)), self._zone)

    async def reversal(self, transaction: OutcomeTransaction, receipt: Receipt, shown: Preview | None) -> list[Outcome]:
        """The last first, by the mapping's `reverse` and `undo`."""
        steps, stood = steps_of(transaction, self._mapping, self._zone), way_back.stood_before(shown)
        answers = (
            receipt.raw if isinstance(receipt.raw, list) and len(receipt.raw) == len(steps) else [None] * len(steps)
        )
        found: list[Outcome] = []
        for step, answer in reversed(list(zip(steps, answers, strict=True))):
            scope = {**self._scope(step, receipt.key), "stood": stood, "before": None, "before_headers": {}}
            alone = len(steps) == 1 and receipt.documents
            document = receipt.documents[0] if alone else self._document(step.operation, scope, answer)
            found.append(way_back.outcome_of(step.operation, scope, document, self._zone))
        return found

    async def read_back(self, transaction: OutcomeTransaction, receipt: Receipt) -> ReadBack:
        """Records found by their keys, and the fields that `fields` names."""
        steps = steps_of(transaction, self._mapping, self._zone)
        known, standing = True, []
        for step, key in zip(steps, saga.step_keys(receipt.key, len(steps)), strict=True):
            scope = self._scope(step, key)
            if look_up := step.operation.idempotency.look_up:
                record = await self._found(look_up, key)
                known = known and record is not None
                scope |= {"before": record, "before_headers": {}, "answer": record}
            if look_up is None or step.operation.read:
                scope = await self._before(step, scope)
            standing += ledger.standing(step, scope, self._zone) if scope.get("before") is not None else []
        return ReadBack(known=known, fields=standing)

    async def postings_since(self, moment: datetime) -> list[Booked]:
        listed = self._mapping.postings
        if listed is None:
            raise NotFoundError("The mapping has no `postings`: add them to reconcile.")
        answer = await self._get(listed.path, listed.params, {"since": iso(moment)})
        return ledger.booked(listed, answer.body, self._zone)

    async def _do(self, step: Step, key: str) -> Done:
        idempotency = step.operation.idempotency
        scope = self._scope(step, key)
        if idempotency.checked_by_us and (found := await self._already(idempotency.checked_by_us, step, key)):
            return found
        scope = await self._before(step, scope)
        if idempotency.read and render(idempotency.read.done, scope, self._zone) is True:
            return Done(self._document(step.operation, scope, None), scope["before"], changed=False)
        return await self._send(step, key, scope)

    async def _send(self, step: Step, key: str, scope: dict[str, Json]) -> Done:
        operation, idempotency = step.operation, step.operation.idempotency
        try:
            answer = await self._client.send(self._request(operation, key, scope))
        except NotFoundError:
            if not step.cancels:
                raise
            return Done(self._document(operation, scope, None), changed=False)  # it is gone already
        except ConflictError:  # perhaps another worker was faster with this key
            if idempotency.checked_by_us and (found := await self._already(idempotency.checked_by_us, step, key)):
                return found
            raise
        if answer.means == "done":
            return Done(self._document(operation, scope, None), scope.get("before"), changed=False)
        if idempotency.look_up and (answer.means or answer.body is None):
            return await self._after(idempotency.look_up, step, key, answer)
        told = {"body": answer.body, "headers": dict(answer.headers), "status": answer.status}
        replayed = render(idempotency.replayed, told, self._zone) is True
        return Done(self._document(operation, scope, answer.body), answer.body, replayed=replayed)

    def _request(self, operation: Operation, key: str, scope: Mapping[str, Json]) -> Sent:
        headers = dict(render(operation.headers, scope, self._zone))
        if operation.idempotency.strategy == "header":
            headers[operation.idempotency.header] = key
        path = text(operation.path, scope, quoted=True)
        params, body = (render(part, scope, self._zone) for part in (operation.params, operation.body))
        return Sent(operation.method, path, params, headers, body)

    async def _already(self, look_up: LookUp, step: Step, key: str) -> Done | None:
        """What this key has posted before. ConflictError when it was something else."""
        record = await self._found(look_up, key)
        if record is None:
            return None
        scope = self._scope(step, key) | {"record": record}
        if render(look_up.same, scope, self._zone) is not True:
            raise ConflictError(f"{self.name} has this key with another payload.", code="mos.rest.key_reused")
        return Done(self._document(step.operation, scope, record), record, replayed=True)

    async def _after(self, look_up: LookUp, step: Step, key: str, answer: Answer) -> Done:
        """The system says that the key is there, or told nothing of what it made: look."""
        done = await self._already(look_up, step, key)
        if done is None:
            raise OutcomeUnknownError(f"{self.name} took a posting that can't be found yet; it is looked up again.")
        return done if answer.means else Done(done.document, done.raw)

    async def _before(self, step: Step, scope: dict[str, Json]) -> dict[str, Json]:
        read = step.operation.reads
        if read is None:
            return scope
        answer = await self._get(read.path, read.params, scope)
        return scope | {"before": answer.body, "before_headers": dict(answer.headers)}

    async def _undo(self, step: Step, key: str, done: Done) -> bool:
        undo = step.operation.undo
        if undo is None:
            return False
        scope = self._scope(step, key) | {"answer": done.raw, "before": None, "before_headers": {}}
        headers = {step.operation.idempotency.header: key} if step.operation.idempotency.strategy == "header" else {}
        body = render(undo.body, scope, self._zone)
        await self._client.send(Sent(undo.method, text(undo.path, scope, quoted=True), {}, headers, body))
        return True

    async def _look_up(self, key: str) -> tuple[str, Json] | None:
        """The document and record of the first operation that knows this key."""
        for operations in self._mapping.outcomes.values():
            for operation in operations:
                look_up = operation.idempotency.look_up
                record = await self._found(look_up, key) if look_up else None
                if record is not None:
                    return self._document(operation, self._named(key), record), record
        return None

    async def _found(self, look_up: LookUp, key: str) -> Json:
        scope = self._named(key)
        try:
            answer = await self._get(look_up.path, look_up.params, scope)
        except NotFoundError:
            return None
        scope |= {"body": answer.body}
        found = render(look_up.found, scope, self._zone) is True
        return render(look_up.record, scope, self._zone) if found else None

    async def _get(self, path: str, params: Mapping[str, Json], scope: Mapping[str, Json]) -> Answer:
        sent: Any = render(dict(params), scope, self._zone)
        return await self._client.get(text(path, scope, quoted=True), sent)

    def _document(self, operation: Operation, scope: Mapping[str, Json], answer: Json) -> str:
        return text(operation.document, {**scope, "answer": answer})

    def _scope(self, step: Step, key: str) -> dict[str, Json]:
        return {**step.scope, **self._named(key)}

    def _named(self, key: str) -> dict[str, Json]:
        return {"key": key, "token": token_of(key, self._config.token_length)}

    def _remember(self, key: str) -> None:
        self._repeatable[key] = None
        if len(self._repeatable) > _REMEMBERED:
            self._repeatable.popitem(last=False)


def _asks(query: Query) -> bool:
    return any("where" in source for source in (query.path, *map(str, query.params.values())))


def _receipt(key: str, documents: list[str], raws: list[Json]) -> Receipt:
    return Receipt(key=key, documents=list(dict.fromkeys(documents)), replayed=True, raw=raws)


def _unsure(key: str) -> RejectedError:
    message = "This system can't say whether the posting was booked: look there before it is posted again."
    return RejectedError(message, detail=f"key {key}", code=_UNSURE)


def build(
    config: RestConfig, secrets: Mapping[str, str], transport: httpx.AsyncBaseTransport | None = None
) -> RestSystem:
    """`secrets["token"]`: what authenticates us. `transport` is for tests."""
    return RestSystem(config, RestClient(config, secrets["token"], transport))
