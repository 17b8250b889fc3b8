"""Recorded signals from a file: JSON Lines or CSV. What is wrong is told with its line and what to do about it.

A CSV file has signals only: the columns `at`, `type`, `equipment`, `subject`, `occurred_at`, `exception`, and one for
each fact of its signals. A JSON Lines file has a signal, or something that happened in an exception, on each line
(docs/how-to/replay.md).
"""

import csv
import difflib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from activities.contracts.agents import AgentAnswer
from activities.contracts.model import OpeningSignal
from authoring.replay.model import AGENT, Answer, Asked, Fact, History, Recorded, Recording
from domain.errors import ConfigError, InvalidPayloadError
from domain.language import misfits
from domain.signals import FACTS, PACKML, SignalType
from domain.site import Site
from domain.values import Json, parse_time

MOST_BYTES = 500_000_000
_OWN = ("at", "type", "equipment", "subject", "occurred_at", "exception")
_LINES = {
    "answer": ("task", "person", "verb", "at", "fields", "channel", "taken"),
    "page": ("at", "person", "task", "kind"),
    "fact": ("source", "where", "value"),
}
_NEEDS = {"answer": ("task", "person", "verb", "at"), "page": ("at", "person", "task"), "fact": ("source", "value")}
_AFTER = timedelta(hours=72)  # what the last signal opened may take


class RecordingError(InvalidPayloadError):
    """A file that can't be replayed; the message names the line."""

    code = "mos.replay.recording"


@dataclass
class _History:
    pages: list[Asked] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)


def read(file: Path, site: Site, definition: str) -> Recording:
    """The recording in a file. Raises RecordingError with the line, ConfigError for a file that can't be read."""
    try:
        if file.stat().st_size > MOST_BYTES:
            raise ConfigError(f"{file} is larger than {MOST_BYTES // 1_000_000} MB: replay a shorter time")
        with file.open(encoding="utf-8-sig", newline="") as lines:
            return _recording(file.name, lines, site, definition, as_csv=file.suffix.lower() == ".csv")
    except OSError as error:
        raise ConfigError(f"{file} can't be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise RecordingError(f"{file.name} is no UTF-8 text (byte {error.start}): save it as UTF-8") from None


def _recording(name: str, lines: Iterable[str], site: Site, definition: str, *, as_csv: bool) -> Recording:
    signals: list[tuple[datetime, int, OpeningSignal, str]] = []
    histories: dict[str, _History] = {}
    for number, record in (_rows if as_csv else _objects)(name, lines):
        line = _Line(f"{name} line {number}", record)
        if "type" in record:
            signal, exception = line.signal(site)
            signals.append((signal.received_at, number, signal, exception))
        else:
            line.event(histories)
    if not signals:
        raise RecordingError(f"{name} has no signals: each line of a signal has 'at' and 'type'")
    signals.sort(key=lambda one: one[:2])
    recorded = tuple(
        Recorded(signal.model_copy(update={"seq": seq}), exception)
        for seq, (_, _, signal, exception) in enumerate(signals, 1)
    )
    told = {key: History(tuple(one.pages), tuple(one.answers), tuple(one.facts)) for key, one in histories.items()}
    return Recording(definition, signals[0][0], signals[-1][0] + _AFTER, recorded, told, source=name)


def _objects(name: str, lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Json]]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            what = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            place = f", column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
            raise RecordingError(
                f"{name} line {number}{place}: no JSON ({what}): write one JSON object on each line"
            ) from None
        if not isinstance(record, dict):
            raise RecordingError(f"{name} line {number}: a JSON object is expected, with 'at' and 'type'")
        yield number, record


def _rows(name: str, lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Json]]]:
    table = csv.DictReader(lines)
    columns = list(table.fieldnames or [])
    _check_columns(name, columns)
    try:
        for row in table:
            if None in row or None in row.values():
                raise RecordingError(f"{name} line {table.line_num}: it has not as many fields as the first line")
            where = f"{name} line {table.line_num}"
            declared = FACTS[_type(where, row["type"])]
            given = {column: text for column, text in row.items() if text != ""}
            facts = {fact: _typed(where, fact, declared, given[fact]) for fact in given if fact not in _OWN}
            yield table.line_num, {column: given[column] for column in given if column in _OWN} | {"facts": facts}
    except csv.Error as error:
        raise RecordingError(f"{name} line {table.line_num}: {error}") from None


def _check_columns(name: str, columns: list[str]) -> None:
    known = [*_OWN, *dict.fromkeys(fact for facts in FACTS.values() for fact in facts)]
    for column in columns:
        if column not in known:
            raise RecordingError(f"{name} line 1: unknown column '{column}'{_near(column, known)}: rename or remove it")
    missing = [column for column in ("at", "type") if column not in columns]
    if missing:
        raise RecordingError(f"{name} line 1: the column '{missing[0]}' is missing: the first line names the columns")


