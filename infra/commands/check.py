"""`mos check FILE...`: everything that can be known of definitions before they page anyone.

Checking a file takes less time than importing what talks to a database: that is imported where it is needed.
"""

import asyncio
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from authoring.check.facts import WEEKS, SiteFacts, connected
from authoring.check.many import check_all
from authoring.check.reporting import Sheet, as_json, counts, lines, summary
from authoring.check.sarif import as_sarif
from domain.errors import ConfigError
from domain.language.definition import Definition
from infra.quick_imports import uncollected

if TYPE_CHECKING:
    from infra.settings import Settings


class Format(StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


def check(
    files: Annotated[list[Path] | None, typer.Argument(help="Definitions in YAML, or folders of them.")] = None,
    site: Annotated[
        Path | None, typer.Option(help="Folder with site.yaml, people.yaml, connectors.yaml: check against them.")
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Check against what is published; without files: the live definitions.")
    ] = False,
    weeks: Annotated[int, typer.Option(min=1, max=52, help="So many weeks are looked ahead.")] = WEEKS,
    format: Annotated[Format, typer.Option(help="How to write the findings.")] = Format.TEXT,
    warnings_as_errors: Annotated[
        bool, typer.Option("--warnings-as-errors", help="Exit code 1 for warnings too.")
    ] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the language instead.")] = False,
) -> None:
    """Look for everything that is wrong in definitions before they page anyone: file:line:column, and what to do.

    Exit code 0 only if there is no error.
    """
    if schema:
        from authoring import language

        typer.echo(json.dumps(language.schema(), indent=1, ensure_ascii=False))
        return
    known, others, texts = None, dict[str, Definition](), _texts(files or [])
    if published:
        from infra.settings import load_settings

        known, others, live = asyncio.run(_published(load_settings(running=True), weeks))
        texts = texts or live
    if site is not None:
        known = folder_facts(site, weeks)
        texts = texts or _texts([site / "definitions"] if (site / "definitions").is_dir() else [site])
    if not texts:
        raise ConfigError("no definition here: name a .yaml file, or a folder that has some")
    sheets = check_all(texts, known, others)
    _write(sheets, format)
    found = counts(sheets)
    raise typer.Exit(1 if found["error"] or (warnings_as_errors and found["warning"]) else 0)


def _texts(files: list[Path]) -> dict[str, str]:
    """File -> text. Raises ConfigError for what can't be read."""
    paths = [path for file in files for path in (_definitions_in(file) if file.is_dir() else [file])]
    try:
        return {str(path): path.read_text(encoding="utf-8") for path in paths}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"a definition can't be read: {error}") from None


def _definitions_in(folder: Path) -> list[Path]:
    """A site's folder holds its documents beside the definitions."""
    others = {"site.yaml", "people.yaml", "connectors.yaml", "authority.yaml"}
    return [path for path in sorted(folder.glob("*.yaml")) if path.name not in others]


def folder_facts(folder: Path, weeks: int = WEEKS) -> SiteFacts:
    """A site's folder as facts. Without connectors.yaml nothing is said about systems. Raises ConfigError."""
    with uncollected():
        from admin import authority
        from infra.connect import read_connections
        from infra.run import now
        from infra.site_folder import read_roster, read_site, read_yaml

    if not (folder / "site.yaml").is_file() or not (folder / "people.yaml").is_file():
        advice = f"'mos pull {folder} --people' writes both, and 'mos check --published' needs no folder"
        raise ConfigError(f"{folder}: site.yaml and people.yaml are needed here; {advice}")
    roster = read_roster(folder)
    site = read_site(folder, shifts=roster.shifts)
    connectors = folder / "connectors.yaml"
    systems = None
    if connectors.is_file():
        systems = connected([one.model_dump() for one in read_connections(read_yaml(connectors))])
    matrix = folder / "authority.yaml"
    known = authority.parsed(read_yaml(matrix)) if matrix.is_file() else None
    return SiteFacts(site, roster, now(), systems, weeks=weeks, authority=known)


async def _published(settings: "Settings", weeks: int) -> tuple[SiteFacts, dict[str, Definition], dict[str, str]]:
    with uncollected():
        from authoring.check import published as published_facts
        from infra.run import database_url, now
        from store.db import Database

    database = Database(database_url(settings), pool_size=1)
    try:
        async with database.transaction() as session:
            known = await published_facts.facts(session, now(), weeks=weeks)
            live = await published_facts.definitions(session)
    finally:
        await database.close()
    others = {name: definition for name, (_, definition) in live.items()}
    return known, others, {f"{name}.yaml": text for name, (text, _) in live.items()}


def _write(sheets: list[Sheet], format: Format) -> None:
    if format is Format.JSON:
        typer.echo(as_json(sheets))
    elif format is Format.SARIF:
        typer.echo(as_sarif(sheets))
    else:
        colours = sys.stdout.isatty()
        for sheet in sheets:
            for line in lines(sheet, colours=colours):
                typer.echo(line, color=colours)
        typer.echo(summary(sheets))
