"""Four languages ship, with the same keys and values in each; what a text message says to write is understood."""

import re

import pytest

from connectors.twilio.understanding import fold, understand
from domain.asking.answer_words import ANSWERS, HELP, START, STOP
from templates.words import FOLDER, say, words

SHIPPED = ("de", "en", "es", "pl")
_VALUE = re.compile(r"{{\s*(\w+)")
_CAPITALS = re.compile(r"\b[A-ZÄÖÜÓŻŹĆŁŚ]{2,}\b")
OFFERED = {
    "accept": "accept",
    "decline": "decline",
    "arrived": "arrived",
    "done": "done",
    "done_cause": "done",
    "estimate": "answer",
    "reject": "reject",
    "approve": "choose",
}


def test_the_languages_that_ship() -> None:
    assert sorted(file.stem for file in FOLDER.glob("*.yaml")) == list(SHIPPED) == sorted(ANSWERS)


@pytest.mark.parametrize("language", SHIPPED)
def test_every_sentence_names_the_same_values(language: str) -> None:
    english, found = words("en"), words(language)
    assert {key: set(_VALUE.findall(text)) for key, text in found.items()} == {
        key: set(_VALUE.findall(text)) for key, text in english.items()
    }


@pytest.mark.parametrize("language", SHIPPED)
@pytest.mark.parametrize("key, verb", OFFERED.items())
def test_what_a_text_offers_is_understood(key: str, verb: str, language: str) -> None:
    line = say(language, f"sms.{key}", {"code": "K7QP", "n": 2, "label": "Riemen", "title": "Plan"})
    found = understand(line.partition(" = ")[0])
    assert (found.code, found.verb) == ("K7QP", verb)


@pytest.mark.parametrize("language", SHIPPED)
@pytest.mark.parametrize("key", ["accept", "decline", "arrived", "done", "answer", "reject"])
def test_the_short_form_is_the_same_word(key: str, language: str) -> None:
    assert understand(f"K7QP {words(language)[f'sms_words.{key}']}").verb == key


@pytest.mark.parametrize("language", SHIPPED)
def test_every_word_of_the_help_is_one_that_is_understood(language: str) -> None:
    named = {fold(word) for word in _CAPITALS.findall(words(language)["replies.help"])}
    assert len(named) >= 10
    assert not named - set(ANSWERS[language])


@pytest.mark.parametrize("language", SHIPPED)
def test_no_offered_word_is_one_that_the_vendor_acts_on(language: str) -> None:
    offered = [text for key, text in words(language).items() if key.startswith(("sms", "replies.help"))]
    named = {fold(word) for text in offered for word in _CAPITALS.findall(text)}
    assert not named & (STOP | START | HELP)
