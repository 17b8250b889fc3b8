"""What every effect does to the simulated world, given the time; in memory and behind Temporal's activities."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from activities.contracts.agents import AgentAnswer, AgentRequest
from activities.contracts.asking import DecisionMade
from activities.contracts.model import (
    AnswerResult,
    Authorised,
    AuthoriseRequest,
    CloseRequest,
    CloseResult,
    CommandResult,
    GatherRequest,
    GatherResult,
    People,
    PostRequest,
    PostResult,
    ProposeRequest,
    Query,
    SettleRequest,
    TellRequest,
    Told,
    WhoRequest,
)
from activities.contracts.story import Entry, Projection
from authoring.simulator.agents import unknown
from authoring.simulator.cast import Page
from authoring.simulator.plant import Plant
from domain.books.outcomes import OutcomeTransaction
from domain.errors import MosError, RejectedError
from domain.language.definition import Definition, step_at, step_name
from domain.language.texts import every, fact_texts, pick
from domain.rosters.people import Person, may_decide, select
from domain.rosters.routing import PAGES_WINDOW, Load, preferred
from domain.values import Json
from planning.propose import propose
from templates.text import render_text


@dataclass(frozen=True)
class Answered:
    """An answer as it was taken."""

    at: datetime
    person: str
    task: str
    verb: str
    result: AnswerResult


@dataclass(frozen=True)
class Posting:
    """A transaction and what became of it. `asked_at`: when it was first tried, `at`: when it ended."""

    asked_at: datetime
    at: datetime
    step: str
    status: str
    transaction: OutcomeTransaction
    documents: tuple[str, ...] = ()
    detail: str = ""
    attempts: int = 1


@dataclass
class Story:
    """Everything that was seen of one exception. `last`: its newest projection (handling, condition, milestones);
    `decided`: decision id -> step; `names`: step path -> name, where the story goes."""

    ending: str = ""
    closed_at: datetime | None = None
    runs: int = 1
    entries: list[Entry] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    decisions: list[DecisionMade] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)
    commands: list[CommandResult] = field(default_factory=list)
    decided: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    last: Projection | None = None


def name_steps(story: Story, definition: Definition) -> None:
    """Fill in the names of the steps that the story mentions."""
    for path in {entry.step for entry in story.entries} - {""}:
        try:
            story.names[path] = step_name(step_at(definition, path))
        except (KeyError, IndexError):  # the place of a called definition's context, which is no step
            continue


class Effects:
    """One exception's effects on its plant. Idempotent where production is: by entry number, decision id and key."""

    def __init__(self, plant: Plant) -> None:
        self.plant, self.story = plant, Story()
        self._zone = plant.zone
        self._open: dict[str, set[str]] = {}  # task id -> who was asked, while it is open
        self._holders: dict[str, str] = {}  # task id -> who accepted it, while it is open
        self._documents: Counter[str] = Counter()

    def gather(self, request: GatherRequest, now: datetime) -> tuple[GatherResult, timedelta]:
        """The answers, and how long they took together."""
        self.record(request.projection)
        values: dict[str, Json] = {}
        gaps: dict[str, str] = {}
        longest = timedelta()
        for query in request.queries:
            within = timedelta(seconds=query.within_s)
            takes = self.plant.system(query.source.split(".")[0]).takes
            values[query.name], gap = self._answer(query, now, late=takes >= within)
            longest = max(longest, min(takes, within))
            if gap:
                gaps[query.name] = gap
        return GatherResult(values=values, gaps=gaps), longest

    def _answer(self, query: Query, now: datetime, *, late: bool) -> tuple[Json, str]:
        if late:
            return query.otherwise, f"no answer within {query.within_s:g} s"
        try:
            return self.plant.system(query.source.split(".")[0]).query(query.source, query.where, now), ""
        except MosError as error:
            return query.otherwise, error.message

    def who(self, request: WhoRequest, now: datetime) -> People:
        fitting = (select(self.plant.roster, one, now, self._zone) for one in (request.selector, *request.others))
        return People(people={person.id: person.name for found in fitting for person in found})

    def tell(self, request: TellRequest, now: datetime) -> tuple[Told, list[Page]]:
        """Who is asked, and each one's page. Raises ConfigError for a text that can't be rendered."""
        people = self._chosen(request, now)
        title, text = self._rendered(request)
        if request.kind != "notify":
            self._open.setdefault(request.task_id, set()).update(person.id for person in people)
        pages = [_page(request, person, now, title, text) for person in people]
        self.story.pages += pages
        names = {person.id: person.name for person in people}
        self.record(request.projected(names))
        return Told(people=names, shown_hash="simulated"), pages

    def _chosen(self, request: TellRequest, now: datetime) -> list[Person]:
        if request.named is not None:
            return [person for person in self.plant.roster.people if person.id in request.named and person.active]
        fitting = select(self.plant.roster, request.selector, now, self._zone)
        people = [person for person in fitting if person.id not in request.already]
        return preferred(
            people, self._load(now), tasks=request.budget_tasks, pages=request.budget_pages, at_most=request.at_most
        )

    def _load(self, now: datetime) -> Load:
        """Of this exception, and what the plant's other ones hold."""
        others = Counter(self.plant.load(now))
        asked = Counter(person for people in self._open.values() for person in people)
        pages = {(page.person, page.task_id) for page in self.story.pages if page.at >= now - PAGES_WINDOW}
        return Load(
            tasks=Counter(self._holders.values()) + others,
            asked=asked + others,
            pages=Counter(person for person, _ in pages),
        )

    def _rendered(self, request: TellRequest) -> tuple[str, str]:
        wording = request.wording
        if not self.plant.renders:
            return "", ""
        facts = [text for _, label, value in fact_texts(wording.facts) for text in (label, value)]
        for text in every(*facts, wording.title, wording.text):  # whoever reads it, it can be rendered
            render_text(text, wording.scope)
        return (render_text(pick(wording.title), wording.scope), render_text(pick(wording.text), wording.scope))

    def settle(self, request: SettleRequest) -> None:
        self._holders.pop(request.task_id, None)
        if request.closed:
            self._open.pop(request.task_id, None)
        elif request.person:
            self._holders[request.task_id] = request.person
        made = request.decision
        if made is not None and all(made.id != known.id for known in self.story.decisions):
            self.story.decisions.append(made)
            self.story.decided[made.id] = request.name
        self.record(request.projection)

    def authorise(self, request: AuthoriseRequest) -> Authorised:
        person = next((one for one in self.plant.roster.people if one.id == request.person), None)
        code = may_decide(person, request.authority, request.area, request.channel, request.risk)
        return Authorised(allowed=not code, code=code)

    def propose(self, request: ProposeRequest, now: datetime) -> Json:
        """Raises TransientError while a system is down, InvalidPayloadError for what can't be planned."""
        given = self.plant.proposals.get(request.using)
        if given is not None:
            found = given(request.where, now) if callable(given) else given
        else:
            found = propose(request.using, request.where, self._facts(request.using, now))
        self.record(request.projection)
        return found

    def _facts(self, using: str, now: datetime) -> dict[str, Json]:
        """What `activities.planning` asks for."""
        mes, erp = self.plant.system("mes"), self.plant.system("erp")
        facts: dict[str, Json] = {"plan": mes.query("mes.plan", {}, now)}
        if using == "push_right":
            orders = {"job_orders": [order["id"] for order in facts["plan"]["job_orders"]]}
            facts["demand"] = erp.query("erp.sales_demand", orders, now)
            facts["staging"] = mes.query("mes.staging", orders, now)
        return facts

    def agent(self, request: AgentRequest, now: datetime) -> tuple[AgentAnswer, timedelta]:
        """What comes of a question to an agent, and how long it took. Raises ConfigError for a goal that can't be
        rendered."""
        self.record(request.projection)
        if self.plant.renders:
            request = request.model_copy(update={"goal": render_text(request.goal, request.scope)})
        found = self.plant.agents.get(request.agent)
        return found.answer(request, now) if found else (unknown(request), timedelta())

    def post(self, request: PostRequest, now: datetime) -> PostResult:
        """One attempt. Raises TransientError while the system is down; a refusal is a result."""
        transaction = request.transaction
        if request.projection is not None:
            self.record(request.projection)
        system = self.plant.system(transaction.system.value)
        system.check_up(now)
        try:
            system.check_takes(transaction)
        except RejectedError as error:
            return PostResult(status="rejected", detail=error.message)
        self._documents[system.name] += 1
        return PostResult(status="posted", documents=[f"{system.name} {self._documents[system.name]}"])

    def posted(self, request: PostRequest, result: PostResult, asked_at: datetime, at: datetime, attempts: int) -> None:
        """Keep what became of it."""
        found = Posting(
            asked_at, at, request.step, result.status, request.transaction, tuple(result.documents), result.detail,
            attempts,
        )  # fmt: skip
        self.story.postings.append(found)

    def record(self, projection: Projection) -> None:
        """New entries only, in order of their numbers; an older projection never wins."""
        told = self.story.entries
        last = told[-1].number if told else 0
        if any(entry.number < last for entry in projection.entries):  # an effect that took longer than another
            known = {entry.number: entry for entry in (*projection.entries, *told)}
            told[:] = [known[number] for number in sorted(known)]
        else:
            told += [entry for entry in projection.entries if entry.number > last]
        if self.story.last is None or projection.rev > self.story.last.rev:
            self.story.last = projection

    def close(self, request: CloseRequest) -> CloseResult:
        """Nothing is on its way here: signals are handed over as they come."""
        self.record(request.projection)
        self.story.closed_at = request.at
        return CloseResult(closed=True)


def _page(request: TellRequest, person: Person, now: datetime, title: str, text: str) -> Page:
    return Page(
        at=now,
        person=person.id,
        name=person.name,
        channels=channels_of(person),
        task=request.name,
        kind=request.kind,
        task_id=request.task_id,
        rung=request.rung,
        trouble=request.trouble,
        options=tuple(option.id for option in request.options),
        title=title,
        text=text,
    )


def channels_of(person: Person | None) -> tuple[str, ...]:
    """Where messages to this person go: the first contact method."""
    return tuple(contact.channel.value for contact in person.contacts[:1]) if person else ()
