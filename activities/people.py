"""Asking and telling people: who fits, what they are shown, and how a task stands on their phones."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities import authorising, choosing, previewing, project, prompting, reaching
from activities.compose import Composer
from activities.contracts import calls
from activities.contracts.model import SettleRequest, TellRequest, Told
from activities.world import World
from domain.asking.answer_words import KEYWORDS
from domain.asking.messages import Message, Standing
from domain.ids import derived_id, task_code
from domain.rosters.people import ChannelName, Person
from domain.values import Json
from store.read import site as site_read
from store.read.messages import tasks as tasks_read
from store.tables import OutboxRow, TaskRow
from store.write import exceptions
from store.write.books import ledger
from store.write.messages import outbox

_UPDATE = "update"  # purpose of a text that says how a task stands, where a message can't be edited


@dataclass(frozen=True)
class _Standing:
    """A task as it stands after a change, for whoever reads of it. `renewed`: it has a new version and a new code, so
    that an old text answers nothing."""

    composer: Composer
    request: SettleRequest
    task: TaskRow
    code: str
    renewed: bool

    def message(self, person: Person | None, *, mine: bool) -> Message:
        """For one reader; None: as it is kept."""
        request = self.request
        if person is not None and person.id == request.handing:  # it is open to this one alone
            request = request.model_copy(update={"standing": Standing.OPEN, "choices": request.handing_choices})
        settled = self.composer.settled(request, self.code, mine=mine, sign_in=self.task.risk == "high")
        shown = authorising.bound(self.task, settled)
        return self.composer.localised(shown, person) if person else shown


class PeopleActivities:
    """Every one is a single transaction; the outbox's sender does the talking."""

    def __init__(self, world: World) -> None:
        self._world = world

    @activity.defn(name=calls.TELL.name)
    async def tell(self, request: TellRequest) -> Told:
        """Choose the people, keep the task as asked, queue a message for each.

        Idempotency: task id, and message ids from task, rung and person. Raises: ConfigError for an authored text that
        cannot be rendered. Timeouts: database only.
        """
        request = await previewing.looked_ahead(self._world, request)
        async with self._world.database.transaction() as session:
            site, roster = await site_read.site(session), await site_read.roster(session)
            now, zone = self._world.now(), ZoneInfo(site.timezone)
            people = await choosing.people(session, roster, request, now, zone)
            code = await self._code_of(session, request)
            composer = Composer(self._world.public_url, zone, request.projection.exception_id, site.language)
            request = request.model_copy(update={"risk": await authorising.asked_risk(session, request)})
            known = await tasks_read.by_id(session, request.task_id)
            shown, shown_hash = authorising.bound(known, composer.asked(request, code)), ""
            if request.named is not None:
                await prompting.keep_asked(session, request, people)
            elif request.kind != "notify":
                shown_hash = await authorising.keep_shown(session, self._world, shown)
                await exceptions.upsert_task(session, self._task(request, people, shown, shown_hash, code, now))
            await ledger.audit(session, _asked_fact(request, people, shown_hash, now))
            rows = [
                reaching.rows(
                    person,
                    composer.localised(shown, person),
                    task_id=request.task_id,
                    purpose=request.kind,
                    rung=request.occasion or f"{request.rung}",
                    now=now,
                    zone=zone,
                    expires_at=request.deadline_at,
                )
                for person in people
            ]
            await outbox.add(session, [row for mine in rows for row in mine])
            await prompting.call_owner(session, request, shown.title, now, found=bool(people))
            names = {person.id: person.name for person in people}
            await project.write(session, request.projected(names))
        return Told(people=names, shown_hash=shown_hash)

    async def _code_of(self, session: AsyncSession, request: TellRequest) -> str:
        """The task's SMS code: the one it has, else a fresh one that no open task has."""
        if request.kind == "notify":
            return ""
        known = await tasks_read.by_id(session, request.task_id)
        return known.code if known else await self._code(session)

    async def _code(self, session: AsyncSession) -> str:
        while True:
            code = task_code(self._world.randomness(4))
            if code in KEYWORDS:  # HERE, VALE: it would be read as the answer
                continue
            holder = await tasks_read.by_code(session, code)
            if holder is None or holder.closed_at is not None:
                return code

    def _task(
        self, request: TellRequest, people: list[Person], shown: Message, shown_hash: str, code: str, now: datetime
    ) -> dict[str, Json]:
        return {
            "id": request.task_id,
            "exception_id": request.projection.exception_id,
            "step": request.name,
            "kind": request.kind,
            "version": request.version,
            "standing": Standing.OPEN.value,
            "code": code,
            "risk": request.risk,
            "authority": request.authority,
            "asked": sorted({*request.already, *(person.id for person in people)}),
            "shown": shown.model_dump(mode="json"),
            "shown_hash": shown_hash,
            "deadline_at": request.deadline_at,
            "opened_at": now,
        }

    @activity.defn(name=calls.SETTLE.name)
    async def settle(self, request: SettleRequest) -> None:
        """Keep how the task stands, withdraw what is unsent, edit what was sent, tell the one who acted what comes
        next. A task that is open again is shown to those whose message was withdrawn.

        Idempotency: message ids carry the task's change number. Timeouts: database only.
        """
        request = await previewing.looked_ahead(self._world, request)
        async with self._world.database.transaction() as session:
            site, roster = await site_read.site(session), await site_read.roster(session)
            task = await tasks_read.by_id(session, request.task_id)
            now = self._world.now()
            if task is not None:
                former = task.code
                code = await authorising.renewed(session, request, task, self._code)
                zone = ZoneInfo(site.timezone)
                composer = Composer(self._world.public_url, zone, task.exception_id, site.language)
                standing = _Standing(composer, request, task, code, renewed=code != former)
                people = {person.id: person for person in roster.people}
                if _is_to_withdraw(request):
                    before = await outbox.of_task(session, request.task_id)
                    await outbox.withdraw(session, request.task_id, but=_own(request, before))
                messages = await outbox.of_task(session, request.task_id)
                accepted_now = task.person != request.person
                found = [self._follow_up(standing, people, row, now) for row in _asked(messages)]
                rows = [row for row in found if row and (row["edits"] or accepted_now or row["purpose"] != _UPDATE)]
                if request.standing is Standing.OPEN and not request.reopened:
                    rows += _asked_again(standing, people, _unreached(messages), now)
                await outbox.add(session, rows)
                title = standing.message(None, mine=False).title
                await prompting.call_owner(session, request, title, now, found=False)
                await self._keep(session, standing, now)
            await project.write(session, request.projection)

    def _follow_up(
        self, standing: "_Standing", people: dict[str, Person], sent: OutboxRow, now: datetime
    ) -> dict[str, Json] | None:
        """An edit where the channel can; by SMS a new text only for the one who has just accepted: what comes next.
        Others are left in peace, and a later answer is confirmed by a short reply. What is out of date everybody is
        shown anew, under the task's new code."""
        person, request = people.get(sent.person), standing.request
        if person is None:
            return None
        mine = person.id == request.person
        message = standing.message(person, mine=mine)
        row_id = _changed(request, sent)
        if sent.channel == ChannelName.SLACK.value:
            return _row(row_id, message, sent, now, edits=sent.id)
        if standing.renewed and request.standing is Standing.OPEN:
            return _row(row_id, message, sent, now, edits=None) | {"purpose": sent.purpose}
        if sent.channel == ChannelName.VOICE.value:
            return None  # nobody is called only to hear how it stands
        handed_on = person.id == standing.task.person and request.person is not None  # it is another's now
        return _row(row_id, message, sent, now, edits=None) if (mine or handed_on) and not request.closed else None

    async def _keep(self, session: AsyncSession, standing: "_Standing", now: datetime) -> None:
        request, shown = standing.request, standing.message(None, mine=True)
        kept: dict[str, Json] = {"shown": shown.model_dump(mode="json")}
        if not request.closed:
            kept["shown_hash"] = await authorising.keep_shown(session, self._world, shown)
        await exceptions.update_task(
            session,
            request.task_id,
            standing=(Standing.YOURS if request.standing is Standing.TAKEN else request.standing).value,
            person=request.person,
            closed_at=now if request.closed else None,
            **({} if request.closed else kept),
        )
        made = request.decision
        if made is not None:
            row = made.model_dump(mode="python") | {"exception_id": request.projection.exception_id}
            await authorising.keep_signatures(session, made)
            await ledger.add_decision(session, row | {"step": request.name, "task_id": request.task_id})
            fact = {"at": made.at, "kind": "decision", "actor": made.person, "subject": made.id}
            await ledger.audit(session, fact | {"data": made.model_dump(mode="json")})


