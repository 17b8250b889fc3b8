"""`mos replay`: what a version would have done with recorded signals, beside what happened. Nothing is sent for it."""

import json
import os
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from admin.definitions.versions import bundle, read_definition
from authoring.diff import diff as differences
from authoring.replay import comparing, reading, recorded, rendering, running
from authoring.replay.answering import Model
from authoring.replay.comparing import About
from authoring.replay.model import Place, Recording
from authoring.replay.running import Effort, Side
from domain.errors import ConfigError
from domain.language.definition import Definition
from domain.values import Json, duration
from infra.commands.versions import reading as from_database
from infra.run import now
from infra.site_folder import read_roster, read_site
from store.read import site as site_read
from store.read.definitions import versions as read

_ALONE = 300  # fewer signals are replayed before a second process has even started
_HAPPENED, _NOTHING = "happened", "nothing"


class Format(StrEnum):
    """How the report is written."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"


@dataclass(frozen=True)
class _Asked:
    """What was asked for. `against`: happened, nothing, a version or a file."""

    definition: str
    wanted: str
    since: str
    file: Path | None
    site: Path | None
    against: str
    shadow: bool


@dataclass(frozen=True)
class _Job:
    """What is to be replayed: each side's definition with its label."""

    recording: Recording
    place: Place
    after: tuple[Definition, str]
    before: tuple[Definition, str] | None
    happened: bool


def replay(  # noqa: PLR0913 - the options of one command
    definition: Annotated[str, typer.Argument(help="The definition's name.")],
    version: Annotated[str, typer.Option(help="v3, the start of a hash, live, trial, newest.")] = "newest",
    file: Annotated[Path | None, typer.Option(help="A definition that is not published yet.")] = None,
    since: Annotated[str, typer.Option(help="How far back in the inbox: 12h, 30d.")] = "30d",
    recorded_in: Annotated[
        Path | None, typer.Option("--from", help="Signals of a .jsonl or .csv file instead of the inbox.")
    ] = None,
    site: Annotated[
        Path | None, typer.Option(help="With --from and --file: a folder with site.yaml and people.yaml; no database.")
    ] = None,
    against: Annotated[
        str, typer.Option(help="happened, live, v2, a file, or nothing. Without: happened; live with --from.")
    ] = "",
    shadow: Annotated[bool, typer.Option("--shadow", help="The version in the shadow, on what it saw there.")] = False,
    format: Annotated[Format, typer.Option(help="How to write the report.")] = Format.TEXT,
    out: Annotated[Path | None, typer.Option(help="Into this file.")] = None,
    reaction: Annotated[str, typer.Option(help="How soon people answer where nothing is recorded.")] = "4m",
    work: Annotated[str, typer.Option(help="How long a task takes them where nothing is recorded.")] = "30m",
    silent: Annotated[bool, typer.Option("--silent", help="Where nothing is recorded nobody answers.")] = False,
    processes: Annotated[int, typer.Option(min=0, max=64, help="Side by side; 0: as many as cores.")] = 0,
) -> None:
    """Show what a version would have done with recorded signals, beside what happened. Nothing is sent for it.

    Exit code 0 whether or not something differs.
    """
    model = Model(_span(reaction, "--reaction"), _span(work, "--work"), silent)
    wanted = "shadow" if shadow else str(file) if file else version
    asked = _Asked(definition, wanted, since, recorded_in, site, against, shadow)
    job = _offline(asked) if site else from_database(lambda session: _job(session, asked))
    report = _report(definition, job, model, processes)
    told = _FORMATS[format](report)
    if out is None:
        typer.echo(told, nl=False)
        return
    _write(out, told)
    typer.echo(f"{out} written")


def _write(out: Path, told: str) -> None:
    try:
        out.write_text(told, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{out} can't be written: {error.strerror}") from None


_FORMATS = {
    Format.TEXT: rendering.text,
    Format.JSON: lambda report: json.dumps(report, indent=1) + "\n",
    Format.HTML: rendering.html,
}


def _span(text: str, option: str) -> timedelta:
    try:
        return duration(text)
    except ValueError as error:
        raise ConfigError(f"{option}: {error}") from None


def _report(definition: str, job: _Job, model: Model, processes: int) -> dict[str, Json]:
    many = (processes or os.cpu_count() or 1) if len(job.recording.signals) > _ALONE else 1
    with running.crew(many) as pool:
        effort = Effort(processes=many, pool=pool)

        def side(of: tuple[Definition, str]) -> Side:
            return running.replay(of[0], job.recording, job.place, label=of[1], model=model, effort=effort)

        before = running.happened(job.recording) if job.happened else side(job.before) if job.before else None
        after = side(job.after)
    changes = [one.sentence for one in differences(job.before[0], job.after[0])] if job.before else []
    return comparing.report(before, after, job.recording, job.place, About(definition, now(), model, changes))


def _offline(asked: _Asked) -> _Job:
    """Site, people, definitions and signals from files alone."""
    if asked.file is None or not _is_file(asked.wanted):
        raise ConfigError("--site works with files alone: give the signals with --from and the definition with --file")
    if asked.against not in ("", _NOTHING) and not _is_file(asked.against):
        raise ConfigError("--site works with files alone: give --against a file, or nothing")
    folder = asked.site or Path()
    place = Place(read_site(folder), read_roster(folder))
    recording = reading.read(asked.file, place.site, asked.definition)
    before = (_load(asked.against, asked), asked.against) if _is_file(asked.against) else None
    return _Job(recording, place, (_load(asked.wanted, asked), asked.wanted), before, happened=False)


async def _job(session: AsyncSession, asked: _Asked) -> _Job:
    place = Place(await site_read.site(session), await site_read.roster(session))
    after = await _version(session, asked, asked.wanted)
    recording = await _recording(session, asked, place)
    against = asked.against or ("live" if asked.file else _HAPPENED)
    if against == _HAPPENED and recording.happened is None:
        raise ConfigError("a file does not tell what happened: give --against live, a version, a file, or nothing")
    named = against not in (_HAPPENED, _NOTHING)
    before = await _version(session, asked, against) if named else None
    return _Job(recording, place, after, before, happened=against == _HAPPENED)


async def _recording(session: AsyncSession, asked: _Asked, place: Place) -> Recording:
    if asked.file is not None:
        if asked.shadow:
            raise ConfigError("--shadow compares what was seen from the shadow: leave out --from")
        return reading.read(asked.file, place.site, asked.definition)
    until = now()
    found = await recorded.read(session, asked.definition, until - _span(asked.since, "--since"), until)
    if not asked.shadow:
        return found
    row = await read.find(session, asked.definition, "shadow")
    return await recorded.as_seen_from_shadow(session, found, row.version)


async def _version(session: AsyncSession, asked: _Asked, wanted: str) -> tuple[Definition, str]:
    """A definition and how it is called in the report."""
    if _is_file(wanted):
        return await bundle(session, _load(wanted, asked)), wanted
    row = await read.find(session, asked.definition, wanted)
    slot = f", {wanted}" if wanted in read.SLOTS else ""
    return Definition.model_validate(row.content), f"v{row.number} ({row.version[:12]}{slot})"


def _is_file(wanted: str) -> bool:
    return Path(wanted).suffix in (".yaml", ".yml")


def _load(file: str, asked: _Asked) -> Definition:
    try:
        text = Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file} can't be read: {error.strerror}") from None
    found = read_definition(text, file)
    if found.definition != asked.definition:
        raise ConfigError(f"{file} holds '{found.definition}', not '{asked.definition}'")
    return found
