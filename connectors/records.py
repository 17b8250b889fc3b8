"""Posting to a system of records (Odoo, ERPNext) that has neither keys nor a transaction over several calls.

Our key and a digest of the outcome are stamped into one field of each record that a step makes or sets
(`key#digest`), with a unique index where the system can, and looked up before every write.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, Protocol

from connectors import saga
from connectors.saga import Done
from domain.books.booking import Booked, FieldChange, FieldStanding, Preview, ReadBack
from domain.books.outcomes import OutcomeTransaction, Receipt
from domain.errors import ConflictError, NotFoundError, RejectedError
from domain.values import Json, content_hash

Record = dict[str, Any]
Filter = tuple[str, str, Json]
_DIGEST = 16


@dataclass(frozen=True)
class Ref:
    """The id of the record of `model` whose `field` is `value`, looked up when the step is done."""

    model: str
    field: str
    value: Any


@dataclass(frozen=True)
class Step:
    """One record to make (`create`), to set (`write`: the one that `where` finds) or to take away (`withdraw`, one of
    ours). `version`: as it was seen, empty = not compared. `after`: methods to call on a new record, while its `state`
    is one of those named. `also`: what a new record needs besides and nobody compares later (the moment at which it was
    made). `lacks`: why a new record can't be made now."""

    action: Literal["create", "write", "withdraw"]
    model: str
    label: str
    values: Mapping[str, Any]
    where: Ref | None = None
    version: str = ""
    after: tuple[tuple[str, tuple[str, ...]], ...] = ()
    also: Mapping[str, Any] = field(default_factory=dict)
    lacks: str = ""
    digest: str = ""
    number: int = 0


class Records(Protocol):
    """What a vendor's client offers. Every record has `id` and the fields asked for."""

    key_field: str
    version_field: str
    state_field: str
    cancelled: Mapping[str, str]
    """Models whose records are cancelled, not deleted, and the state that says so."""

    async def search(self, model: str, where: Sequence[Filter], fields: Sequence[str]) -> list[Record]: ...

    async def create(self, model: str, values: Record) -> Any: ...

    async def write(self, model: str, id: Any, values: Record, version: str) -> None: ...

    async def call(self, model: str, id: Any, method: str) -> None: ...

    async def withdraw(self, model: str, id: Any) -> None:
        """Deletes a new record, or cancels it where it can't be deleted. Raises RejectedError where neither goes."""
        ...

    def moment(self, record: Record) -> datetime:
        """When it was last written."""
        ...

    def since(self, moment: datetime) -> str:
        """A moment as a filter on `version_field` has it."""
        ...

    def plain(self, value: Any) -> Json:
        """A field's value as it is compared with what was written: a link is its id, an absent text None."""
        ...


def stamped(steps: Sequence[Step], outcome: Any, number: int) -> list[Step]:
    """The steps of one outcome with its digest and its number in the transaction."""
    digest = content_hash(outcome.model_dump(mode="json"))[:_DIGEST]
    return [replace(one, digest=digest, number=number) for one in steps]


def merged(steps: Sequence[Step]) -> list[Step]:
    """One write for each record: a second one would find the version of the first, and overwrite its key."""
    found: list[Step] = []
    places: dict[Ref, int] = {}
    for step in steps:
        place = places.get(step.where) if step.where else None
        if place is None:
            if step.where:
                places[step.where] = len(found)
            found.append(step)
            continue
        first = found[place]
        digest = content_hash([first.digest, step.digest])[:_DIGEST]
        values, version = {**first.values, **step.values}, first.version or step.version
        found[place] = replace(first, values=values, version=version, digest=digest)
    return found