def _asked_fact(request: TellRequest, people: list[Person], shown_hash: str, now: datetime) -> dict[str, Json]:
    """Who was asked or told, and what they were shown."""
    data: dict[str, Json] = {
        "exception": request.projection.exception_id,
        "step": request.name,
        "people": [person.id for person in people],
        "shown_hash": shown_hash,
        "version": request.version,
        "rung": request.rung,
    }
    kind = "told" if request.kind == "notify" else "asked"
    return {"at": now, "kind": kind, "actor": "mos", "subject": request.task_id, "data": data}


def _changed(request: SettleRequest, row: OutboxRow) -> str:
    """The id of the message that follows this one with this change."""
    return derived_id("msg", request.task_id, "change", request.change, row.id)


def _again(request: SettleRequest, row: OutboxRow) -> str:
    """The id of the message that asks this one's reader again."""
    return derived_id("msg", request.task_id, "again", request.change, row.id)


def _own(request: SettleRequest, rows: list[OutboxRow]) -> set[str]:
    """What this very change has queued: a worker that died before it could say so does the change once more."""
    return {one for row in rows for one in (_changed(request, row), _again(request, row))}


def _is_to_withdraw(request: SettleRequest) -> bool:
    """While it is open, who was not reached yet may still be needed, unless all are asked anew; and so may the one who
    is to take it over."""
    return (request.standing is not Standing.OPEN and not request.handing) or request.reopened


