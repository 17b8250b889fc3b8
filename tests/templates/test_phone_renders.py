"""WhatsApp, voice and e-mail as people get them, and what a prompt by SMS costs.

After a wanted change: MOS_UPDATE_GOLDEN=1 pytest tests/templates
"""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.asking.messages import Choice, Fact, Input, Message, MessageKind, Standing
from domain.rosters.people import ChannelName
from templates.gsm import normalise, segments
from templates.render import render
from tests.templates.test_golden_renders import APPROVE, CASES, MINE, TASK

GOLDEN = Path(__file__).parent / "golden_phones"
CHANNELS = (ChannelName.WHATSAPP, ChannelName.VOICE, ChannelName.EMAIL)
REAL = TASK.model_copy(
    update={
        "choices": [
            Choice(verb="accept", style="primary"),
            Choice(verb="decline", asks=[Input(name="reason")]),
            Choice(verb="ask", asks=[Input(name="text", required=True)], more=True),
            Choice(verb="snooze", more=True),
        ]
    }
)
YOURS = MINE.model_copy(
    update={
        "choices": [
            Choice(verb="arrived"),
            *(Choice(verb=f"answer:estimate:{span}", label=span) for span in ("30m", "1h", "2h", "4h")),
            Choice(verb="done", style="primary", asks=[Input(name="cause", label="Cause")]),
            Choice(verb="answer", asks=[Input(name="estimate", kind="duration", required=True)], more=True),
            Choice(verb="hand_over", more=True),
        ],
        "inputs": [Input(name="cause", label="Cause")],
    }
)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("case", CASES)
def test_golden_phones(case: str, channel: ChannelName) -> None:
    text = json.dumps(render(CASES[case], channel), indent=1, ensure_ascii=False) + "\n"
    file = GOLDEN / f"{case}.{channel}.json"
    if os.environ.get("MOS_UPDATE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    assert text == file.read_text("utf-8")


def test_no_phone_golden_file_without_a_case() -> None:
    assert {file.name.split(".")[0] for file in GOLDEN.iterdir()} == set(CASES)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("message", [REAL, YOURS, APPROVE, *CASES.values()])
def test_a_prompt_takes_two_segments_at_most(message: Message, language: str) -> None:
    body = render(message.model_copy(update={"language": language}), ChannelName.SMS)["body"]
    assert segments(body) <= 2


def test_quick_durations_are_not_spelled_out_beside_any_duration() -> None:
    body = render(YOURS, ChannelName.SMS)["body"]
    assert "30m" not in body
    assert "EST 2h" in body


@pytest.mark.parametrize(
    "title, body",
    [
        ("Tokarka 1 stoi", "Zgłoś się"),
        ("Der Bohrer ist heiß", "Größe 5"),
        ("Прес 2", "Стоп"),
    ],
)
def test_a_short_text_keeps_its_letters(title: str, body: str) -> None:
    """They cost nothing while the text is one segment either way."""
    message = Message(kind=MessageKind.NOTIFY, definition="x", exception_id="e", title=title, body=[body])
    assert render(message, ChannelName.SMS)["body"] == f"{title}\n{body}"


def test_a_long_polish_text_loses_diacritics_and_a_segment() -> None:
    line = "Proszę przyjść do tokarki, wrzeciono zgłasza błąd i części są pomieszane."
    message = Message(kind=MessageKind.NOTIFY, definition="x", exception_id="e", title="Tokarka 1 stoi", body=[line])
    body = render(message, ChannelName.SMS)["body"]
    assert body == f"Tokarka 1 stoi\n{normalise(line)}"
    assert (segments(body), segments(f"Tokarka 1 stoi\n{line}")) == (1, 2)


@given(st.text(alphabet="aąęłóżźćńśéñ¿ж😀 ", max_size=400))
def test_transliteration_never_costs_a_segment(text: str) -> None:
    message = Message(kind=MessageKind.NOTIFY, definition="x", exception_id="e", title="t", body=[text])
    plain = "\n".join(line for line in ("t", " ".join(text.split())[:300].strip()) if line)
    assert segments(render(message, ChannelName.SMS)["body"]) <= segments(plain)


def test_c14_high_risk_offers_no_key_and_no_button() -> None:
    high = APPROVE.model_copy(update={"choices": [], "link": "https://mos.example.com/t/1"})
    spoken, written = render(high, ChannelName.VOICE), render(high, ChannelName.WHATSAPP)
    assert spoken["keys"] == {}
    assert "Open it in the console and sign" in spoken["say"]
    assert (written["content"], written["buttons"]) == ("notify", [])
    assert "https://mos.example.com/t/1" in written["body"]


def test_keys_keep_their_meaning_and_never_skip_what_is_required() -> None:
    assert render(REAL, ChannelName.VOICE)["keys"] == {"1": "accept", "2": "decline"}
    spoken = render(YOURS, ChannelName.VOICE)["keys"]
    assert (spoken["3"], spoken["7"], spoken["8"]) == ("answer:estimate:2h", "arrived", "done")
    needs = Choice(verb="done", asks=[Input(name="cause", required=True)])
    assert render(YOURS.model_copy(update={"choices": [needs]}), ChannelName.VOICE)["keys"] == {}


@pytest.mark.parametrize("standing", [Standing.TAKEN, Standing.WITHDRAWN, Standing.EXPIRED, Standing.DECIDED])
@pytest.mark.parametrize("channel", [ChannelName.WHATSAPP, ChannelName.VOICE])
def test_what_is_over_offers_nothing_on_phones(standing: Standing, channel: ChannelName) -> None:
    payload = render(APPROVE.model_copy(update={"standing": standing}), channel)
    assert not payload.get("keys")
    assert not payload.get("buttons")


def test_c16_the_only_link_of_an_email_is_the_consoles_and_markup_stays_text() -> None:
    evil = '<img src="https://evil.example/x.png" onerror="alert(1)">'
    fact = Fact(label="Where", value=evil)
    payload = render(TASK.model_copy(update={"facts": [fact], "title": evil}), ChannelName.EMAIL)
    assert payload["html"].count("<a href=") == 1
    assert f'<a href="{TASK.link}">' in payload["html"]
    assert "<img" not in payload["html"]
    assert "\n" not in payload["subject"]
