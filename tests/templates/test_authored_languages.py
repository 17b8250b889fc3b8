"""One authored message, read by people of several languages, and what a decision on it is bound to."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from activities.compose import Composer
from activities.contracts.asking import Silence
from activities.contracts.model import TellRequest, Wording
from activities.contracts.story import Projection
from authoring.check import check
from domain.asking.messages import Choice, Message, OptionCard
from domain.authority.signing import shown_hash
from domain.language.definition_text import DefinitionError, load
from domain.rosters.people import ChannelName, Selector
from templates.render import render

WORDING = Wording.model_validate(
    {
        "definition": "hold",
        "step": "decide",
        "title": {"en": "Lot {{ lot }}", "pl": "Partia {{ lot }}"},
        "text": "Since {{ at | local_time }}, {{ value }} mm",
        "facts": {"where": {"label": {"en": "Where", "de": "Wo"}, "value": "Hall 2"}, "Plain": "x"},
        "gaps": [],
        "scope": {"lot": "L-1", "at": "2026-11-22T13:05:00Z", "value": 40.25, "site": {"timezone": "Europe/Prague"}},
        "priority": "high",
    }
)
OPTION = OptionCard.model_validate({"id": "scrap", "title": {"en": "Scrap", "pl": "Złomować"}, "summary": "s"})


def asked(site_language: str = "en", wording: Wording = WORDING) -> Message:
    request = TellRequest(
        task_id="tsk_1",
        name="decide",
        kind="approve",
        selector=Selector(role="quality_manager"),
        wording=wording,
        options=[OPTION],
        choices=[Choice(verb="approve:scrap", label=OPTION.title), Choice(verb="reject")],
        deadline_at=datetime(2026, 11, 22, 14, 0, tzinfo=UTC),
        silence=Silence(code="next", role="plant_manager", at=datetime(2026, 11, 22, 13, 30, tzinfo=UTC)),
        projection=Projection(exception_id="exc_1", rev=1, handling="open", condition="active"),
    )
    return Composer("https://mos.example.com", ZoneInfo("Europe/Prague"), "exc_1", site_language).asked(request, "K7QP")


@pytest.mark.parametrize(
    "reader, title, label, button",
    [
        ("en", "Lot L-1", "Where", "Scrap"),
        ("pl", "Partia L-1", "Where", "Złomować"),
        ("de-AT", "Lot L-1", "Wo", "Scrap"),
        ("fr", "Lot L-1", "Where", "Scrap"),
    ],
)
def test_each_reader_gets_what_is_written_in_their_language(reader: str, title: str, label: str, button: str) -> None:
    read = asked().read_by(reader)
    assert (read.title, read.facts[0].label, read.choices[0].label) == (title, label, button)
    assert read.options[0].title == button


def test_a_language_that_is_missing_falls_back_to_the_sites() -> None:
    assert asked("pl").read_by("de").title == "Partia L-1"
    assert asked("pl").read_by("fr").title == "Partia L-1"


@pytest.mark.parametrize(
    "reader, time, number, deadline",
    [
        ("en", "22 Nov 14:05", "40.25", "22 Nov 15:00"),
        ("pl", "22.11 14:05", "40,25", "22.11 15:00"),
        ("de", "22.11. 14:05", "40,25", "22.11. 15:00"),
    ],
)
def test_times_and_numbers_are_the_readers(reader: str, time: str, number: str, deadline: str) -> None:
    read = asked().read_by(reader)
    assert (read.body, read.deadline) == ([f"Since {time}, {number} mm"], deadline)


def test_what_silence_leads_to_is_said_in_the_readers_words() -> None:
    body = render(asked().read_by("de"), ChannelName.EMAIL)["text"]
    assert "Sonst: ab 22.11. 14:30 wird auch gefragt: Werksleitung." in body


def test_c20_one_hash_covers_every_language() -> None:
    """What is kept is the same whoever reads it, and other words in any one language are another decision."""
    other = WORDING.model_copy(update={"title": {"en": "Lot {{ lot }}", "pl": "Inna {{ lot }}"}})
    assert asked().read_by("en").title == asked(wording=other).read_by("en").title
    assert shown_hash(asked()) == shown_hash(asked())
    assert shown_hash(asked()) != shown_hash(asked(wording=other))


def test_a_kept_message_reads_the_same_after_it_was_stored() -> None:
    kept = Message.model_validate(asked().model_dump(mode="json"))
    assert kept.read_by("pl") == asked().read_by("pl")
    assert shown_hash(kept) == shown_hash(asked())


DOCUMENT = """
definition: leak
title: {en: "Leak", de: "Leck"}
owner: planner
opens: {on: [operator.report], one_per: [signal.subject]}
steps:
  - task: look
    to: {role: planner}
    title: {en: "Look at {{ signal.text }}", de: "Sehen Sie {{ %s }} an"}
    ask: {found: {kind: choice, choices: [a, b], words: {a: {en: A, de: Ah}}}}
"""


def test_every_language_is_checked_and_the_fault_stands_at_its_place() -> None:
    found = [one for one in check(DOCUMENT % "signal.txet") if one.severity == "error"]
    assert [(one.line, "txet" in one.message) for one in found] == [(9, True)]


def test_check_warns_of_a_language_that_is_not_written() -> None:
    warned = [one for one in check(DOCUMENT % "signal.text") if one.code == "mos.text.language"]
    assert {one.line for one in warned} == {3, 9, 10}
    assert all("es, pl" in one.message and one.severity == "warning" for one in warned)


@pytest.mark.parametrize("words", ["{c: C}", "{a: {english: A}}", "{a: {}}"])
def test_words_of_no_choice_and_names_of_no_language_are_refused(words: str) -> None:
    with pytest.raises(DefinitionError):
        load((DOCUMENT % "signal.text").replace("{a: {en: A, de: Ah}}", words))