@dataclass
class Books:
    """Posting, finding and reading back over `records`. `models`: all that steps may touch, for finding by key."""

    system: str
    records: Records
    models: Sequence[str]
    _ids: dict[Ref, Any] = field(default_factory=dict)

    async def post(self, transaction: OutcomeTransaction, steps: Sequence[Step]) -> Receipt:
        """Raises what a System's post does. Safe to repeat."""
        seen = transaction.versions

        async def do(step: Step, key: str) -> Done:
            return await self._do(step, key, step.version or seen.get(step.label, ""))

        return await saga.run(transaction.key, steps, do, self._undo)

    async def find(self, key: str) -> Receipt | None:
        last = await self._stamped(key)
        if last is None:
            return None
        found, number = [last], 1
        while (earlier := await self._stamped(f"{key}.{number}")) is not None:
            found.insert(number - 1, earlier)
            number += 1
        documents = [f"{model} {record['id']}" for model, record in found]
        return Receipt(key=key, documents=list(dict.fromkeys(documents)), replayed=True, raw=[one[1] for one in found])

    async def preview(self, steps: Sequence[Step]) -> Preview:
        changes, versions = [], {}
        for step in steps:
            values = await self._resolved(step)
            now: Record = {}
            if step.action == "withdraw":
                changes.append(_gone(step, await self._stands(step) is not None))
                continue
            if step.lacks:
                raise RejectedError(step.lacks)
            if step.action == "write":
                now = await self._record(step, values)
                versions[step.label] = str(now[self.records.version_field])
                if step.version and versions[step.label] != step.version:
                    raise self._changed(step)
            changes += [
                FieldChange(
                    record=step.label,
                    field=name,
                    before=self.records.plain(now.get(name)),
                    after=value,
                    created=step.action == "create",
                    outcome=step.number,
                )
                for name, value in values.items()
            ]
        return Preview(changes=changes, versions=versions)

    async def read_back(self, steps: Sequence[Step], key: str) -> ReadBack:
        """A record whose key has gone on to a later posting of ours is still compared field by field."""
        known, fields = True, []
        for step, step_key in zip(steps, saga.step_keys(key, len(steps)), strict=True):
            if step.action == "withdraw":
                there = await self._stands(step) is not None
                fields.append(FieldStanding(record=step.label, field="exists", posted=False, stands=there))
                continue
            values = await self._resolved(step)
            found = await self._by_key(step.model, step_key, list(values))
            if found is None and step.action == "create":
                known = False
                continue
            now = found or await self._record(step, values)
            fields += [
                FieldStanding(record=step.label, field=name, posted=value, stands=self.records.plain(now.get(name)))
                for name, value in values.items()
            ]
        return ReadBack(known=known, fields=fields)

    async def postings_since(self, moment: datetime) -> list[Booked]:
        """By the time at which a record was last written; a record has the key of the last posting only."""
        records, found = self.records, []
        for model in self.models:
            where: list[Filter] = [(records.key_field, "like", "#")]
            where.append((records.version_field, ">=", records.since(moment)))
            for record in await records.search(model, where, [records.key_field, records.version_field]):
                key = str(record[records.key_field]).rpartition("#")[0]
                found.append(Booked(key=key, at=records.moment(record), documents=[f"{model} {record['id']}"]))
        return sorted(found, key=lambda one: one.at)

    async def _do(self, step: Step, key: str, version: str) -> Done:
        if step.action == "withdraw":
            return await self._withdraw(step)
        if found := await self._replayed(step, key):
            return found
        if step.lacks:
            raise RejectedError(step.lacks)
        values = await self._resolved(step)
        stamp = {self.records.key_field: f"{key}#{step.digest}"}
        if step.action == "create":
            return await self._create(step, key, {**step.also, **values, **stamp})
        now = await self._record(step, values)
        if version and str(now[self.records.version_field]) != version:
            raise self._changed(step)
        await self.records.write(step.model, now["id"], {**values, **stamp}, str(now[self.records.version_field]))
        before = {name: self.records.plain(now.get(name)) for name in values}
        return Done(f"{step.model} {now['id']}", {"id": now["id"], "before": before})

    async def _withdraw(self, step: Step) -> Done:
        """What is gone is gone already: an earlier attempt, or somebody."""
        record = await self._stands(step)
        if record is None:
            return Done(step.label, changed=False)
        if "#" not in str(record[self.records.key_field] or ""):
            raise RejectedError(f"{step.label} is no posting of ours: cancel it in {self.system}.")
        await self.records.withdraw(step.model, record["id"])
        return Done(step.label, {"id": record["id"]})

    async def _stands(self, step: Step) -> Record | None:
        """The record to take away, unless it is gone or cancelled."""
        assert step.where is not None
        over = self.records.cancelled.get(step.model, "")
        fields = [self.records.key_field, *([self.records.state_field] if over else [])]
        found = await self.records.search(step.model, [(step.where.field, "=", step.where.value)], fields)
        if not found or (over and str(found[0][self.records.state_field]) == over):
            return None
        return found[0]

    async def _create(self, step: Step, key: str, values: Record) -> Done:
        try:
            made = await self.records.create(step.model, values)
        except (ConflictError, RejectedError):  # perhaps the unique key: another worker was faster
            if found := await self._replayed(step, key):
                return found
            raise
        for method, _ in step.after:
            await self.records.call(step.model, made, method)
        return Done(f"{step.model} {made}", {"id": made})

    async def _replayed(self, step: Step, key: str) -> Done | None:
        """What this key stands for already; methods that an interrupted attempt did not reach are called now."""
        state = [self.records.state_field] if step.after else []
        record = await self._by_key(step.model, key, state)
        if record is None:
            return None
        if str(record[self.records.key_field]).rpartition("#")[2] != step.digest:
            raise ConflictError(f"{self.system} has this key with another payload.", code="mos.records.key_reused")
        for method, states in step.after:
            if str(record[self.records.state_field]) in states:
                await self.records.call(step.model, record["id"], method)
        return Done(f"{step.model} {record['id']}", {"id": record["id"]}, replayed=True)

    async def _undo(self, step: Step, key: str, done: Done) -> bool:
        """A new record goes; a set one gets its values back, unless another attempt set it and they are not known. What
        was taken away stays away."""
        if step.action == "create":
            await self.records.withdraw(step.model, done.raw["id"])
            return True
        if "before" not in done.raw:
            return False
        values = {**done.raw["before"], self.records.key_field: f"{key}#{step.digest}"}
        await self.records.write(step.model, done.raw["id"], values, "")
        return True

    async def _record(self, step: Step, values: Mapping[str, Json]) -> Record:
        assert step.where is not None
        fields = [*values, self.records.version_field]
        return await self._one(step.where, fields)

    async def _one(self, ref: Ref, fields: Sequence[str]) -> Record:
        found = await self.records.search(ref.model, [(ref.field, "=", ref.value)], fields)
        if not found:
            raise NotFoundError(f"{self.system} has no {ref.model} {ref.value}.", detail=f"{ref.field} = {ref.value}")
        if len(found) > 1:
            raise ConflictError(f"{self.system} has {len(found)} records {ref.model} {ref.value}: keep one.")
        return found[0]

    async def _resolved(self, step: Step) -> Record:
        return {name: await self._value(value) for name, value in step.values.items()}

    async def _value(self, value: Any) -> Json:
        if not isinstance(value, Ref):
            return value
        if value not in self._ids:
            self._ids[value] = (await self._one(value, []))["id"]
        return self._ids[value]

    async def _stamped(self, key: str) -> tuple[str, Record] | None:
        for model in self.models:
            if record := await self._by_key(model, key, []):
                return model, record
        return None

    async def _by_key(self, model: str, key: str, fields: Sequence[str]) -> Record | None:
        """`like` finds too much (keys have `_`, a wildcard): what it finds is compared here."""
        name = self.records.key_field
        found = await self.records.search(model, [(name, "like", f"{key}#")], [name, *fields])
        return next((one for one in found if str(one[name]).rpartition("#")[0] == key), None)

    def _changed(self, step: Step) -> ConflictError:
        return ConflictError(f"{step.label} changed in {self.system} meanwhile: look again.", code="mos.records.stale")


def _gone(step: Step, there: bool) -> FieldChange:
    return FieldChange(record=step.label, field="exists", before=there, after=False, outcome=step.number)
