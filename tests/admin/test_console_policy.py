"""What a site says about log-ins is looked at before it counts: a mistake in it locks nobody out."""

from datetime import UTC, datetime, timedelta

import pytest

from admin.definitions.publish import publish_site
from domain.errors import ConfigError
from domain.values import Json
from store.db import Database
from store.read.access.policy import ConsolePolicy, console_policy
from tests.api.seeding import SITE

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def site(console: Json) -> Json:
    return SITE | {"parameters": {"console": console}}


@pytest.mark.parametrize("wrong", [{"idle": "soon"}, {"idel": "1h"}, {"second_factor_roles": "planner"}])
async def test_a_wrong_policy_is_not_published(database: Database, wrong: Json) -> None:
    with pytest.raises(ConfigError, match=r"parameters\.console"):
        await publish_site(database, site(wrong), author="eng", now=NOW)


async def test_what_is_published_is_in_force(database: Database) -> None:
    async with database.transaction() as session:
        assert await console_policy(session) == ConsolePolicy()
    await publish_site(database, site({"idle": "30m", "second_factor_roles": ["planner"]}), author="eng", now=NOW)
    async with database.transaction() as session:
        found = await console_policy(session)
    assert (found.idle, found.second_factor_roles) == (timedelta(minutes=30), ["planner"])
