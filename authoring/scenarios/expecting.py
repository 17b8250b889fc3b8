"""What a scenario expects, and whether a story has it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from authoring.scenarios import sentences
from authoring.scenarios.model import ExpectDoc
from authoring.scenarios.naming import Names, Reader
from authoring.scenarios.sentences import Window
from authoring.simulator.effects import Posting, Story
from domain.books.outcomes import System
from domain.language.agents import WHYS
from domain.values import Json

Moment = Callable[[str], datetime]
ENDINGS = ("completed", "returned", "expired", "cancelled", "undone", "failed", "closed_by_hand")
"""How an exception ends, in the engine's words (`workflows.engine.interpreter`)."""


@dataclass(frozen=True)
class Result:
    """Is it so? `got` says what was there instead; `at`: when it happened, else when it should have."""

    ok: bool
    got: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class Expectation:
    """One line of `expect`, at its place in the file."""

    line: int
    column: int
    text: str
    check: Callable[[Story | None], Result]


def read(doc: ExpectDoc, names: Names, moment: Moment, reader: Reader) -> list[Expectation]:
    """Every expectation; what is wrong is told to the reader."""
    return _Expecting(doc, names, moment, reader).all()


@dataclass(frozen=True)
class _Happened:
    """Something that happened, as expectations look at it."""

    at: datetime
    who: str
    what: str


