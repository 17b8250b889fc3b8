"""People: who can be reached when, who may decide, are they enough; and what the connected systems take."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authoring.check import Finding, SiteFacts, check, connected
from authoring.check.hours import Hours
from domain.rosters.people import Roster, Selector, select
from domain.site import Site

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)  # a Sunday
SHIFTS = [
    {"name": "early", "start": "06:00", "end": "14:00", "weekdays": [0, 1, 2, 3, 4]},
    {"name": "night", "start": "22:00", "end": "06:00", "weekdays": [0, 1, 2, 3, 6]},
    {"name": "whole", "start": "00:00", "end": "00:00"},
]
SITE = Site.model_validate(
    {
        "enterprise": "e",
        "site": "s",
        "title": "S",
        "timezone": "Europe/Prague",
        "equipment": [
            {"id": "hall", "title": "Hall", "level": "area"},
            {"id": "yard", "title": "Yard", "level": "area"},
            {"id": "lathe", "title": "Lathe", "level": "work_unit", "parent": "hall", "skill": "turning"},
            {"id": "mill", "title": "Mill", "level": "work_unit", "parent": "hall", "skill": "milling"},
            {"id": "saw", "title": "Saw", "level": "work_unit", "parent": "yard", "skill": "sawing"},
        ],
    }
)
SYSTEMS = connected([{"role": "erp", "kind": "tryton"}, {"role": "mes", "kind": "mes_http"}])
TEXT = """\
definition: leak
title: Leak
owner: lead
opens: {on: [machine.state], one_per: [signal.equipment]}
steps:
  - approve: stop
    to: {role: technician, skill: =equipment.skill, area: =equipment.area}
    options: [{id: now, title: Now}]
    authority: stop_machines
    within: 30m
    ladder: [{to: {role: lead}, after: 5m}]
  - post: held
    to: erp
    decision: stop
    outcomes: [{set_order_status: {job_orders: [JO-1], status: held}}]
