"""`mos connect`: try a system or a model: address, credentials, permissions; then write it into the site's folder."""

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from connectors.probing import Finding, Probing, tried
from connectors.roles import System
from domain.errors import AuthError, ConfigError, NotFoundError, TransientError
from infra import connect, site_folder
from infra.commands import connecting_agents
from infra.connect import Connection

app = typer.Typer(no_args_is_help=True, help="Connect an ERP, an MES or an agent.")
_SECRETS = {"tryton": "password", "sap": "password", "odoo": "api_key", "erpnext": "api_secret"}
_NOBODYS = "mos:connect:probe"


class Kind(StrEnum):
    """What it is."""

    TRYTON = "tryton"
    ODOO = "odoo"
    ERPNEXT = "erpnext"
    SAP = "sap"
    REST = "rest"
    MES_HTTP = "mes_http"


Address = Annotated[str, typer.Argument(help="Its address, as https://erp.example.com.")]
Folder = Annotated[Path, typer.Option(help="The site's folder: connectors.yaml is written there.")]
Secret = Annotated[str, typer.Option(help="Where the key or password is: env:NAME or file:PATH.")]
Settings = Annotated[list[str] | None, typer.Option("--set", help="A setting as name=value; can be repeated.")]
Mapping = Annotated[Path | None, typer.Option(help="Of kind rest: the YAML file with the mapping.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only try it, write nothing.")]
Anyway = Annotated[bool, typer.Option("--anyway", help="Write it although something is missing.")]
KindOf = Annotated[Kind, typer.Option(help="What it is.")]


@app.command()
def erp(
    url: Address,
    kind: KindOf,
    secret: Secret,
    folder: Folder = Path("."),
    settings: Settings = None,
    mapping: Mapping = None,
    dry_run: DryRun = False,
    anyway: Anyway = False,
) -> None:
    """Try the ERP and write its entry. Exit code 1 when something is missing."""
    _connect(_entry("erp", url, kind, secret, settings or (), mapping), folder, dry_run=dry_run, anyway=anyway)


@app.command()
def mes(
    url: Address,
    kind: KindOf,
    secret: Secret,
    folder: Folder = Path("."),
    settings: Settings = None,
    mapping: Mapping = None,
    dry_run: DryRun = False,
    anyway: Anyway = False,
) -> None:
    """Try the MES and write its entry. Exit code 1 when something is missing."""
    _connect(_entry("mes", url, kind, secret, settings or (), mapping), folder, dry_run=dry_run, anyway=anyway)


@app.command()
def agent(
    url: Address,
    name: Annotated[str, typer.Option(help="What definitions call it: `use: NAME`.")],
    model: Annotated[str, typer.Option(help="As the server calls it.")],
    secret: Secret = "",
    folder: Folder = Path("."),
    settings: Settings = None,
    dry_run: DryRun = False,
    anyway: Anyway = False,
) -> None:
    """Try a language model behind an OpenAI-compatible server and write its entry. Exit code 1 when something is
    missing."""
    config = {"url": url.rstrip("/"), "model": model, **_given(settings or ())}
    secrets = {"api_key": _reference(secret)} if secret else {}
    entry = {"name": name, "kind": "openai_compatible", "role": "agent", "config": config, "secrets": secrets}
    found = asyncio.run(connecting_agents.probe(connect.agent(Connection.model_validate(entry))))
    _finish(entry, found, folder, dry_run=dry_run, anyway=anyway)


def _entry(
    role: str, url: str, kind: Kind, secret: str, settings: Sequence[str], mapping: Path | None
) -> dict[str, Any]:
    """The entry of the connectors document. A secret itself is refused: only where it is goes into a file."""
    config: dict[str, Any] = {"url": url.rstrip("/"), **_given(settings)}
    if mapping is not None:
        config["mapping"] = site_folder.read_yaml(mapping)
    secrets = {_SECRETS.get(kind.value, "token"): _reference(secret)}
    return {"name": role, "kind": kind.value, "role": role, "config": config, "secrets": secrets}


def _reference(secret: str) -> str:
    if secret.partition(":")[0] not in ("env", "file"):
        raise ConfigError("give the secret by reference: --secret env:NAME or --secret file:PATH")
    return secret


def _given(settings: Sequence[str]) -> dict[str, Any]:
    """`name=value` each, the value as YAML. Raises ConfigError."""
    found = {}
    for given in settings:
        name, separator, value = given.partition("=")
        if not separator:
            raise ConfigError(f"--set {given}: write name=value")
        found[name] = yaml.safe_load(value)
    return found


def _connect(entry: dict[str, Any], folder: Path, *, dry_run: bool, anyway: bool) -> None:
    found = asyncio.run(_probe(connect.system(Connection.model_validate(entry))))
    _finish(entry, found, folder, dry_run=dry_run, anyway=anyway)


def _finish(entry: dict[str, Any], found: Sequence[Finding], folder: Path, *, dry_run: bool, anyway: bool) -> None:
    for finding in found:
        typer.echo(_line(finding))
    missing = [finding for finding in found if not finding.ok and finding.blocks]
    if missing and not anyway:
        typer.echo(f"Nothing was written: {len(missing)} missing. Mend them and run it again, or add --anyway.")
        raise typer.Exit(1)
    if not dry_run:
        file = _write(folder, entry)
        typer.echo(f"Written to {file}. Next: mos check --site {folder}, then mos push {folder}.")


def _line(finding: Finding) -> str:
    mark = "ok     " if finding.ok else "MISSING" if finding.blocks else "absent "
    return f"{mark} {finding.what}" + (f": {finding.advice}" if finding.advice and not finding.ok else "")


async def _probe(system: System) -> list[Finding]:
    """What the connector tries by itself; where it has no such trial, whether a key can be looked up."""
    try:
        if isinstance(system, Probing):
            return await system.probe()
        return [await tried("look up a posting by its key", system.find(_NOBODYS))]
    except (TransientError, AuthError, NotFoundError) as error:
        return [Finding("reach it and sign in", False, f"{error.message} {error.detail}".strip())]
    finally:
        await _close(system)


async def _close(system: System) -> None:
    close = getattr(system, "close", None)
    if close is not None:
        await close()


def _write(folder: Path, entry: dict[str, Any]) -> Path:
    """Replaces the entry of this name or role, and leaves every other as it is. A new one is appended to the text, so
    that comments stay."""
    file = site_folder.file_of(folder, "connectors")
    document = (site_folder.read_yaml(file) or []) if file.exists() else []
    only = entry["role"] != "agent"  # a site has one ERP and one MES, and as many agents as it wants
    others = [
        one for one in document if entry["name"] != one.get("name") and not (only and entry["role"] == one.get("role"))
    ]
    if file.exists() and len(others) == len(document) and document:
        site_folder.write(file, file.read_text(encoding="utf-8").rstrip("\n") + "\n" + _yaml([entry]))
    else:
        site_folder.write(file, _yaml([*others, entry]))
    return file


def _yaml(document: list[Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
