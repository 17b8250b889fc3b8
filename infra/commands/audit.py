"""`mos audit`: verify the chain, take it out, anchor it outside, hold, erase, archive."""

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated, Any, TypeVar

import typer

from admin.audit import auditing
from admin.audit.files import as_csv, found_as_json, read_head, verify_lines, with_head
from admin.audit.keys import Signer, Trusted
from domain.audit.chain import Head
from domain.audit.verification import Report, Verifier
from domain.errors import ConfigError, InvalidPayloadError, NotFoundError
from infra.commands.verifying import whole
from infra.commands.who import By, acting, asked
from infra.run import database_url, now
from infra.settings import Settings, load_settings
from store.db import Database
from store.read.evidence import audit as read
from store.read.evidence.audit import Wanted

app = typer.Typer(no_args_is_help=True, help="The audit: every fact, numbered, chained and signed.")
_Result = TypeVar("_Result")
_Reason = Annotated[str, typer.Option(help="Why; for the audit.")]
_Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="UTC.")]


class Format(StrEnum):
    """csv, jsonl: for people and programs; chain: with all that verifying it elsewhere needs."""

    CSV = "csv"
    JSONL = "jsonl"
    CHAIN = "chain"


@app.callback()
def _root() -> None:
    """Audit commands."""


@app.command()
def verify(
    from_: Annotated[int, typer.Option("--from", min=0, help="First number; 0: from the beginning.")] = 0,
    to: Annotated[int, typer.Option("--to", min=0, help="Last number; 0: to the end.")] = 0,
    head: Annotated[Path | None, typer.Option(help="A head that was kept outside (`mos audit head`).")] = None,
    file: Annotated[Path | None, typer.Option(help="Verify an exported chain instead of the database.")] = None,
    public_key: Annotated[
        list[str] | None, typer.Option(help="Trust this key; by default those of the settings.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes, for a long chain.")] = 2,
) -> None:
    """Look at every record of the audit and say what was altered, removed, inserted or moved since it was sealed.

    Exit code 0 only if nothing was.
    """
    settings = load_settings(running=True)
    trusted = Trusted(public_key) if public_key else trusted_keys(settings)
    if not trusted:
        raise ConfigError("no key to trust: set MOS_AUDIT_KEY or MOS_AUDIT_PUBLIC_KEYS, or give --public-key")
    if to and from_ > to:
        raise ConfigError(f"nothing lies between --from {from_} and --to {to}: the first number comes first")
    anchor = _kept(head) if head else None
    if file is not None:
        with _opened(file) as lines:
            report = verify_lines(Verifier(trusted.valid), lines)
    elif from_ or to or anchor:
        report = _run(
            lambda database: auditing.verify(database, trusted, first=from_, last=to, anchor=anchor), settings
        )
    else:
        report = whole(database_url(settings), trusted.public, workers)
    _tell(report)
    if to > report.last:
        typer.echo(f"the chain ends at {report.last}: numbers up to {to} are not there yet")
    raise typer.Exit(0 if report.good else 1)


def _tell(report: Report) -> None:
    for finding in report.findings:
        typer.echo(finding.line())
    more = f"{report.count} finding(s)" if report.count else "good"
    typer.echo(
        f"{more}: numbers {report.first} to {report.last}, {report.records} records, {report.heads} signed heads, "
        f"{report.erased} erased values, {report.waiting} records wait for their seal"
    )
    typer.echo(f"last hash {report.hash}")


@app.command()
def head() -> None:
    """The newest signed head as JSON, with the public key: keep it where the database can't reach."""
    settings = load_settings(running=True)

    async def newest(database: Database) -> str:
        async with database.transaction() as session:
            found = await read.last_head(session)
        if found is None:
            raise NotFoundError("Nothing is sealed yet.")
        return with_head(found, _signer(settings).public if settings.audit_key else "")

    typer.echo(_run(newest, settings))


@app.command()
def export(
    format: Annotated[Format, typer.Option(help="How to write it.")] = Format.JSONL,
    kind: Annotated[str, typer.Option(help="Only this kind, or what begins with it and a dot.")] = "",
    actor: Annotated[str, typer.Option(help="Only what this person did.")] = "",
    subject: Annotated[str, typer.Option(help="Only what is about this.")] = "",
    since: _Day = None,
    until: _Day = None,
    output: Annotated[Path | None, typer.Option(help="File to write; without: the terminal.")] = None,
    by: By = "",
) -> None:
    """Write the records out. That they were taken out is a record too."""
    settings, who = load_settings(running=True), asked(by)
    wanted = Wanted(kind, actor, subject, "", _utc(since), _utc(until))

    async def write(database: Database) -> None:
        upto, doer = (await _last(database))[0], await acting(database, who)
        target = _opened(output, "w") if output else sys.stdout  # first: what cannot be written is not taken out
        await auditing.told_of_export(database, format.value, "audit", doer, now(), wanted=_said(wanted))
        texts = auditing.exported(database, upto) if format is Format.CHAIN else _texts(database, wanted, format)
        async for text in texts:
            target.write(text)
        if output:
            target.close()

    _run(write, settings)


async def _texts(database: Database, wanted: Wanted, format: Format) -> AsyncIterator[str]:
    first = True
    async for batch in read.find_all(database, wanted):
        for text in as_csv(batch, header=first) if format is Format.CSV else map(found_as_json, batch):
            yield text
        first = False


