"""The API process: HTTP doors and console under uvicorn."""

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import httpx
import uvicorn

from admin.access.oidc import Provider
from api.app import create_app
from api.deps import ApiDeps, ErpPage
from authoring.scenarios.setting import Answers, nothing
from connectors.webhook.config import WebhookConfig
from connectors.webhook.connector import Webhook
from domain.errors import ConfigError, NotFoundError, TransientError
from domain.values import Json
from infra import connect
from infra.commands.audit import trusted_keys
from infra.plant.erp.errors import ErpError
from infra.provider_calls import HttpCalls
from infra.run import now
from infra.settings import Settings
from infra.slack import door as slack_door
from infra.twilio import door as twilio_door
from intake.doors import Doors
from store.db import Database
from store.read import site as site_read


async def run(settings: Settings, database: Database, ready: Callable[[], None]) -> None:
    """Until cancelled."""
    opened: list[object] = []
    try:
        await _serve(settings, await make_deps(settings, database, opened), ready)
    finally:
        await connect.close(opened)


async def _serve(settings: Settings, deps: ApiDeps, ready: Callable[[], None]) -> None:
    config = uvicorn.Config(
        create_app(deps),
        host=settings.api_host,
        port=settings.api_port or 0,
        log_level="warning",
        log_config=None,  # the lines are ours (C28)
        timeout_graceful_shutdown=3,
        access_log=False,
        forwarded_allow_ips=settings.trusted_proxies,
        lifespan="on",
    )
    server = uvicorn.Server(config)
    ready()
    serving = asyncio.create_task(server.serve())
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True  # answers what it is asked, ends its lifespan, and logs no broken one
        await serving
        raise


async def make_deps(settings: Settings, database: Database, opened: list[object] | None = None) -> ApiDeps:
    """Everything the routes need; what has to be closed is put into `opened`. Raises ConfigError when a secret is
    missing: no door is ever open (C6)."""
    if settings.webhook_secret is None or settings.session_secret is None or settings.public_url is None:
        raise ConfigError("set MOS_WEBHOOK_SECRET, MOS_SESSION_SECRET and MOS_PUBLIC_URL")
    found = connect.channels(settings)
    events = Webhook(WebhookConfig(), settings.webhook_secret.get_secret_value().split())
    slack = connect.slack(settings)
    if opened is not None:
        opened += [*found.values(), slack]
    door = slack_door(database, slack) if slack is not None else None
    doors = Doors(database, events, door, twilio_door(database, found))
    plant = plant_file(settings)
    title, links = await _site(database)
    return ApiDeps(
        database=database,
        doors=doors,
        now=now,
        public_url=settings.public_url,
        session_secret=settings.session_secret.get_secret_value().encode(),
        randomness=os.urandom,
        phones_url=plant.get("phones", ""),
        plant_url=plant.get("control", ""),
        plant_token=_token(plant),
        erp_page=_erp_page(plant),
        erp_links=links,
        site_title=title,
        login_note=plant.get("login_note", ""),
        scenario_answers=_scenario_answers(plant),
        api_token=settings.api_token.get_secret_value() if settings.api_token else "",
        provider=_provider(settings, settings.public_url),
        provider_calls=HttpCalls(),
        audit_keys=trusted_keys(settings),
    )


def _provider(settings: Settings, public_url: str) -> Provider | None:
    """The company's identity provider; the settings hold all of it or nothing."""
    if settings.oidc_issuer is None or settings.oidc_client_id is None or settings.oidc_client_secret is None:
        return None
    secret, callback = settings.oidc_client_secret.get_secret_value(), f"{public_url.rstrip('/')}/login/callback"
    return Provider(settings.oidc_issuer, settings.oidc_client_id, secret, callback)


def plant_file(settings: Settings) -> dict[str, str]:
    """Where the simulated plant is, when one runs beside us (written by `mos demo`)."""
    file = settings.data_dir / "run" / "plant.json"
    found: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return found


def _token(plant: dict[str, str]) -> str:
    file = Path(plant.get("token_file", ""))
    return file.read_text(encoding="utf-8").strip() if file.is_file() else ""


def _scenario_answers(plant: dict[str, str]) -> Callable[[datetime], Answers]:
    """What scenarios on the console hear from MES and ERP where they do not say: the simulated plant's, if there is
    one."""
    if not plant:
        return nothing
    from infra.demo.answers import demo_answers

    return demo_answers


def _erp_page(plant: dict[str, str]) -> ErpPage | None:
    """What the simulated plant's ERP holds, read over its API as the plant's own read-only user."""
    if not plant.get("erp_url"):
        return None

    def read() -> dict[str, Json]:
        from infra.plant.erp.credentials import ensure_credentials
        from infra.plant.erp.reader import Reader

        password = ensure_credentials(Path(plant["erp_credentials"]))["plant_reader"]
        with Reader(plant["erp_url"], password) as reader:
            held = reader.summary()
        return {name: [asdict(row) for row in rows] for name, rows in held.items()}

    async def page() -> dict[str, Json]:
        try:
            return await asyncio.to_thread(read)
        except (ErpError, httpx.HTTPError) as error:
            raise TransientError(f"the ERP can't be read now: {error}") from error

    return page


async def _site(database: Database) -> tuple[str, dict[str, str]]:
    async with database.transaction() as session:
        try:
            site = await site_read.site(session)
        except NotFoundError:
            return "", {}
    return site.title, dict(site.erp_links)
