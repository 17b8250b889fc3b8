"""Which recorded signals open and join, how people answer again, and what the budget says; recordings made up here."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from activities.contracts.model import OpeningSignal
from authoring.replay import comparing, rendering, running
from authoring.replay.answering import Model
from authoring.replay.console import Bounds, Wanted, compare
from authoring.replay.load import loads, most_within
from authoring.replay.model import Answer, Asked, Case, Fact, History, Place, Recorded, Recording
from bench import month
from domain.language.definition import Definition
from domain.language.definition_text import load
from domain.rosters.people import Roster
from domain.site import Site

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "infra" / "demo" / "site"
START = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
PLACE = Place(
    Site.model_validate(yaml.safe_load((SITE / "site.yaml").read_text())),
    Roster.model_validate(yaml.safe_load((SITE / "people.yaml").read_text())),
)
SIMPLE = """
definition: stop
title: "{{ equipment.title }} stopped"
owner: maintenance_lead
opens:
  on: [machine.state]
  when: signal.state == 'aborted'
  one_per: [signal.equipment]
steps:
  - task: repair
    to: {role: maintenance_technician, person: jonas}
    buttons: [done]
    within: 8h
    ladder: [{to: {role: maintenance_lead}, after: 5m}]
"""
_PERSON = "to: {role: maintenance_technician, person: jonas}"


def definition(*changes: tuple[str, str], text: str = SIMPLE) -> Definition:
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return load(text)


def signal(seq: int, minute: float, state: str, unit: str = "lathe-1", **more: Any) -> Recorded:
    at = START + timedelta(minutes=minute)
    facts = {"equipment": unit, "subject": unit, "state": state, "unit_mode": 1, "planned_stop": False}
    facts |= {"packml": 9, "stop_code": None, "stop_reason": None, "blocked": None, "starved": None}
    told = OpeningSignal(
        seq=seq, type="machine.state", subject=unit, equipment=unit, occurred_at=at, received_at=at, facts=facts
    )
    return Recorded(told, **more)


def recording(*signals: Recorded, **more: Any) -> Recording:
    return Recording("stop", START, START + timedelta(days=3), signals, **more)


def cases(of: Definition, what: Recording, **model: Any) -> tuple[Case, ...]:
    side = running.replay(of, what, PLACE, label="x", model=Model(**model))
    assert not side.problems
    return side.cases


def answer(minute: float, verb: str, person: str = "jonas", **more: Any) -> Answer:
    return Answer("repair", person, verb, START + timedelta(minutes=minute), **more)


def history(*answers: Answer, asked: tuple[str, ...] = ("jonas",), **more: Any) -> Mapping[str, History]:
    pages = tuple(Asked(START, person, "repair", "task") for person in asked)
    return {"e1": History(pages, answers, **more)}


DONE_AFTER_20 = history(answer(3, "accept"), answer(20, "done"))


def test_signals_of_a_key_join_while_it_is_open_and_open_the_next_one_after() -> None:
    states = [signal(1, 0, "aborted", exception="e1"), signal(2, 10, "running"), signal(3, 15, "aborted")]
    later = [signal(4, 30, "aborted"), signal(5, 31, "aborted", unit="mill-1")]
    found = cases(definition(), recording(*states, *later, histories=DONE_AFTER_20))
    assert [case.signals for case in found] == [(1, 2, 3), (4,), (5,)]
    assert [case.key for case in found] == ["lathe-1", "lathe-1", "mill-1"]
    assert found[0].closed_at == START + timedelta(minutes=20)


def test_an_on_delay_opens_at_its_end_unless_it_clears_before() -> None:
    slow = definition(("one_per: [signal.equipment]", "one_per: [signal.equipment]\n  settle: 2m"))
    what = recording(
        *(signal(1, 0, "aborted"), signal(2, 1, "running"), signal(3, 5, "aborted"), signal(4, 6, "aborted")),
        *(signal(5, 9, "running"), signal(6, 30, "aborted", unit="mill-1")),
    )
    first, second = cases(slow, what)
    assert (first.signals, first.opened_at) == ((3, 4, 5), START + timedelta(minutes=7))
    assert (second.signals, second.opened_at) == ((6,), START + timedelta(minutes=32))


def test_more_signals_than_are_offered_at_first_all_join() -> None:
    many = [signal(1, 0, "aborted"), *(signal(n, n / 10, "aborted") for n in range(2, 300))]
    (found,) = cases(definition(), recording(*many))
    assert len(found.signals) == 299


def test_a_signal_of_another_definitions_exception_stays_there() -> None:
    what = recording(
        signal(1, 0, "aborted", may_open=False), signal(2, 5, "aborted"), signal(3, 6, "running", may_join=False)
    )
    (found,) = cases(definition(), what)
    assert found.signals == (2,)


def test_nobody_comes_before_safety() -> None:
    safe = definition(("one_per: [signal.equipment]", "one_per: [signal.equipment]\n  safety: true"))
    what = recording(signal(1, 0, "aborted", may_open=False, may_join=False), signal(2, 5, "running", may_join=False))
    (found,) = cases(safe, what)
    assert found.signals == (1,)


def test_a_parent_takes_what_it_opened_first() -> None:
    under = definition(
        (
            "one_per: [signal.equipment]",
            "one_per: [signal.equipment]\n  under: [{definition: line, key: equipment.area}]",
        )
    )
    open_ten_minutes = {("line", "machining"): ((START, START + timedelta(minutes=10)),)}
    what = recording(
        signal(1, 5, "aborted"), signal(2, 6, "running"), signal(3, 15, "aborted"), parents=open_ten_minutes
    )
    (found,) = cases(under, what)
    assert found.signals == (3,)


def test_what_the_shadow_made_of_a_signal_counts() -> None:
    what = recording(signal(1, 0, "aborted", key="seen", held=False), signal(2, 5, "idle", key="seen", held=True))
    (found,) = cases(definition(), what)
    assert (found.key, found.signals) == ("seen", (2,))


def test_people_answer_as_they_did_as_long_after_the_page() -> None:
    """With an on-delay everybody is asked later, and answers later."""
    slow = definition(("one_per: [signal.equipment]", "one_per: [signal.equipment]\n  settle: 10m"))
    (found,) = cases(slow, recording(signal(1, 0, "aborted", exception="e1"), histories=DONE_AFTER_20))
    assert found.closed_at == START + timedelta(minutes=30)
    assert found.answered == ("recorded",)
    assert [made.person for made in found.pages] == ["jonas"]  # it took him 3 minutes: nobody climbed the ladder


def test_who_did_not_answer_then_does_not_answer_now() -> None:
    (found,) = cases(definition(), recording(signal(1, 0, "aborted", exception="e1"), histories=history()))
    assert found.answered == ("silent", "model")  # piotr of the ladder was not asked then
    assert found.closed_at == START + timedelta(minutes=5 + 4 + 30)


def test_who_was_too_late_then_does_the_task_when_nobody_else_is_asked() -> None:
    """Then Amira was quicker; now only Jonas is asked, and does what the median says after he accepted."""
    told = history(
        *(answer(2, "accept", "amira"), answer(4, "accept", taken=False), answer(42, "done", "amira")),
        asked=("jonas", "amira"),
    )
    (found,) = cases(definition(), recording(signal(1, 0, "aborted", exception="e1"), histories=told))
    assert found.closed_at == START + timedelta(minutes=4 + 40)


def test_the_model_is_stated_and_can_be_silent() -> None:
    what = recording(signal(1, 0, "aborted"))
    (quick,) = cases(definition(), what, reaction=timedelta(minutes=1), work=timedelta(minutes=2))
    assert quick.closed_at == START + timedelta(minutes=3)
    (silent,) = cases(definition(), what, silent=True)
    assert silent.closed_at == START + timedelta(hours=8)
    assert set(silent.answered) == {"silent"}


def test_context_and_options_are_those_of_then() -> None:
    text = (ROOT / "workflows" / "definitions" / "breakdown.yaml").read_text()
    what = recording(replace(signal(1, 0, "aborted"), exception="e1"))
    (bare,) = cases(load(text), what)
    assert bare.unplanned
    assert "plan_decision" not in [page.task for page in bare.pages]
    (dispatch,) = [{"job_order": "JO-1", "seq": 1, "work_unit": "lathe-1", "sequence": 1}]
    times = {"planned_start": "2026-11-02T12:00:00Z", "planned_end": "2026-11-02T13:00:00Z"}
    option = {"id": "push", "title": "Push", "figures": [], "orders": [{"job_order": "JO-1", **times}]}
    plan = {
        "options": [option | {"dispatch": [dispatch | times]}],
        "orders": ["JO-1"],
        "late_orders": [],
        "staging": [],
    }
    facts = (
        Fact("planning.push_right", "", plan | {"version": "1", "down_for": "1h"}),
        Fact("mes.job_orders", "", [{"id": "JO-1"}]),
    )
    (planned,) = cases(load(text), replace(what, histories={"e1": History(facts=facts)}))
    assert not planned.unplanned
    assert ("plan_decision", "approved", "push") in [(d.task, d.verdict, d.option) for d in planned.decisions]
    assert "reschedule_orders" in [posted.outcomes for posted in planned.postings]


def test_agents_answer_what_they_answered_then() -> None:
    """Without a record there is no proposal, and nobody is asked anew."""
    asks = """\
  - agent: likely
    use: history
    goal: Which cause?
    given: {machine: =equipment.id}
    returns: {cause: {choices: [belt, power]}}
    within: 10s
    otherwise: {cause: power}
  - if: likely.cause == 'belt'
    then: [{notify: belt_told, to: {person: jonas, shift: any}, text: "{{ likely.cause }}"}]