@app.command()
def dossier(exception: str, output: Path, by: By = "") -> None:
    """One exception as PDF: story, evidence, what was shown, decisions, signatures, postings, hashes."""
    settings, who = load_settings(running=True), asked(by)

    async def make(database: Database) -> bytes:
        from api.exceptions.dossier import paper
        from store.read.evidence.dossier import dossier as collect

        actor = await acting(database, who)
        found = await collect(database, exception)
        if found is None:
            raise NotFoundError(f"There is no exception '{exception}'.")
        trusted = trusted_keys(settings)
        report = await auditing.verify(database, trusted)
        _opened(output, "ab").close()
        await auditing.told_of_export(database, "dossier", exception, actor, now())
        return paper(found, report, maker=actor.id, now=now(), public_keys=trusted.public)

    output.write_bytes(_run(make, settings))
    typer.echo(f"written: {output}")


@app.command()
def hold(
    subject: Annotated[str, typer.Argument(help="A person or an exception; without: everything.")] = "",
    reason: _Reason = "",
    lift: Annotated[int, typer.Option(help="Lift the hold of this number instead.")] = 0,
    by: By = "",
) -> None:
    """A legal hold: nothing about it is erased, and nothing from its first record on is archived."""
    who, settings = asked(by), load_settings(running=True)
    if lift:
        _run(lambda database: _lifted(database, lift, reason, who), settings)
        typer.echo(f"hold {lift} is lifted")
    else:
        number, known = _run(lambda database: _held(database, subject, reason, who), settings)
        typer.echo(f"hold {number} stands" + ("" if known else f"; nothing is about '{subject}' yet"))


async def _lifted(database: Database, number: int, reason: str, by: str) -> None:
    await auditing.lift(database, number, reason, await acting(database, by), now())


async def _held(database: Database, subject: str, reason: str, by: str) -> tuple[int, bool]:
    """Its number, and whether a record was about it before: the hold itself is one."""
    actor = await acting(database, by)
    async with database.transaction() as session:
        known = not subject or await read.is_named(session, subject)
    return await auditing.hold(database, subject, reason, actor, now()), known


@app.command()
def erase(person: str, reason: _Reason = "", by: By = "") -> None:
    """Remove what the audit keeps of a person beside their id; the chain still verifies."""
    who = asked(by)

    async def remove(database: Database) -> int:
        return await auditing.erase(database, person, reason, await acting(database, who), now())

    typer.echo(f"{_run(remove, load_settings(running=True))} values erased")


@app.command()
def archive(before: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"])], output: Path, by: By = "") -> None:
    """Write what was sealed before this day (UTC) into a file, verify that, and drop it behind a signed checkpoint."""
    settings, who = load_settings(running=True), asked(by)
    signer = _signer(settings)

    async def move(database: Database) -> int:
        actor = await acting(database, who)
        upto = await auditing.archivable(database, before.replace(tzinfo=UTC), actor)
        async with database.transaction() as session:
            (after, previous), erased = await read.origin(session), await read.erased(session)
        with _opened(output, "x") as target:
            async for text in auditing.exported(database, upto):
                target.write(text)
        with output.open(encoding="utf-8") as lines:
            report = verify_lines(Verifier(trusted_keys(settings).valid, after, previous), lines, erased)
        async with database.transaction() as session:
            if not report.good or (report.last, report.hash) != (upto, await read.hash_at(session, upto)):
                raise InvalidPayloadError(
                    "What was written does not verify: nothing was dropped. See mos audit verify."
                )
        await auditing.drop(database, signer, upto, _sha256(output), actor, now())
        return upto

    typer.echo(f"numbers up to {_run(move, settings)} are in {output} and no longer in the database")


def _kept(head: Path) -> Head:
    with _opened(head) as file:
        return read_head(file.read())


def _opened(file: Path, mode: str = "r") -> IO[Any]:
    """Raises ConfigError, with the file, when it can't be opened."""
    encoding, newline = (None if "b" in mode else "utf-8"), ("" if mode == "w" else None)
    try:
        return file.open(mode, encoding=encoding, newline=newline)
    except OSError as error:
        verb = "read" if mode == "r" else "written"
        raise ConfigError(f"{file} can't be {verb}: {error.strerror}") from None


def trusted_keys(settings: Settings) -> Trusted:
    """The key that signs now, and those of the settings."""
    now_ = [_signer(settings).public] if settings.audit_key else []
    return Trusted([*now_, *settings.audit_public_keys.split()])


def _signer(settings: Settings) -> Signer:
    if settings.audit_key is None:
        raise ConfigError("set MOS_AUDIT_KEY, or start the stack with `mos up`")
    return Signer(settings.audit_key.get_secret_value())


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None


def _said(wanted: Wanted) -> dict[str, str]:
    return {name: str(value) for name, value in vars(wanted).items() if value}


async def _last(database: Database) -> tuple[int, str]:
    async with database.transaction() as session:
        return await read.last(session)


def _run(act: Callable[[Database], Awaitable[_Result]], settings: Settings) -> _Result:
    async def run() -> _Result:
        database = Database(database_url(settings), pool_size=1)
        try:
            return await act(database)
        finally:
            await database.close()

    return asyncio.run(run())
