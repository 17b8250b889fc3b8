"""The shipped definitions' messages, by definition, step, channel and language, as files that people can read.

After a wanted change: python -m tests.templates.shipped
"""

import pytest

from domain.asking.messages import Message
from domain.language.texts import SHIPPED
from domain.rosters.people import ChannelName
from templates.gsm import segments
from templates.render import MAX_SEGMENTS, render
from tests.templates.shipped import FOLDER, messages, page

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
