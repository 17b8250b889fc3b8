"""What `mos push` tells of what it did: each definition, what the check warns of, and names that nobody has."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from authoring.check import published
from authoring.check.facts import SiteFacts
from authoring.check.many import check_all
from authoring.check.reporting import Sheet, lines
from domain.errors import NotFoundError
from infra.commands.who import ENTER, near, people
from infra.run import now
from store.read.definitions import versions as read

Standing = Mapping[str, Mapping[str, str]]
"""Definition -> slot -> version."""
LEFT_ALONE = "another version was put live since; --force puts this one back"


@dataclass(frozen=True)
class Told:
    """One line for each definition, and what is to be looked at."""

    done: list[str]
    sheets: list[Sheet]
    warnings: list[str]

    def show(self) -> None:
        """What was done goes to the output, what is to be looked at beside it: the exit code is 0 either way."""
        for line in self.done:
            typer.echo(line)
        colours = sys.stderr.isatty()
        for line in [line for sheet in self.sheets for line in lines(sheet, colours=colours)]:
            typer.echo(line, err=True, color=colours)
        for line in self.warnings:
            typer.echo(f"warning: {line}", err=True)


async def standing(session: AsyncSession) -> Standing:
    """What is in force now."""
    found: dict[str, dict[str, str]] = {}
    for row in await read.rollouts(session):
        found.setdefault(row.definition, {})[row.slot] = row.version
    return found


async def outcomes(session: AsyncSession, before: Standing, made: Mapping[str, str]) -> dict[str, str]:
    """Definition -> `v3, live` or `v3, as it was`. `made`: definition -> the version that was pushed."""
    numbers = {(row.definition, row.version): row.number for row in await read.versions(session)}
    return {name: _outcome(before.get(name, {}), numbers[name, version], version) for name, version in made.items()}


def _outcome(before: Mapping[str, str], number: int, version: str) -> str:
    ended = "; the trial has ended" if "trial" in before else ""
    if before.get("live") == version:
        return f"v{number}, live as before{ended}" if ended else f"v{number}, as it was"
    return f"v{number}, live{ended}"


async def looked_at(session: AsyncSession, texts: Mapping[str, str]) -> list[Sheet]:
    """File -> text of what went live: what `mos check --published` says of it, without the notes."""
    if not texts:
        return []
    others = {name: definition for name, (_, definition) in (await published.definitions(session)).items()}
    sheets = check_all(texts, await _facts(session), others, workers=1)
    return [replace(one, findings=[f for f in one.findings if f.severity != "note"]) for one in sheets]


async def _facts(session: AsyncSession) -> SiteFacts | None:
    """None when no site is published yet: nothing is said about people and systems then."""
    try:
        return await published.facts(session, now())
    except NotFoundError:
        return None


async def strangers(session: AsyncSession, author: str, signer: str) -> list[str]:
    """A warning for each of the two who is nobody on the roster, as it is after the push."""
    everybody = await people(session)
    known = {person.id for person in everybody}
    found = []
    if author not in known:
        told = f"the author '{author}' is nobody on the roster{near(everybody, author)}"
        found.append(f"{told}: name who wrote it with --author, or {ENTER}")
    if signer not in known:
        asked = "whoever signs is asked later about what is posted without a decision"
        found.append(
            f"'{signer}', who signs off, is nobody on the roster{near(everybody, signer)}, and {asked}: "
            f"name somebody with --signed-off-by, or {ENTER}"
        )
    return found
