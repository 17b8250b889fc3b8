"""Composition of agents: the one that looks into the site's own records, and those that the site connects."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from connectors.history.client import Case, Past
from connectors.history.config import HistoryConfig
from connectors.history.connector import build as build_history
from connectors.roles import Agent
from infra import connect
from infra.connect import Connection
from store.db import Database
from store.read.definitions import agents as read

HISTORY = "history"


def agents(connections: Sequence[Connection], past: Past) -> dict[str, Agent]:
    """By their names. Every site has `history`; what the connectors document says of it takes its place."""
    ours = Connection(name=HISTORY, kind=HISTORY, role="agent")
    wanted = {item.name: item for item in (ours, *_connected(connections))}
    return {name: _build(item, past) for name, item in wanted.items()}


def _connected(connections: Sequence[Connection]) -> list[Connection]:
    return [item for item in connections if item.role == "agent"]


def _build(connection: Connection, past: Past) -> Agent:
    config = connect.settings_of(connection)
    if isinstance(config, HistoryConfig):
        return build_history(config, past)
    return connect.agent(connection)


def past_of(database: Database, now: Callable[[], datetime]) -> Past:
    """What `history` reads: the closed exceptions of this database."""

    async def past(definition: str, back: timedelta) -> list[Case]:
        return [Case(one.facts, one.ended) for one in await read.ended(database, definition, now() - back)]

    return past
