"""A database with everything published, and a pump that a test turns by hand."""

import pytest

from store.db import Database
from tests.intake.hand import Hand
from tests.support.fixtures import database, database_url, postgres, published, published_template
from tests.support.plant import publish_all

__all__ = ["database", "database_url", "postgres", "published", "published_template"]


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slack's three seconds are not held against a machine that stands still for longer: what is shown is shown whole,
    and before Slack has its answer."""
    monkeypatch.setattr("intake.slack.showing.SOON_S", 60.0)
    monkeypatch.setattr("intake.slack.showing.ANSWER_S", 60.0)


@pytest.fixture
async def hand(published: Database) -> Hand:
    return Hand(published)


@pytest.fixture
async def slow_hand(database: Database) -> Hand:
    """Breakdowns open after an on-delay of 90 s."""
    await publish_all(
        database,
        edit=lambda text: text.replace("  one_per: [signal.equipment]", "  one_per: [signal.equipment]\n  settle: 90s"),
    )
    return Hand(database)
