"""What Slack is shown when somebody asks for it: forms, the menu, my tasks. Decides nothing."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from domain.asking.messages import Choice, Fact, Message, Standing
from domain.asking.tasks import FINISHED
from domain.rosters.people import ChannelName, Person
from domain.site import Equipment, Level, Site
from domain.values import Json
from intake.slack import forms as slack_forms
from store.db import Database
from store.read import site as site_read
from store.read.messages import prompts
from store.read.messages import tasks as tasks_read
from store.tables import TaskRow
from store.write.messages import homes

View = Mapping[str, Json]
Area = tuple[str, Sequence[Fact]]
_OTHERS = 15
_OVER = (*FINISHED, Standing.TAKEN)


class Words(Protocol):
    """Puts facts into views and sentences (templates.views, handed in by infra)."""

    def form(self, message: Message, choice: Choice) -> View: ...

    def more(self, message: Message) -> View: ...

    def report(self, language: str, areas: Sequence[Area], text: str) -> View: ...

    def home(self, language: str, tasks: Sequence[Message], others: Sequence[Fact], note: str) -> View: ...

    def listing(self, language: str, tasks: Sequence[Message]) -> View: ...

    def notice(self, language: str, key: str) -> View: ...

    def over(self, message: Message, standing: Standing) -> View: ...

    def sentence(self, language: str, key: str, **values: Json) -> str: ...


class SlackPages:
    """Looks up what a person may see now. Raises store.read.health.UNAVAILABLE while the database is away."""

    def __init__(self, database: Database, words: Words) -> None:
        self._database, self.words = database, words

    async def person(self, user: str) -> Person | None:
        """Who has this Slack account by an enrolment; None for everybody else (C8)."""
        async with self._database.transaction() as session:
            found = await site_read.person_at(session, ChannelName.SLACK.value, user)
        return found if found is not None and found.active else None

    async def form(self, person: Person, reference: str, verb: str) -> View:
        """The form of one choice; a notice when the task is over or was asked anew."""
        found = await self.choice(person, reference, verb)
        return self.words.form(*found) if isinstance(found, tuple) else found

    async def choice(self, person: Person, reference: str, verb: str) -> tuple[Message, Choice] | View:
        """The task as this person was shown it and the choice, else the notice that says why it is none any more."""
        async with self._database.transaction() as session:
            task = await tasks_read.by_id(session, reference.split(":", maxsplit=1)[0])
            if task is None:
                return self.words.notice(person.language, "replies.unknown_code")
            message = (await prompts.shown(session, task, person.id)).read_by(person.language)
        standing = Standing(task.standing)
        if task.closed_at is not None or standing in FINISHED:
            return self.words.over(message, standing if standing in FINISHED else Standing.WITHDRAWN)
        choice = slack_forms.choice_of(message, verb)
        if choice is not None and message.task == reference:
            return message, choice
        if message.standing in _OVER:
            return self.words.over(message, message.standing)
        return self.words.notice(person.language, "replies.superseded")

    async def more(self, person: Person, reference: str) -> View:
        """The choices of the second rank."""
        async with self._database.transaction() as session:
            task = await tasks_read.by_id(session, reference.split(":", maxsplit=1)[0])
            if task is None or task.closed_at is not None:
                return self.words.notice(person.language, "standing.withdrawn")
            message = await prompts.shown(session, task, person.id)
        return self.words.more(message.read_by(person.language))

    async def report(self, person: Person, text: str) -> View:
        """The form that reports an exception, with the site's equipment by area."""
        async with self._database.transaction() as session:
            site = await site_read.site(session)
        return self.words.report(person.language, areas(site), text)

    async def opened(self, user: str, person: Person, now: datetime) -> None:
        """This home tab was opened: from now on it is kept fresh. Noted before it is drawn, so that no change between
        is missed."""
        async with self._database.transaction() as session:
            await homes.opened(session, user, person.id, now, now)

    async def home(self, person: Person, note: str = "") -> View:
        """My tasks, and who else is asked what."""
        async with self._database.transaction() as session:
            mine = await self._mine(session, person)
            tasks = await prompts.others_open(session, person.id, _OTHERS)
            people = [one for task in tasks for one in (task.person, *task.asked) if one]
            names = await prompts.names(session, people)
        others = [self._other(person.language, task, names) for task in tasks]
        return self.words.home(person.language, mine, others, note)

    async def told(self, person: Person, wish: str) -> View:
        """The answer to a command, as content of a message that only the asker sees: my tasks, or help."""
        if wish != "mine":
            help_text = self.words.sentence(person.language, "slack.help")
            return {"response_type": "ephemeral", "text": help_text}
        async with self._database.transaction() as session:
            mine = await self._mine(session, person)
        return self.words.listing(person.language, mine)

    async def _mine(self, session: AsyncSession, person: Person) -> list[Message]:
        found = await tasks_read.open_for(session, person.id)
        rows = [task for task in found if task.person in (None, person.id)]
        shown = [await prompts.shown(session, task, person.id) for task in rows[:_OTHERS]]
        return [message.read_by(person.language) for message in shown]

    def _other(self, language: str, task: TaskRow, names: Mapping[str, str]) -> Fact:
        title = Message.model_validate(task.shown).read_by(language).title
        if task.person:
            by = names.get(task.person, task.person)
            return Fact(label=title, value=self.words.sentence(language, "slack.taken_by", by=by))
        asked = ", ".join(names.get(one, one) for one in task.asked[:10])
        by = asked or self.words.sentence(language, "slack.nobody")
        return Fact(label=title, value=self.words.sentence(language, "slack.asked_of", by=by))


def areas(site: Site) -> list[Area]:
    """The site's equipment by area, the areas themselves first; what has none is under the site's title."""
    nodes = {node.id: node for node in site.equipment}
    found: dict[str, list[Fact]] = {node.title: [] for node in site.equipment if node.level is Level.AREA}
    for node in site.equipment:
        top: Equipment | None = node
        while top is not None and top.level is not Level.AREA:
            top = nodes.get(top.parent or "")
        found.setdefault(top.title if top else site.title, []).append(Fact(label=node.title, value=node.id))
    return [(title, units) for title, units in found.items() if units]
