"""The shipped definitions' messages, by definition, step, channel and language, as files that people can read.

After a wanted change: python -m tests.templates.shipped
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from domain.asking.messages import Message
from domain.language.texts import SHIPPED
from domain.rosters.people import ChannelName
from domain.values import Json
from templates.gsm import segments
from templates.render import MAX_SEGMENTS, render
from templates.text import render_text
from tests.templates.shipped import FOLDER, messages, page

DEFINITIONS = Path(__file__).parents[2] / "workflows" / "definitions"
MESSAGES = {f"{definition}.{step}": message for definition, step, message in messages()}


@pytest.mark.parametrize("language", SHIPPED)
@pytest.mark.parametrize("name", MESSAGES)
def test_golden_shipped(name: str, language: str) -> None:
    assert page(MESSAGES[name], language) == (FOLDER / f"{name}.{language}.txt").read_text("utf-8")


def test_no_shipped_golden_without_a_message() -> None:
    assert {file.name for file in FOLDER.iterdir()} == {f"{name}.{one}.txt" for name in MESSAGES for one in SHIPPED}


@pytest.mark.parametrize("name", MESSAGES)
def test_every_language_says_it_in_its_own_words_within_three_segments(name: str) -> None:
    bodies = {language: render(MESSAGES[name].read_by(language), ChannelName.SMS)["body"] for language in SHIPPED}
    assert len(set(bodies.values())) == len(SHIPPED)
    assert max(segments(body) for body in bodies.values()) <= MAX_SEGMENTS


@pytest.mark.parametrize("message", [one for one in MESSAGES.values() if one.task], ids=lambda one: one.step)
def test_whoever_is_asked_reads_until_when_and_what_silence_leads_to(message: Message) -> None:
    text = render(message.read_by("de"), ChannelName.EMAIL)["text"]
    assert "Antwort bis 22.11. 14:35." in text
    assert "Sonst: " in text


def test_a_rush_order_without_a_time_asks_nothing_about_one() -> None:
    """No machine can make it: the titles say so, and don't read `promise ??`."""
    said: set[str] = set()
    for text in _texts(yaml.safe_load((DEFINITIONS / "rush_order.yaml").read_text("utf-8"))):
        if "slot.planned" in text and "{%" in text:
            slot = {"planned_start": "", "planned_end": ""}
            scope = {"signal": {"sale": "SO-1", "quantity": 1, "material": "GS-40"}, "slot": slot, "site": {}}
            said.add(render_text(text, scope))
    assert len(said) == 3 * len(SHIPPED) - 3, "the material's text without a start is the same in all languages"
    assert not [text for text in said if "??" in text or " ?" in text or " , " in text]


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)