def _asked(rows: list[OutboxRow]) -> list[OutboxRow]:
    """The messages that asked and were, or may have been, sent: each one that can be edited, else each person's last.
    Updates are not followed up."""
    asked = [row for row in rows if row.purpose != _UPDATE and row.state in ("sent", "sending")]
    last = {(row.person, row.channel): row for row in asked}
    return [row for row in asked if row.channel == ChannelName.SLACK.value or last[row.person, row.channel] is row]


def _unreached(rows: list[OutboxRow]) -> list[OutboxRow]:
    """The last message that asked each person of whom every one was withdrawn, or will be if it does not arrive now."""
    asked = [row for row in rows if row.purpose != _UPDATE]
    others = {row.person for row in asked if not (row.state == "withdrawn" or _is_taken_back(row))}
    return list({row.person: row for row in asked if row.person not in others}.values())


def _is_taken_back(row: OutboxRow) -> bool:
    return row.unwanted and row.state in ("pending", "sending")


def _asked_again(
    standing: "_Standing", people: dict[str, Person], withdrawn: list[OutboxRow], now: datetime
) -> list[dict[str, Json]]:
    """The task as it stands now, for people who have not heard of it."""
    request = standing.request
    return [
        _row(
            _again(request, row),
            standing.message(people[row.person], mine=False), row, now, edits=None,
        ) | {"purpose": row.purpose}
        for row in withdrawn
        if row.person in people
    ]  # fmt: skip


def _row(row_id: str, message: Message, sent: OutboxRow, now: datetime, edits: str | None) -> dict[str, Json]:
    """A further message to the reader of a sent one."""
    return {
        "id": row_id,
        "exception_id": sent.exception_id,
        "task_id": sent.task_id,
        "person": sent.person,
        "channel": sent.channel,
        "address": sent.address,
        "purpose": "edit" if edits else _UPDATE,
        "reach": None if edits else sent.reach,
        "edits": edits,
        "payload": message.model_dump(mode="json"),
        "state": "pending",
        "attempts": 0,
        "next_at": now,
        "created_at": now,
        "conversation": sent.conversation,
    }
