"""The app that an administrator pastes into Slack is the one that the connector reads and the API listens for."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from api.doors import SLACK
from connectors.slack.reading import SHORTCUTS

ROOT = Path(__file__).parents[3]
SCOPES = {"chat:write", "commands", "files:read", "im:history", "im:write", "users:read"}


@pytest.fixture(scope="module")
def app() -> Any:
    return yaml.safe_load((ROOT / "connectors/slack/app_manifest.yaml").read_text())


def test_its_urls_are_our_doors(app: Any) -> None:
    settings, (command,) = app["settings"], app["features"]["slash_commands"]
    urls = [command["url"], settings["event_subscriptions"]["request_url"], settings["interactivity"]["request_url"]]
    assert {urlsplit(url).path for url in urls} == set(SLACK)


def test_its_shortcuts_are_read(app: Any) -> None:
    shortcuts = app["features"]["shortcuts"]
    assert {(item["callback_id"], item["type"]) for item in shortcuts} == set(
        zip(SHORTCUTS, ("global", "message"), strict=True)
    )
    assert all(len(item["name"]) <= 24 for item in shortcuts)


def test_its_scopes_are_told_and_no_more_than_needed(app: Any) -> None:
    assert set(app["oauth_config"]["scopes"]["bot"]) == SCOPES
    page = (ROOT / "docs/connectors/slack.md").read_text()
    assert not [scope for scope in SCOPES if f"`{scope}`" not in page]


def test_it_is_told_of_texts_and_of_the_home_tab(app: Any) -> None:
    assert set(app["settings"]["event_subscriptions"]["bot_events"]) == {"app_home_opened", "message.im"}
    assert app["features"]["app_home"]["messages_tab_read_only_enabled"] is False
