"""What every rendering must hold: escaping (C23), limits (C25), languages, overriding templates."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.twilio.understanding import understand
from domain.asking.messages import (
    Change,
    Choice,
    Fact,
    Input,
    Message,
    MessageKind,
    OptionCard,
    OptionPreview,
    Standing,
)
from domain.authority.signing import snapshot
from domain.errors import ConfigError
from domain.rosters.people import ChannelName
from domain.values import Json
from templates.gsm import clip, normalise, segments
from templates.mrkdwn import short
from templates.render import MAX_SEGMENTS, numbered, render, scope_of
from templates.words import FOLDER, words

HOSTILE = [
    "<!channel>",
    "<@U01JANA>",
    "<https://evil.example|ERP>",
    'a"b\\c',
    "{{ 7 * 7 }}",
    "&amp;<&>",
    "\x1b[31mred\x00",
    "---",
    "———",
]


def filled(text: str) -> Message:
    fact = Fact(label=text, value=text)
    return Message(
        kind=MessageKind.APPROVE,
        definition="breakdown",
        exception_id="exc_1",
        title=text,
        body=[text],
        facts=[fact] * 12,
        gaps=[text],
        options=[OptionCard(id="a", title=text, summary=text, figures=[fact])],
        choices=[Choice(verb="approve:a", label=text[:75]), Choice(verb="done")],
        inputs=[Input(name="cause", label=text)],
        by=text,
        deadline=text,
        otherwise=text,
        task="tsk_1:1",
        code="K7QP",
    )


def texts(value: Json) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("standing", Standing)
def test_what_people_wrote_stays_text_on_slack(hostile: str, standing: Standing) -> None:
    payload = render(filled(hostile).model_copy(update={"standing": standing}), ChannelName.SLACK)
    for text in texts(payload):
        assert "<" not in text
        assert ">" not in text
        assert "\x1b" not in text
        assert "{{" not in text or hostile.startswith("{{")


def test_link_is_the_only_markup_and_carries_nothing_else() -> None:
    message = filled("x").model_copy(update={"link": "https://mos.example.com/?a=1&b=<|>"})
    marked = [text for text in texts(render(message, ChannelName.SLACK)) if "<" in text]
    assert marked == ["<https://mos.example.com/?a=1&amp;b=&lt;%7C&gt;|Open in the console>"]
    script = filled("x").model_copy(update={"link": "javascript:alert(1)"})
    assert not [text for text in texts(render(script, ChannelName.SLACK)) if "javascript" in text]


def limits_hold(payload: dict[str, Json]) -> None:
    """Block Kit's limits of what we use."""
    assert 1 <= len(payload["text"]) <= 3000
    assert len(payload["blocks"]) <= 50
    for block in payload["blocks"]:
        if block["type"] == "header":
            assert 1 <= len(block["text"]["text"]) <= 150
        if block["type"] == "section":
            assert len(block.get("text", {"text": "x"})["text"]) <= 3000
            assert all(1 <= len(field["text"]) <= 2000 for field in block.get("fields", []))
            assert len(block.get("fields", [])) <= 10
        if block["type"] == "actions":
            assert all(len(item["text"]["text"]) <= 75 for item in block["elements"])
        if block["type"] == "context":
            assert all(1 <= len(item["text"]) <= 3000 for item in block["elements"])


@pytest.mark.parametrize("text", ["x" * 5000, "&" * 5000, "<" * 3000, "é" * 5000])
@pytest.mark.parametrize("standing", [Standing.OPEN, Standing.TAKEN])
def test_five_thousand_characters_are_shortened(text: str, standing: Standing) -> None:
    message = filled(text).model_copy(update={"standing": standing})
    limits_hold(render(message, ChannelName.SLACK))
    assert segments(render(message, ChannelName.SMS)["body"]) <= MAX_SEGMENTS


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=400))
def test_any_text_renders_within_the_limits(text: str) -> None:
    limits_hold(render(filled(text), ChannelName.SLACK))
    assert segments(render(filled(text), ChannelName.SMS)["body"]) <= MAX_SEGMENTS


@given(st.text(alphabet="a&<>é", max_size=60), st.integers(3, 40))
def test_shortening_never_cuts_an_entity(text: str, limit: int) -> None:
    cut = short(text, limit)
    assert len(cut) <= limit
    plain = cut.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert not set(plain) & set("&<>")


def test_more_facts_than_a_section_takes() -> None:
    blocks = render(filled("x"), ChannelName.SLACK)["blocks"]
    assert [len(block["fields"]) for block in blocks if "fields" in block] == [10, 2, 1]


def test_answers_survive_when_an_sms_is_long() -> None:
    body = render(filled("word " * 200), ChannelName.SMS)["body"]
    assert "\n1 = word" in body
    assert "K7QP + 1 / DONE" in body


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_people_wrote_cannot_divide_an_sms(hostile: str) -> None:
    body = render(filled(hostile), ChannelName.SMS)["body"]
    assert "K7QP 1 =" in body or "K7QP + 1 /" in body
    assert body.startswith("K7QP ")


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_answer_that_an_sms_offers_is_understood(language: str) -> None:
    verbs = ["accept", "decline", "arrived", "done", "approve:a", "reject"]
    message = filled("x").model_copy(
        update={
            "language": language,
            "facts": [],
            "choices": [Choice(verb=verb) for verb in verbs],
            "inputs": [Input(name="estimate", label="Estimate", kind="duration")],
        }
    )
    body = render(message, ChannelName.SMS)["body"]
    offered = [line.split(" = ")[0] for line in body.split("\n") if line.startswith("K7QP ") and " = " in line]
    understood = {understand(text).verb for text in offered}
    assert understood == {"accept", "decline", "arrived", "done", "choose", "reject", "answer"}
    assert numbered(message) == ["approve:a"]


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_language_has_every_word(file: Path) -> None:
    assert set(words(file.stem)) == set(words("en"))
    assert isinstance(yaml.safe_load(file.read_text("utf-8")), dict)