def _near(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""


def _type(where: str, value: Json) -> SignalType:
    try:
        return SignalType(value)
    except ValueError:
        known = [one.value for one in SignalType]
        said = f"unknown signal type '{value}'{_near(str(value), known)}" if value else "'type' is missing"
        raise RecordingError(f"{where}: {said}: there are {', '.join(known)}") from None


def _typed(where: str, name: str, declared: Mapping[str, Json], text: str) -> Json:
    """A CSV field as the type that the fact is declared with."""
    kind = str(declared.get(name, "")).removesuffix("|null")
    read = _KINDS.get(kind, str)
    try:
        return read(text)
    except (ValueError, KeyError):
        raise RecordingError(f"{where}: '{name}' is '{text}': it has to be a {kind}") from None


_KINDS: Mapping[str, Callable[[str], Json]] = {
    "integer": int,
    "number": float,
    "bool": lambda text: {"true": True, "false": False, "1": True, "0": False}[text.strip().lower()],
}


@dataclass(frozen=True)
class _Line:
    where: str
    record: Mapping[str, Json]

    def signal(self, site: Site) -> tuple[OpeningSignal, str]:
        self._check_names(self.record, (*_OWN, "facts"))
        kind = _type(self.where, self.record.get("type"))
        equipment = self._text("equipment") or None
        if equipment and site.find(equipment) is None:
            near = _near(equipment, [node.id for node in site.equipment])
            raise RecordingError(
                f"{self.where}: unknown equipment '{equipment}'{near}: correct it, or add it to the site"
            )
        received = self._moment(self.record, "at")
        subject = self._text("subject") or equipment or ""
        signal = OpeningSignal(
            seq=0,
            type=kind.value,
            subject=subject,
            equipment=equipment,
            occurred_at=self._moment(self.record, "occurred_at") if self.record.get("occurred_at") else received,
            received_at=received,
            facts=self._facts(kind, {"equipment": equipment, "subject": subject}),
        )
        return signal, self._text("exception")

    def _facts(self, kind: SignalType, own: Mapping[str, Json]) -> dict[str, Json]:
        given = self.record.get("facts", {})
        if not isinstance(given, dict):
            raise RecordingError(f"{self.where}: 'facts' has to be an object: name -> value")
        declared = FACTS[kind]
        self._check_names(given, declared)
        facts: dict[str, Json] = {name: None for name, what in declared.items() if str(what).endswith("|null")}
        facts = {**facts, **own, **_usual(kind, given), **given}
        missing = sorted(set(declared) - set(facts))
        if missing:
            raise RecordingError(f"{self.where}: a signal {kind.value} also has: {', '.join(missing)}")
        return facts

    def event(self, histories: dict[str, _History]) -> None:
        """A line that tells what happened in an exception."""
        kinds = [kind for kind in _LINES if kind in self.record]
        if len(kinds) != 1:
            raise RecordingError(f"{self.where}: neither a signal ('at' and 'type') nor one of {', '.join(_LINES)}")
        kind, exception = kinds[0], self._text("exception")
        if not exception:
            raise RecordingError(f"{self.where}: '{kind}' of which exception? Name it as 'exception'")
        self._check_names(self.record, ("exception", kind))
        told = self.record[kind]
        if not isinstance(told, dict):
            raise RecordingError(f"{self.where}: '{kind}' has to be an object")
        self._check_names(told, _LINES[kind])
        for name in _NEEDS[kind]:
            if name not in told:
                raise RecordingError(f"{self.where}: '{kind}' also has '{name}'")
        self._keep(kind, told, histories.setdefault(exception, _History()))

    def _keep(self, kind: str, told: Mapping[str, Json], history: _History) -> None:
        if kind == "fact":
            history.facts.append(self._fact(str(told["source"]), told))
            return
        at, person, task = self._moment(told, "at"), str(told["person"]), str(told["task"])
        if kind == "page":
            history.pages.append(Asked(at, person, task, str(told.get("kind", "task"))))
            return
        fields, channel = told.get("fields", {}), str(told.get("channel", ""))
        history.answers.append(
            Answer(task, person, str(told["verb"]), at, fields, channel, told.get("taken") is not False)
        )

    def _fact(self, source: str, told: Mapping[str, Json]) -> Fact:
        if source.startswith(AGENT):
            try:
                AgentAnswer.model_validate(told["value"])
            except ValidationError as error:
                said = misfits.first(error, AgentAnswer)
                raise RecordingError(f"{self.where}: the answer of '{source}': {said}") from None
        return Fact(source, Fact.asked(told.get("where", {})), told["value"])

    def _moment(self, record: Mapping[str, Json], name: str) -> datetime:
        try:
            return parse_time(str(record[name]))
        except KeyError:
            raise RecordingError(
                f"{self.where}: '{name}' is missing: when it was received, as 2026-11-22T09:15:00Z"
            ) from None
        except ValueError as error:
            raise RecordingError(f"{self.where}: '{name}': {error}; write it as 2026-11-22T09:15:00Z") from None

    def _text(self, name: str) -> str:
        value = self.record.get(name)
        if value is not None and not isinstance(value, str):
            raise RecordingError(f"{self.where}: '{name}' has to be a text")
        return value or ""

    def _check_names(self, given: Iterable[str], known: Iterable[str]) -> None:
        known = list(known)
        for name in given:
            if name not in known:
                what = f"unknown field '{name}'{_near(name, known)}"
                raise RecordingError(f"{self.where}: {what}: there are {', '.join(known)}")


def _usual(kind: SignalType, given: Mapping[str, Json]) -> dict[str, Json]:
    """What a source that does not say it means."""
    if kind is SignalType.MACHINE_STATE:
        state = given.get("state")
        number = PACKML.index(state) + 1 if state in PACKML else 0
        return {"unit_mode": 1, "planned_stop": False, "packml": number}
    if kind is SignalType.MACHINE_ALARM:
        return {"active": True, "acked": False, "retain": True, "message": ""}
    return {}
