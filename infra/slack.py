"""Slack put together: the door with its pages, and Socket Mode in place of the HTTP doors."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from connectors.roles import Channel
from domain.errors import MosError
from domain.rosters.people import ChannelName
from domain.values import Json
from infra import connect
from infra.run import now
from infra.settings import Settings
from intake.gate import Gate
from intake.slack.door import SlackDoor
from intake.slack.homes import SlackHomes
from intake.slack.pages import SlackPages
from intake.slack.vouching import SlackVouching
from store.db import Database
from store.read.health import UNAVAILABLE
from templates import views

if TYPE_CHECKING:
    from connectors.slack.connector import SlackChannel  # slack_sdk is loaded only where Slack is used

log = logging.getLogger("mos.slack")
_PAUSE_S = 5.0
_FAILED: tuple[type[Exception], ...] = (MosError, *UNAVAILABLE)


def door(database: Database, channel: "SlackChannel") -> SlackDoor:
    """Slack's door of one site."""
    return SlackDoor(Gate(database), channel, SlackPages(database, views))


def chores(database: Database, channels: Mapping[ChannelName, Channel]) -> list[Coroutine[Any, Any, None]]:
    """What the worker does for Slack beside sending: keeps home tabs fresh, and settles presses that Slack could not
    vouch for. Nothing without Slack."""
    channel: Any = channels.get(ChannelName.SLACK)
    if not hasattr(channel, "publish"):
        return []
    homes = SlackHomes(database, channel, SlackPages(database, views), now)
    return [homes.run(), SlackVouching(database, channel, now).run()]


async def listen(settings: Settings, database: Database) -> None:
    """Socket Mode until cancelled, if MOS_SLACK_APP_TOKEN is set; a refused token is tried again, since it may be
    mended at Slack. Two listeners may run: what both are given is one row of the inbox."""
    token, channel = settings.slack_app_token, connect.slack(settings)
    if token is None or channel is None:
        return
    slack = door(database, channel)
    try:
        while True:
            log.info("listening to Slack by Socket Mode")
            try:
                await channel.listen(token.get_secret_value(), lambda kind, payload: take(slack, kind, payload))
            except MosError as error:
                log.error("Socket Mode: %s %s", error.message, error.detail)
            await asyncio.sleep(_PAUSE_S)
    finally:
        await channel.close()


async def take(slack: SlackDoor, kind: str, payload: Mapping[str, Any]) -> Mapping[str, Json] | None:
    """What goes along with the acknowledgement; None, and so none, while the envelope can't be kept."""
    try:
        return await slack.envelope(kind, payload, now())
    except _FAILED as error:
        log.warning("not acknowledged: %s", str(error).split("\n")[0])
        return None