def test_every_reply_is_a_sentence_on_every_channel() -> None:
    for key in words("en"):
        if key.startswith("replies."):
            reply = filled("x").model_copy(
                update={"kind": MessageKind.REPLY, "reply_code": key.removeprefix("replies.")}
            )
            assert render(reply, ChannelName.SMS)["body"].strip()
            assert render(reply, ChannelName.SLACK)["blocks"]


def test_unknown_reply_is_an_error_not_silence() -> None:
    with pytest.raises(ConfigError, match=r"replies\.nonsense"):
        render(filled("x").model_copy(update={"kind": MessageKind.REPLY, "reply_code": "nonsense"}), ChannelName.SMS)


def test_nearest_override_wins_and_replies_keep_the_default(tmp_path: Path) -> None:
    (tmp_path / "sms").mkdir()
    (tmp_path / "sms" / "breakdown.j2").write_text("all of {{ definition }}")
    (tmp_path / "sms" / "breakdown.repair.j2").write_text("only {{ step }}\n---\n{{ values.torque }} Nm")
    message = filled("x").model_copy(update={"step": "repair", "values": {"torque": 40.0}})
    reply = message.model_copy(update={"kind": MessageKind.REPLY, "reply_code": "received"})
    other = message.model_copy(update={"step": "other"})
    assert render(message, ChannelName.SMS, tmp_path)["body"] == "only repair\n40 Nm"
    assert render(other, ChannelName.SMS, tmp_path)["body"] == "all of breakdown"
    assert render(reply, ChannelName.SMS, tmp_path)["body"].startswith("K7QP: Received.")


@pytest.mark.parametrize(
    "source", ["", '{"blocks": []}', '{"text": "a"} {"type": ', "hello", '{"text": "{{ nothing }}"}', "{% for %}"]
)
def test_broken_override_names_itself(tmp_path: Path, source: str) -> None:
    (tmp_path / "slack").mkdir()
    (tmp_path / "slack" / "breakdown.j2").write_text(source)
    with pytest.raises(ConfigError):
        render(filled("x"), ChannelName.SLACK, tmp_path)


def test_override_is_escaped_without_asking(tmp_path: Path) -> None:
    (tmp_path / "slack").mkdir()
    (tmp_path / "slack" / "breakdown.j2").write_text(
        '{"text": "{{ title }}"} {"type": "divider", "x": {{ facts | tojson }}}'
    )
    payload = render(filled('<!channel> "x'), ChannelName.SLACK, tmp_path)
    assert payload["text"] == '&lt;!channel&gt; "x'
    assert "<" not in json.dumps(payload)


@pytest.mark.parametrize(
    "text, count",
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("ж" * 134, 2),
        ("ж" * 135, 3),
    ],
)
def test_segments(text: str, count: int) -> None:
    assert segments(text) == count


@given(st.text(alphabet="a€ж😀^", max_size=500), st.integers(1, 3))
def test_clipped_text_fits_and_is_cut_only_when_it_must(text: str, count: int) -> None:
    cut = clip(text, count)
    assert text.startswith(cut)
    assert segments(cut) <= count
    assert (cut == text) == (segments(text) <= count)


@pytest.mark.parametrize(
    "text, plain",
    [
        ("“it’s” – done…", '"it\'s" - done...'),
        ("a\u00a0b\u200bc", "a bc"),
        ("Dvořák, žluťoučký kůň", "Dvorák, zlutoucky kun".replace("á", "a")),
        ("äöüßñ éèà", "äöüßñ éèà"),
        ("Москва", "Москва"),
        ("10 × 2 → 20 °C", "10 x 2 -> 20  deg C"),
    ],
)
def test_normalised_to_gsm_where_nothing_is_lost(text: str, plain: str) -> None:
    assert normalise(text) == plain


def test_a_previews_times_are_the_readers_and_what_was_decided_on_stays() -> None:
    """Shown in the site's zone, to the second where the minute would say that nothing changes; all else as it was."""
    at = [Change(record="JO-1", field="end", before="2026-11-22T19:39:00Z", after="2026-11-22T19:39:30Z")]
    odd = [Change(record="JO-1", field="n", before="11", after=text) for text in ("20261122", "2026-11-22", "THEN T")]
    option = OptionCard(id="a", title="A", preview=OptionPreview(changes=at + odd, total=4))
    message = filled("plan").model_copy(update={"options": [option], "times": {"zone": "Europe/Prague"}})
    told = scope_of(message)["options"][0]["preview"]["changes"]
    assert (told[0]["before"], told[0]["after"]) == ("22 Nov 20:39:00", "22 Nov 20:39:30")
    assert [one["after"] for one in told[1:]] == ["20261122", "2026-11-22", "THEN T"]
    assert snapshot(message)["options"][0]["preview"]["changes"][0]["after"] == "2026-11-22T19:39:30Z"