class _Expecting:
    def __init__(self, doc: ExpectDoc, names: Names, moment: Moment, reader: Reader) -> None:
        self._doc, self._names, self._moment, self._reader = doc, names, moment, reader
        self._found: list[Expectation] = []

    def all(self) -> list[Expectation]:
        self._opens()
        if self._doc.opens:
            self._people("asked", set(self._names.asked))
            self._people("told", self._names.told | self._names.steps)
            self._not_asked()
            self._answered()
            self._decided()
            self._proposed()
            self._posted()
            self._steps("not_posted", self._doc.not_posted, _not_posted)
            self._steps("failed", self._doc.failed, _failed)
            self._end()
        return self._found

    # -- helpers ------------------------------------------------------------------------------------------------------

    def _add(self, text: str, check: Callable[[Story], Result], *path: str | int) -> None:
        line, column = self._reader.place("expect", *path)

        def checked(story: Story | None) -> Result:
            return check(story) if story is not None else Result(False, "nothing was opened")

        self._found.append(Expectation(line, column, text, checked))

    def _window(self, words: list[str], *path: str | int) -> Window:
        try:
            return sentences.window(words, self._moment)
        except ValueError as error:
            self._reader.wrong(str(error), "expect", *path)
            return Window()

    def _named(self, kind: str, items: list[dict[str, Any]]) -> Iterable[tuple[int, str, Any]]:
        for index, item in enumerate(items):
            if len(item) != 1:
                self._reader.wrong("write one 'name: what' a line", "expect", kind, index)
                continue
            ((name, value),) = item.items()
            yield index, name, value

    # -- kinds of expectations ----------------------------------------------------------------------------------------

    def _opens(self) -> None:
        line, column = self._reader.place("expect", "opens")
        wanted = self._doc.opens

        def check(story: Story | None) -> Result:
            got = "nothing was opened" if story is None else "an exception was opened"
            return Result((story is not None) == wanted, got)

        self._found.append(Expectation(line, column, "opens" if wanted else "opens nothing", check))

    def _people(self, kind: str, tasks: set[str]) -> None:
        for index, person, value in self._named(kind, getattr(self._doc, kind)):
            path = (kind, index, person)
            words = str(value).split()
            self._reader.known("person", person, self._names.people, "expect", *path)
            self._reader.known("step", words[0] if words else "", tasks, "expect", *path)
            window = self._window(words[1:], *path)
            pick = _asked if kind == "asked" else _told
            text = f"{kind} {person}: {value}"
            self._add(text, _in_window(pick, person, words[0] if words else "", window), *path)

    def _not_asked(self) -> None:
        for index, item in enumerate(self._doc.not_asked):
            person, task = (item, "") if isinstance(item, str) else next(iter(item.items()))
            path = ("not_asked", index)
            self._reader.known("person", person, self._names.people, "expect", *path)
            if task:
                self._reader.known("step", task, self._names.steps, "expect", *path)
            self._add(f"not asked {person}{': ' + task if task else ''}", _never(person, task), *path)

    def _answered(self) -> None:
        """`jonas: repair yours at 1m`: how an answer was taken, in the codes of the reply table."""
        for index, person, value in self._named("answered", self._doc.answered):
            path = ("answered", index, person)
            words = str(value).split()
            self._reader.known("person", person, self._names.people, "expect", *path)
            self._reader.known("task or approval", words[0], self._names.asked, "expect", *path)
            code = words[1] if len(words) > 1 and words[1] not in ("at", "by", "after") else ""
            window = self._window(words[2 if code else 1 :], *path)
            self._add(f"answered {person}: {value}", _in_window(_taken(code), person, words[0], window), *path)

    def _decided(self) -> None:
        """`plan_decision: approved push_right by lena at 13m`."""
        for index, name, value in self._named("decided", self._doc.decided):
            path = ("decided", index, name)
            self._reader.known("task or approval", name, self._names.asked, "expect", *path)
            words = str(value).split()
            at = words.index("at") if "at" in words else len(words)
            head, window = words[:at], self._window(words[at:], *path)
            by = head[head.index("by") + 1] if "by" in head[:-1] else ""
            if by:
                self._reader.known("person", by, self._names.people, "expect", *path)
            wanted = [word for word in head if word not in ("by", by)]
            self._add(f"decided {name}: {value}", _decision(name, wanted, by, window), *path)

    def _proposed(self) -> None:
        """`likely: {cause: belt}`: what an agent proposed; `likely: late`: why it proposed nothing."""
        for index, name, value in self._named("proposed", self._doc.proposed):
            path = ("proposed", index, name)
            self._reader.known("step of an agent", name, self._names.agents, "expect", *path)
            if isinstance(value, dict):
                wanted, why = value, ""
            else:
                self._reader.known("reason", str(value), WHYS, "expect", *path)
                wanted, why = {}, str(value)
            self._add(f"proposed {name}: {_brief(value)}", _proposal(name, wanted, why), *path)

    def _posted(self) -> None:
        """`new_times: erp at 13m`, or `new_times: {to: erp, at: 13m, reschedule_orders: {...}}` (a part of it)."""
        for index, name, value in self._named("posted", self._doc.posted):
            path = ("posted", index, name)
            self._reader.known("step", name, self._names.steps, "expect", *path)
            if isinstance(value, Mapping):
                outcomes = {key: part for key, part in value.items() if key not in ("to", "at")}
                to, words = str(value.get("to", "")), str(value.get("at", "")).split()
            else:
                words = str(value or "").split()
                to = words.pop(0) if words and words[0] in list(System) else ""
                outcomes = {}
            window = self._window(words, *path)
            self._add(f"posted {name}: {_brief(value)}", _posting(name, to, window, outcomes), *path)

    def _steps(self, kind: str, names: list[str], check: Callable[[str], Callable[[Story], Result]]) -> None:
        for index, name in enumerate(names):
            self._reader.known("step", name, self._names.steps, "expect", kind, index)
            self._add(f"{kind.replace('_', ' ')} {name}", check(name), kind, index)

    def _end(self) -> None:
        doc = self._doc
        if doc.ends.strip():
            words = doc.ends.split()
            self._reader.known("ending", words[0], ENDINGS, "expect", "ends")
            window = self._window(words[1:], "ends")
            self._add(f"ends {doc.ends}", _ended(words[0], window), "ends")
        for name in ("handling", "condition", "priority"):
            wanted = getattr(doc, name)
            if wanted:
                self._add(f"{name} {wanted}", _last(name, wanted), name)
        if doc.gaps is not None:
            self._add(f"gaps {', '.join(doc.gaps) or 'none'}", _gaps(doc.gaps), "gaps")


Pick = Callable[[Story], list[_Happened]]


def _asked(story: Story) -> list[_Happened]:
    return [_Happened(page.at, page.person, page.task) for page in story.pages if page.kind != "notify"]


def _told(story: Story) -> list[_Happened]:
    return [_Happened(page.at, page.person, page.task) for page in story.pages if page.kind == "notify"]


def _taken(code: str) -> Pick:
    def pick(story: Story) -> list[_Happened]:
        return [_Happened(one.at, one.person, one.task) for one in story.answers if code in ("", one.result.code)]

    return pick


def _in_window(pick: Pick, person: str, task: str, window: Window) -> Callable[[Story], Result]:
    def check(story: Story) -> Result:
        own = [one for one in pick(story) if (one.who, one.what) == (person, task)]
        hit = next((one for one in own if window.has(one.at)), None)
        if hit:
            return Result(True, at=hit.at)
        return Result(False, "never" if not own else "at another time", own[0].at if own else window.begin)

    return check


def _never(person: str, task: str) -> Callable[[Story], Result]:
    def check(story: Story) -> Result:
        hit = next((p for p in story.pages if p.person == person and task in ("", p.task)), None)
        return Result(hit is None, f"{hit.task}" if hit else "", hit.at if hit else None)

    return check


