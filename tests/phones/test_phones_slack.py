"""What Slack accepts, through slack_sdk with only the base URL changed."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from tests.phones.peers import GONE, GUEST, PAUL, TESS, TOKEN, WIDE, Phones

Json = dict[str, Any]
BLOCKS: list[Json] = [
    {"type": "header", "text": {"type": "plain_text", "text": "Lathe 1 stopped"}},
    {
        "type": "section",
        "text": {"type": "mrkdwn", "text": "*Spindle overload* &amp; <https://erp.example/JO-1001|JO-1001>"},
        "fields": [{"type": "mrkdwn", "text": "*Due*\n14:00"}],
    },
    {"type": "divider"},
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "asked by _mos_"}]},
    {
        "type": "actions",
        "block_id": "answer",
        "elements": [
            {
                "type": "button",
                "action_id": "accept",
                "value": "tsk_1:1",
                "text": {"type": "plain_text", "text": "Accept"},
            }
        ],
    },
]
METADATA = {"event_type": "task", "event_payload": {"task_id": "tsk_1"}}


def _error(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        call()
    return str(caught.value.response["error"])


def test_a_task_is_posted_shown_found_and_updated(phones: Phones) -> None:
    slack = phones.slack()
    channel = slack.conversations_open(users=TESS)["channel"]["id"]
    posted = slack.chat_postMessage(channel=channel, text="Lathe 1 stopped", blocks=BLOCKS, metadata=METADATA)

    (shown,) = phones.screen("Tess Technician")["messages"]
    assert shown["text"].splitlines() == [
        "Lathe 1 stopped",
        "*Spindle overload* & JO-1001",
        "*Due*",
        "14:00",
        "asked by _mos_",
    ]
    assert [(b["text"], b["action_id"], b["value"]) for b in shown["buttons"]] == [("Accept", "accept", "tsk_1:1")]

    bare = slack.conversations_history(channel=channel)["messages"][0]
    assert "metadata" not in bare
    full = slack.conversations_history(channel=channel, include_all_metadata=True)["messages"][0]
    assert full["metadata"] == METADATA
    assert full["ts"] == posted["ts"]

    slack.chat_update(channel=posted["channel"], ts=posted["ts"], text="Tess has it", blocks=[])
    (shown,) = phones.screen("Tess Technician")["messages"]
    assert (shown["text"], shown["buttons"], shown["edited"]) == ("Tess has it", [], True)
    assert phones.get("counters")["Tess Technician"]["slack"] == 1
    assert phones.get("violations") == []


def test_a_person_is_found_by_id_and_by_mail(phones: Phones) -> None:
    slack = phones.slack()
    assert slack.users_info(user=TESS)["user"]["real_name"] == "Tess Technician"
    assert slack.users_lookupByEmail(email="Tess@plant.example")["user"]["id"] == TESS
    assert slack.users_info(user=GONE)["user"]["deleted"] is True
    assert slack.auth_test()["user_id"] == "U0ROUTER"


def test_a_post_to_a_user_id_reaches_the_direct_message(phones: Phones) -> None:
    posted = phones.slack().chat_postMessage(channel=TESS, text="hello")
    assert posted["channel"] == phones.slack().conversations_open(users=TESS)["channel"]["id"]
    assert phones.screen("Paul Planner")["messages"] == []


def test_threads_pages_and_windows(phones: Phones) -> None:
    slack = phones.slack()
    stamps = [slack.chat_postMessage(channel=TESS, text=f"n{n}")["ts"] for n in range(5)]
    assert len(set(stamps)) == 5
    channel = slack.conversations_open(users=TESS)["channel"]["id"]
    slack.chat_postMessage(channel=channel, text="reply", thread_ts=stamps[1])

    pages = [page["messages"] for page in slack.conversations_history(channel=channel, limit=2)]
    assert [m["text"] for page in pages for m in page] == ["n4", "n3", "n2", "n1", "n0"]
    since = slack.conversations_history(channel=channel, oldest=stamps[2])["messages"]
    assert [m["text"] for m in since] == ["n4", "n3"]
    including = slack.conversations_history(channel=channel, oldest=stamps[2], inclusive=True)["messages"]
    assert [m["text"] for m in including] == ["n4", "n3", "n2"]
    thread = slack.conversations_replies(channel=channel, ts=stamps[1])["messages"]
    assert [m["text"] for m in thread] == ["n1", "reply"]


def test_an_ephemeral_message_is_for_one_person_and_in_no_history(phones: Phones) -> None:
    slack = phones.slack()
    slack.chat_postEphemeral(channel="C0FLOOR", user=TESS, text="Paul was faster")
    assert [m["text"] for m in phones.screen("Tess Technician")["messages"]] == ["Paul was faster"]
    assert phones.screen("Paul Planner")["messages"] == []
    assert phones.get("counters")["Tess Technician"] == {
        "slack": 0,
        "ephemeral": 1,
        "edited": 0,
        "sms": 0,
        "sms_by_twilio": 0,
        "whatsapp": 0,
        "calls": 0,
        "mail": 0,
    }


def test_only_an_own_message_is_updated_and_a_deleted_one_is_gone(phones: Phones) -> None:
    slack = phones.slack()
    written = phones.person("Tess Technician", "dm", text="help")
    channel = slack.conversations_open(users=TESS)["channel"]["id"]
    assert _error(lambda: slack.chat_update(channel=channel, ts=written["ts"], text="x")) == "cant_update_message"
    assert _error(lambda: slack.chat_delete(channel=channel, ts=written["ts"])) == "cant_delete_message"
    posted = slack.chat_postMessage(channel=channel, text="x")
    slack.chat_delete(channel=channel, ts=posted["ts"])
    assert _error(lambda: slack.chat_delete(channel=channel, ts=posted["ts"])) == "message_not_found"
    kinds = {v["kind"] for v in phones.get("violations")}
    assert kinds == {"request", "state"}


def test_a_channel_is_seen_by_its_members_only(phones: Phones) -> None:
    phones.slack().chat_postMessage(channel="#planners", text="plan changed")
    assert [m["channel_name"] for m in phones.screen(PAUL)["messages"]] == ["planners"]
    assert phones.screen(TESS)["messages"] == []


def test_the_vendor_s_own_validator_method_accepts_good_blocks(phones: Phones) -> None:
    assert phones.slack().api_call("blocks.validate", json={"blocks": BLOCKS})["ok"]


async def test_the_asynchronous_client_works_too(phones: Phones) -> None:
    slack = AsyncWebClient(TOKEN, base_url=f"{phones.url}/slack/api/")
    posted = await slack.chat_postMessage(channel=TESS, text="hello")
    assert (await slack.chat_update(channel=posted["channel"], ts=posted["ts"], text="bye"))["text"] == "bye"


def test_posts_to_one_channel_are_limited_but_other_channels_are_not(phones: Phones) -> None:
    phones.configure(slack={"limits": WIDE | {"posts_per_second": 0.01, "post_burst": 2}})
    slack = phones.slack()
    for n in range(2):
        slack.chat_postMessage(channel=GUEST, text=f"n{n}")
    with pytest.raises(SlackApiError) as caught:
        slack.chat_postMessage(channel=GUEST, text="too fast")
    assert caught.value.response.status_code == 429
    assert caught.value.response["error"] == "ratelimited"
    assert int(caught.value.response.headers["retry-after"]) in range(50, 101)
    slack.chat_postMessage(channel=PAUL, text="another person")
    assert phones.get("counters")["Guest Person"]["slack"] == 2
    assert [v["kind"] for v in phones.get("violations")] == ["rate"]
    phones.configure(slack={"limits": WIDE | {"posts_per_second": 1.0, "post_burst": 2}})
    patient = phones.slack()
    patient.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=2))
    patient.chat_postMessage(channel=GUEST, text="after a wait")
    assert phones.get("counters")["Guest Person"]["slack"] == 3


def test_a_method_is_limited_by_its_tier(phones: Phones) -> None:
    phones.configure(slack={"limits": WIDE | {"calls_per_minute": {"t2": 3, "t3": 600, "t4": 600, "t5": 600}}})
    for _ in range(3):
        phones.slack().users_list()
    assert _error(phones.slack().users_list) == "ratelimited"


def _plain(length: int) -> Json:
    return {"type": "plain_text", "text": "x" * length}


AT_THE_LIMIT: dict[str, list[Json]] = {
    "50 blocks": [{"type": "divider"}] * 50,
    "section": [{"type": "section", "block_id": "b" * 255, "text": _plain(3000), "fields": [_plain(2000)] * 10}],
    "header": [{"type": "header", "text": _plain(150)}],
    "context": [{"type": "context", "elements": [_plain(3000)] * 10}],
    "actions": [
        {
            "type": "actions",
            "elements": [
                {"type": "button", "action_id": f"{n:0255d}", "text": _plain(75), "value": "x" * 2000}
                for n in range(25)
            ],
        }
    ],
    "options": [
        {
            "type": "actions",
            "elements": [
                {
                    "type": "static_select",
                    "placeholder": _plain(150),
                    "options": [{"text": _plain(75), "value": f"{n:0150d}"} for n in range(100)],
                }
            ],
        }
    ],
    "input": [
        {
            "type": "input",
            "label": _plain(2000),
            "hint": _plain(2000),
            "element": {"type": "plain_text_input", "max_length": 3000, "initial_value": "x" * 3000},
        }
    ],
    "markdown": [{"type": "markdown", "text": "x" * 12_000}],
}


@pytest.mark.parametrize("name", AT_THE_LIMIT)
def test_blocks_at_the_limit_pass(phones: Phones, name: str) -> None:
    phones.slack().chat_postMessage(channel=TESS, text="x" * 40_000, blocks=AT_THE_LIMIT[name])
    assert phones.get("counters")["Tess Technician"]["slack"] == 1