"""
HELD = "set_order_status: {job_orders: [JO-1], status: held}"


def person(name: str, role: str, **more: Any) -> dict[str, Any]:
    contacts = [{"channel": "slack", "address": f"U{name}"}]
    told = {"id": name, "name": name.title(), "roles": [role], "shifts": ["whole"], "contacts": contacts}
    return told | {"authorities": ["stop_machines"]} | more


def facts(*people: dict[str, Any], **more: Any) -> SiteFacts:
    roster = Roster.model_validate({"shifts": SHIFTS, "people": list(people)})
    return SiteFacts(SITE, roster, NOW, SYSTEMS, **more)


LEAD = person("lea", "lead")
TURNER = person("tim", "technician")
PLANS = {"authorities": ["stop_machines", "reschedule"]}


def found(text: str, *people: dict[str, Any], **more: Any) -> list[Finding]:
    return check(text, "leak.yaml", facts(*people, **more))


def codes(text: str, *people: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one.code.rpartition(".")[2], one.severity) for one in found(text, *people)]


def test_nothing_is_said_where_somebody_is_always_there() -> None:
    assert found(TEXT, LEAD, TURNER) == []


def test_hours_without_anybody_are_told_by_machine_and_day() -> None:
    alone = TEXT.replace("    ladder: [{to: {role: lead}, after: 5m}]\n", "    on_timeout: escalate\n")
    early = person("tim", "technician", skills=["turning"], shifts=["early"])
    rest = person("ria", "technician", skills=["milling", "sawing"])
    (gap,) = [one for one in found(alone, LEAD, early, rest) if one.code == "mos.people.gap"]
    assert (gap.line, gap.severity) == (7, "warning")
    assert "role technician, skill turning in area hall (lathe)" in gap.message
    assert "Mon-Thu 14:00-06:00" in gap.message
    assert "Fri 14:00-Mon 06:00" in gap.message
    assert "first gap 2026-11-22 10:00" in gap.message


def test_hours_that_the_ladder_covers_are_only_noted() -> None:
    early = person("tim", "technician", shifts=["early"])
    assert {(one.code, one.severity) for one in found(TEXT, LEAD, early)} == {("mos.people.gap", "note")}


@pytest.mark.parametrize(
    "change, severity",
    [
        ({"skills": ["milling", "sawing"]}, "warning"),  # nobody for the lathe, but the ladder is there
        ({"areas": ["hall"]}, "warning"),
        ({"contacts": []}, "warning"),
        ({"active": False}, "warning"),
    ],
)
def test_nobody_at_any_hour(change: dict[str, Any], severity: str) -> None:
    with_ladder = found(TEXT, LEAD, TURNER | change)
    assert "mos.people.nobody" in {one.code for one in with_ladder if one.severity == severity}
    alone = TEXT.replace("    ladder: [{to: {role: lead}, after: 5m}]\n", "")
    assert "mos.people.nobody" in {one.code for one in found(alone, LEAD, TURNER | change) if one.severity == "error"}


def test_the_owner_must_be_somebody() -> None:
    (gone,) = [one for one in found(TEXT, TURNER) if one.line == 3]
    assert (gone.code, gone.severity) == ("mos.people.nobody", "error")


def test_a_role_that_nobody_has_gets_the_nearest() -> None:
    asked = TEXT.replace("owner: lead", "owner: laed").replace("role: technician", "role: technican")
    advice = {one.suggestion for one in found(asked, LEAD, TURNER) if one.code == "mos.people.nobody"}
    for role in ("lead", "technician"):
        assert f"did you mean the role '{role}'? Else give somebody on the roster what is asked for" in str(advice)


def test_channels_that_are_not_connected_reach_nobody() -> None:
    assert found(TEXT, LEAD, TURNER, channels=frozenset({"slack"})) == []
    assert "mos.people.nobody" in {one.code for one in found(TEXT, LEAD, TURNER, channels=frozenset({"sms"}))}


def test_only_machines_for_which_it_opens_count() -> None:
    narrow = TEXT.replace("{on: [machine.state],", "{on: [machine.state], when: equipment.area == 'hall',")
    here = person("tim", "technician", areas=["hall"])
    assert [one for one in found(narrow, LEAD, here) if "saw" in one.message] == []
    assert [one for one in found(TEXT, LEAD, here) if "saw" in one.message]


def test_a_certificate_that_ends() -> None:
    certified = TEXT.replace("skill: =equipment.skill,", "certificate: forklift,")
    certified = certified.replace("ladder: [{to: {role: lead}", "ladder: [{to: {role: nobody}")
    until = {"certificates": [{"name": "forklift", "until": "2026-12-05"}]}
    gaps = [one for one in found(certified, LEAD, TURNER | until) if one.code == "mos.people.gap"]
    assert "from Sun 2026-12-06 00:00 on; first gap 2026-12-06 00:00" in gaps[0].message


def test_authority_quorum_and_four_eyes() -> None:
    nobody: dict[str, Any] = {"authorities": []}
    assert ("authority", "error") in codes(TEXT, LEAD | nobody, TURNER | nobody)
    assert ("authority", "warning") in codes(TEXT, LEAD, TURNER | nobody)
    two = TEXT.replace("    within: 30m", "    quorum: 2\n    within: 30m")
    assert codes(two, LEAD, TURNER) == []
    assert ("quorum", "error") in codes(two, LEAD, TURNER | nobody)
    task = "  - task: look\n    to: {role: technician}\n    authority: stop_machines\n"
    eyes = TEXT.replace("steps:\n", f"steps:\n{task}").replace("    within: 30m", "    not_by: [look]\n    within: 30m")
    assert ("four_eyes", "error") in codes(eyes, LEAD | nobody, TURNER)
    assert codes(eyes, LEAD, TURNER) == []


def test_what_is_booked_is_under_an_authority_of_those_who_decide() -> None:
    """What is protective may stand under a standing authority: it needs no more than the decision."""
    scraps = TEXT.replace(HELD, "dispose_lot: {lot: L, disposition: scrap}")
    (told,) = [one for one in found(scraps, LEAD, TURNER) if one.code == "mos.post.authority"]
    assert told.severity == "warning"
    assert told.message.endswith(
        " may decide 'stop_machines' and so book dispose_lot, which is under 'disposition': not theirs"
    )
    both = {"authorities": ["stop_machines", "disposition"]}
    assert "not theirs" not in str(found(scraps, LEAD | both, TURNER | both))
    assert "not theirs" not in str(found(TEXT, LEAD, TURNER))


@pytest.mark.parametrize(
    "old, new, says",
    [
        ("to: erp", "to: mes", ""),
        (HELD, "update_dispatch_list: {entries: []}", "books no 'update_dispatch_list'"),
        (HELD, "hold_lot: {lot: L, reason: r}", ""),
    ],
)
def test_postings_that_the_systems_take(old: str, new: str, says: str) -> None:
    findings = found(TEXT.replace(old, new), LEAD | PLANS, TURNER | PLANS)
    assert [one.code for one in findings] == (["mos.system.outcome"] if says else [])
    assert all(says in one.message for one in findings)


def test_a_field_that_only_this_system_needs() -> None:
    order = "create_order: {job_order: J, material: M, quantity: 1, planned_start: =opened_at, planned_end: =opened_at}"
    text = TEXT.replace(HELD, order)
    assert found(text, LEAD | PLANS, TURNER | PLANS) == []
    (lacking,) = found(text.replace("to: erp", "to: mes"), LEAD | PLANS, TURNER | PLANS)
    assert "needs 'works' for 'create_order'" in lacking.message


def test_queries_that_nobody_answers() -> None:
    text = TEXT.replace(
        "steps:", "context: {health: {from: machine.status}, lot: {from: erp.lot, where: {lot: L}}}\nsteps:"
    )
    text = text.replace("    within: 30m", "    text: \"{{ health }}{{ lot.lot | default('?') }}\"\n    within: 30m")
    told = [one.message for one in found(text, LEAD, TURNER) if one.code == "mos.system.query"]
    assert told == ["nothing connected answers 'machine.status': there is no machine"]


def test_hours_in_which_nobody_is_on_call_or_somebody_is_away() -> None:
    text = TEXT.replace("{role: technician, skill: =equipment.skill, area: =equipment.area}", "{schedule: call}")
    text = text.replace("    ladder: [{to: {role: lead}, after: 5m}]\n", "")
    layer = {"turns": [["tim"]], "starts": "2026-01-01T06:00", "windows": [{"start": "06:00", "end": "18:00"}]}
    call = {"id": "call", "title": "Call", "timezone": "Europe/Prague", "layers": [layer]}

    def gap(**more: Any) -> Finding:
        known = {"shifts": SHIFTS, "people": [LEAD, TURNER], "schedules": [call | more.pop("call", {})], **more}
        site = SiteFacts(SITE, Roster.model_validate(known), NOW, SYSTEMS)
        return next(one for one in check(text, "leak.yaml", site) if one.code.startswith("mos.people"))

    assert "nobody with on call by schedule call daily 18:00-06:00" in gap().message
    away = {"id": "x", "person": "tim", "begins": "2026-12-01T00:00Z", "ends": "2026-12-02T00:00Z"}
    assert "daily 18:00-06:00, Mon 18:00-Wed 06:00" in gap(absences=[away]).message
    cover = {"id": "o", "begins": "2026-11-01T00:00Z", "ends": "2027-02-01T00:00Z", "people": ["lea"]}
    nobody = gap(call={"id": "other"})
    assert (nobody.code, nobody.severity) == ("mos.people.nobody", "error")
    with pytest.raises(StopIteration):
        gap(call={"overrides": [cover]})


def test_a_schedule_whose_feed_was_not_read_for_long_is_warned_of_where_it_is_asked() -> None:
    text = TEXT.replace("{role: technician, skill: =equipment.skill, area: =equipment.area}", "{schedule: call}")
    known = found(text, LEAD, TURNER, stale={"call": "theirs", "other": "others"})
    warned = [(one.severity, one.line, "'theirs'" in one.message) for one in known if one.code == "mos.people.stale"]
    assert warned == [("warning", 7, True)]
    assert "mos.people.stale" not in {one.code for one in found(TEXT, LEAD, TURNER, stale={"call": "theirs"})}


ROLES = st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=2, unique=True)
PEOPLE = st.builds(
    lambda roles, shifts, until, skills, zone: (
        {"roles": roles, "shifts": shifts, "skills": skills, "timezone": zone}
        | ({"certificates": [{"name": "c", "until": until}]} if until else {})
    ),
    ROLES,
    st.lists(st.sampled_from(["early", "night", "whole", "gone"]), max_size=2, unique=True),
    st.sampled_from(["", "2026-10-24", "2026-10-30"]),
    st.lists(st.sampled_from(["x", "y"]), max_size=1),
    st.sampled_from(["", "", "America/New_York"]),
)
CALL = {
    "id": "call",
    "title": "Call",
    "timezone": "Europe/Prague",
    "layers": [{"turns": [["p0"], ["p1", "shift:night"]], "starts": "2026-10-20T06:00", "turn": "1d"}],
    "overrides": [{"id": "o", "begins": "2026-10-26T01:00Z", "ends": "2026-10-26T03:30Z", "people": ["p2"]}],
}
ABSENCES = st.lists(
    st.builds(
        lambda who, day, hours: {
            "id": f"{who}{day}",
            "person": who,
            "begins": f"2026-10-{day}T03:00Z",
            "ends": f"2026-10-{day + 1}T{hours:02}:00Z",
        },
        st.sampled_from(["p0", "p1", "p2"]),
        st.integers(20, 28),
        st.integers(4, 20),
    ),
    max_size=2,
)
SELECTORS = st.builds(
    Selector,
    role=st.sampled_from(["a", "b"]),
    skill=st.sampled_from(["", "x"]),
    certificate=st.sampled_from(["", "c"]),
    shift=st.sampled_from(["current", "any", "night"]),
    schedule=st.sampled_from(["", "", "call"]),
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(PEOPLE, max_size=4),
    ABSENCES,
    SELECTORS,
    st.sampled_from(["Europe/Prague", "Australia/Lord_Howe", "UTC"]),
)
def test_every_minute_is_as_the_roster_says(
    people: list[dict[str, Any]], absences: list[dict[str, Any]], asked: Selector, zone_name: str
) -> None:
    """Over the end of summer time: the gaps are exactly the moments at which `select` finds nobody."""
    zone = ZoneInfo(zone_name)
    known = [person(f"p{n}", "x") | one for n, one in enumerate(people)]
    roster = Roster.model_validate({"shifts": SHIFTS, "people": known, "schedules": [CALL], "absences": absences})
    begins = datetime(2026, 10, 23, 7, 20, tzinfo=UTC)
    hours = Hours(roster, zone, begins, 1)
    gaps = hours.gaps(hours.reach(asked))
    for step in range(0, 7 * 24 * 60, 10):
        moment = begins + timedelta(minutes=step)
        within = any(gap.begin <= moment < gap.end for gap in gaps)
        assert within is not bool(select(roster, asked, moment, zone)), moment