def _decision(name: str, wanted: list[str], by: str, window: Window) -> Callable[[Story], Result]:
    def check(story: Story) -> Result:
        own = [(made, name) for made in story.decisions if story.decided.get(made.id) == name]
        for made, _ in own:
            said = {made.verdict, made.option} - {""}
            if set(wanted) <= said and by in ("", made.person) and window.has(made.at):
                return Result(True, at=made.at)
        if own:
            made = own[0][0]
            return Result(False, f"{made.verdict} {made.option} by {made.person}".replace("  ", " "), made.at)
        return Result(False, "never", window.begin)

    return check


def _proposal(name: str, wanted: dict[str, Json], why: str) -> Callable[[Story], Result]:
    def check(story: Story) -> Result:
        told = [one for one in story.entries if one.kind.startswith("agent_") and one.data.get("task") == name]
        for entry in told:
            if entry.data["why"] == why and _has(entry.data["values"] if not why else {}, wanted):
                return Result(True, at=entry.at)
        got = "; ".join(str(one.data["why"] or _brief(one.data["values"])) for one in told)
        return Result(False, got or f"'{name}' asked nobody", told[-1].at if told else None)

    return check


def _posting(name: str, to: str, window: Window, outcomes: Mapping[str, Json]) -> Callable[[Story], Result]:
    def check(story: Story) -> Result:
        own = [one for one in story.postings if story.names.get(one.step) == name and one.status == "posted"]
        if not own:
            return Result(False, "never", window.begin)
        misfit = ""
        for one in own:
            misfit = _misfit(one, to, window, outcomes)
            if not misfit:
                return Result(True, at=one.at)
        return Result(False, misfit, own[0].at)

    return check


def _misfit(posting: Posting, to: str, window: Window, outcomes: Mapping[str, Json]) -> str:
    """Empty when it is as wanted."""
    transaction = posting.transaction
    if to and transaction.system.value != to:
        return f"to {transaction.system.value}"
    if not window.has(posting.at):
        return "at another time"
    booked = [outcome.model_dump(mode="json") for outcome in transaction.outcomes]
    for kind, wanted in outcomes.items():
        fitting = [one for one in booked if one["kind"] == kind]
        if not fitting:
            return f"without {kind}, but {', '.join(one['kind'] for one in booked)}"
        if not any(_has(one, wanted or {}) for one in fitting):
            return f"{kind}: {_brief({key: fitting[0].get(key) for key in wanted or {}})}"
    return ""


def _has(value: Json, wanted: Json) -> bool:
    """Does the value have at least what is wanted? Lists have as many elements, in this order."""
    if isinstance(wanted, Mapping):
        return isinstance(value, Mapping) and all(
            key in value and _has(value[key], part) for key, part in wanted.items()
        )
    if isinstance(wanted, list):
        pairs = zip(value, wanted, strict=False) if isinstance(value, list) else ()
        return isinstance(value, list) and len(value) == len(wanted) and all(_has(one, part) for one, part in pairs)
    return bool(value == wanted)


def _not_posted(name: str) -> Callable[[Story], Result]:
    def check(story: Story) -> Result:
        hit = next((p for p in story.postings if story.names.get(p.step) == name and p.status == "posted"), None)
        return Result(hit is None, "posted", hit.at if hit else None)

    return check


def _failed(name: str) -> Callable[[Story], Result]:
    def check(story: Story) -> Result:
        failed = [entry for entry in story.entries if entry.kind == "step_failed"]
        hit = next((entry for entry in failed if story.names.get(entry.step) == name), None)
        return Result(hit is not None, "did not fail", hit.at if hit else None)

    return check


def _ended(ending: str, window: Window) -> Callable[[Story], Result]:
    def check(story: Story) -> Result:
        at = story.closed_at
        ok = story.ending == ending and at is not None and window.has(at)
        return Result(ok, story.ending, at)

    return check


def _last(name: str, wanted: str) -> Callable[[Story], Result]:
    def check(story: Story) -> Result:
        got = str(getattr(story.last, name, ""))
        return Result(got == wanted, got, story.closed_at)

    return check


def _gaps(wanted: list[str]) -> Callable[[Story], Result]:
    def check(story: Story) -> Result:
        got = sorted(story.last.state.get("gaps", {})) if story.last else []
        return Result(got == sorted(wanted), ", ".join(got) or "none", story.closed_at)

    return check


def _brief(value: Json) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_brief(part)}" for key, part in value.items()) + "}"
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
