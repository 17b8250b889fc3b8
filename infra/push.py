"""`mos push FOLDER`: publish a site's documents and definitions; the database alone is read at run time."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from admin import publish
from admin.sessions import hash_password
from domain.errors import ConfigError
from infra.run import database_url, now
from infra.settings import Settings, load_settings
from store.db import Database

SHIPPED = Path(__file__).resolve().parents[1] / "workflows" / "definitions"


def push(
    folder: Annotated[Path, typer.Argument(help="With site.yaml, people.yaml, connectors.yaml; definitions/ if any.")],
    author: Annotated[str, typer.Option(help="Who wrote it.")] = "process_engineer",
    signed_off_by: Annotated[
        str, typer.Option(help="Who signs the definitions off; not the author.")
    ] = "plant_manager",
    passwords: Annotated[Path | None, typer.Option(help="YAML: person id -> first console password.")] = None,
) -> None:
    """Check everything first, then publish. Nothing is published when something is wrong."""
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder: give the one with site.yaml, people.yaml and connectors.yaml")
    given = _read(passwords) if passwords else {}
    lines = asyncio.run(_push(load_settings(running=True), folder, author, signed_off_by, given))
    for line in lines:
        typer.echo(line)


async def _push(
    settings: Settings, folder: Path, author: str, signed_off_by: str, passwords: dict[str, str]
) -> list[str]:
    documents = {name: _read(folder / f"{name}.yaml") for name in ("site", "people", "connectors")}
    definitions = sorted((folder / "definitions").glob("*.yaml")) or sorted(SHIPPED.glob("*.yaml"))
    texts = {file.name: file.read_text(encoding="utf-8") for file in definitions}
    hashes = {person: hash_password(password) for person, password in passwords.items()}
    database = Database(database_url(settings))
    try:
        for name, text in texts.items():
            publish.check_definition(text, name)
        await publish.publish_site(database, documents["site"], author=author, now=now())
        await publish.import_roster(database, documents["people"], hashes, author=author, now=now())
        await publish.publish_connectors(database, documents["connectors"], author=author, now=now())
        versions = [
            await publish.publish_definition(
                database, text, name, author=author, signed_off_by=signed_off_by, now=now()
            )
            for name, text in texts.items()
        ]
    finally:
        await database.close()
    return [f"{name} {version[:12]}" for name, version in zip(texts, versions, strict=True)]


def _read(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file} can't be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{file} is no valid YAML: {error}") from None
