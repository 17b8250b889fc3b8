"""Both channels and every golden render against the strict stand-in vendors, as a black box in its own process."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from connectors.roles import Channel, ChannelMessage, SentMessage
from connectors.slack.manifest import build as build_slack
from connectors.twilio.manifest import build as build_twilio
from domain.errors import AuthError, RateLimitedError, RejectedError
from domain.rosters.people import ChannelName
from domain.values import Json
from templates.render import render
from tests.templates.test_golden_renders import CASES

TEAM, APP, ACCOUNT, OURS = "T01TEAM", "A01APP", "AC" + "a1" * 16, "+420910000001"
TOKEN, SECRET = "xoxb-1-2-abc", "0123456789abcdef0123456789abcdef"
PEOPLE = [
    {"name": f"Person {n}", "slack_user_id": f"U01P{n:04d}", "phone": f"+4206010{n:05d}"} for n in range(len(CASES) + 4)
]
CONFIG: dict[str, Json] = {
    "people": PEOPLE,
    "slack": {"team_id": TEAM, "app_id": APP, "bot_user_id": "U01BOT", "bot_token": TOKEN, "signing_secret": SECRET},
    "twilio": {"account_sid": ACCOUNT, "auth_token": SECRET, "from_numbers": [OURS]},
}


@pytest.fixture(scope="module")
def phones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a phones process, stopped afterwards."""
    folder = tmp_path_factory.mktemp("phones")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["--port", str(port), "--config", str(folder / "config.json"), "--data", str(folder / "data")]
    process = subprocess.Popen([sys.executable, "-m", "infra.phones", *arguments])
    try:
        _wait(process, f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = datetime.now(UTC) + timedelta(seconds=60)
    while datetime.now(UTC) < deadline:
        assert process.poll() is None, "the phones process has ended"
        with suppress(httpx.TransportError):
            if httpx.get(url).is_success:
                return
    pytest.fail("the phones did not answer within 60 s")


def slack(phones: str, **changes: Json) -> Channel:
    settings: dict[str, Json] = {"bot_token": TOKEN, "signing_secret": SECRET, "team_id": TEAM, "app_id": APP}
    settings["timeout"] = 60
    return build_slack({**settings, "api_base": f"{phones}/slack/api/", **changes})


def twilio(phones: str, **changes: Json) -> Channel:
    settings: dict[str, Json] = {"account_sid": ACCOUNT, "auth_token": SECRET, "numbers": [OURS], "timeout": 60}
    return build_twilio(
        {**settings, "public_url": "https://mos.example.com", "api_base": f"{phones}/twilio", **changes}
    )


async def patiently(channel: Channel, message: ChannelMessage) -> SentMessage:
    """Sends, waiting as long as the vendor asks when it does."""
    for _ in range(20):
        try:
            return await channel.send(message)
        except RateLimitedError as limited:
            await asyncio.sleep(limited.retry_after)
    raise AssertionError("the vendor only ever asks to wait")


@pytest.mark.parametrize("case", CASES)
async def test_every_render_is_accepted_and_found(phones: str, case: str) -> None:
    person, since = PEOPLE[list(CASES).index(case)], datetime.now(UTC)
    for channel, name, address in (
        (slack(phones), ChannelName.SLACK, person["slack_user_id"]),
        (twilio(phones), ChannelName.SMS, person["phone"]),
    ):
        message = ChannelMessage(f"exc_1:{case}[0]:1", address, render(CASES[case], name))
        sent = await patiently(channel, message)
        assert await channel.find(message, since) == sent
        assert await channel.find(ChannelMessage("other", address, {"text": "x", "body": "x"}), since) is None


async def test_edited_message_is_still_found_by_its_first_key(phones: str) -> None:
    channel, address, since = slack(phones), PEOPLE[-1]["slack_user_id"], datetime.now(UTC)
    message = ChannelMessage("msg_open", address, render(CASES["task-open"], ChannelName.SLACK))
    sent = await patiently(channel, message)
    await channel.edit(sent, ChannelMessage("msg_taken", address, render(CASES["task-taken"], ChannelName.SLACK)))
    assert await channel.find(message, since) == sent


async def test_refusals_by_the_vendors(phones: str) -> None:
    to_slack = ChannelMessage("msg_1", PEOPLE[-2]["slack_user_id"], {"text": "x"})
    to_sms = ChannelMessage("msg_1", PEOPLE[-2]["phone"], {"body": "x"})
    for channel, message in (
        (slack(phones, bot_token="xoxb-9-9-other"), to_slack),
        (twilio(phones, auth_token="other"), to_sms),
    ):
        with pytest.raises(AuthError):
            await channel.send(message)
    with pytest.raises(RejectedError):
        await twilio(phones).send(ChannelMessage("msg_1", "+1", {"body": "x"}))