"""
    asking = load(SIMPLE.replace("steps:\n", f"steps:\n{asks}"))
    what = recording(replace(signal(1, 0, "aborted"), exception="e1"))
    (bare,) = cases(asking, what)
    assert "belt_told" not in [page.task for page in bare.pages]
    where = Fact.asked({"step": "likely", "given": {"machine": "lathe-1"}})
    fact = Fact("agent.history", where, {"why": "", "values": {"cause": "belt"}, "model": "history/1"})
    (known,) = cases(asking, replace(what, histories={"e1": History(facts=(fact,))}))
    assert "belt_told" in [page.task for page in known.pages]


def test_what_comes_after_the_window_is_left_out() -> None:
    what = replace(recording(signal(1, 0, "aborted")), until=START + timedelta(minutes=10))
    (found,) = cases(definition(), what)
    assert (found.closed_at, found.ending) == (None, "open")
    assert all(page.at <= what.until for page in found.pages)


def test_a_key_that_cannot_be_told_is_a_problem_not_an_end() -> None:
    wrong = definition(("one_per: [signal.equipment]", "one_per: ['string(1 / (signal.packml - 9))']"))
    side = running.replay(wrong, recording(signal(1, 0, "aborted")), PLACE, label="x")
    assert (len(side.cases), sum(side.problems.values())) == (0, 1)


def test_two_processes_tell_what_one_tells(tmp_path: Path) -> None:
    from authoring.replay import reading

    month.write(tmp_path / "m.jsonl", 60, machines=10)
    place = Place(month.site(10), month.roster())
    what = reading.read(tmp_path / "m.jsonl", place.site, "breakdown")
    own = load((ROOT / "workflows" / "definitions" / "breakdown.yaml").read_text())
    alone = running.replay(own, what, place, label="x")
    with running.crew(2) as pool:
        both = running.replay(own, what, place, label="x", effort=running.Effort(2, pool))
    assert len(alone.cases) > 20
    assert both.cases == alone.cases


def test_load_against_the_alarm_budget() -> None:
    def case(*minutes: float) -> Case:
        pages = tuple(Asked(START + timedelta(minutes=at), "jonas", "repair", "task") for at in minutes)
        return Case("k", START, START, None, "open", (1,), pages=pages)

    (calm,) = loads([case(0, 20), case(70)]).values()
    assert (calm.pages, calm.hours, calm.hour, calm.ten_minutes, calm.over) == (3, 2, 2, 1, False)
    (flooded,) = loads([case(*(n / 2 for n in range(12))), case(*(120 + n / 2 for n in range(11)))]).values()
    assert (flooded.ten_minutes, flooded.floods, flooded.over) == (12, 2, True)
    (busy,) = loads([case(*(n * 8 for n in range(7)))]).values()
    assert (busy.hours_over, busy.average, busy.over) == (1, 7.0, True)
    edge = [START, START + timedelta(minutes=10)]
    assert most_within(edge, timedelta(minutes=10)) == 1


def test_the_report_names_what_differs() -> None:
    states = [signal(1, 0, "aborted", exception="e1"), signal(2, 1, "running"), signal(3, 60, "aborted", unit="mill-1")]
    what = recording(*states, histories=DONE_AFTER_20)
    slow = definition(("one_per: [signal.equipment]", "one_per: [signal.equipment]\n  settle: 2m"))
    wanted = Wanted((slow, "v2"), (definition(), "v1"))
    report = compare(wanted, what, PLACE, START, Bounds())
    told = {name: value for name, value in report["exceptions"].items() if not name.endswith("_list")}
    assert told == {"before": 2, "after": 1, "both": 1, "only_before": 1, "only_after": 0}
    assert report["exceptions"]["only_before_list"][0]["key"] == "lathe-1"
    assert report["first_page"]["after"]["median_s"] == 120
    assert {row["person"]: row["difference"] for row in report["people"]} == {"jonas": -1}
    assert report["changes"] == ["opens.settle: 0 s becomes 2 min"]
    text, html = rendering.text(report), rendering.html(report)
    assert "exceptions opened" in text
    assert "opens.settle: 0 s becomes 2 min" in html
    assert "http" not in html


def test_bounds_say_what_they_left_out() -> None:
    what = recording(
        signal(1, 0, "aborted"), signal(2, 0, "aborted", unit="mill-1"), signal(3, 0, "aborted", unit="mill-2")
    )
    report = compare(Wanted((definition(), "v1")), replace(what, happened=()), PLACE, START, Bounds(exceptions=1))
    assert report["sides"]["after"]["signals_not_looked_at"] == 2
    assert "2 signals were not replayed" in " ".join(rendering.notes(report))


def test_what_authors_and_people_write_stays_text_in_the_page() -> None:
    nasty = "<script>alert(1)</script>"
    side = running.Side(nasty, (Case(nasty, START, START, None, nasty, (1,)),))
    about = comparing.About(nasty, START, Model(), [nasty])
    html = rendering.html(comparing.report(side, side, recording(), PLACE, about))
    assert "<script" not in html


@pytest.mark.parametrize("kind", ["decline", "accept"])
def test_a_decline_is_replayed_too(kind: str) -> None:
    told = history(answer(1, kind), *([answer(9, "done")] if kind == "accept" else []))
    (found,) = cases(definition(), recording(signal(1, 0, "aborted", exception="e1"), histories=told))
    assert ("piotr" in [page.person for page in found.pages]) == (kind == "decline")
