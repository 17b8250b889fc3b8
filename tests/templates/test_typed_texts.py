"""Each kind of mistake in a text: found before anybody is told, at its place, with what to write instead."""

import pytest

from domain.typing.tree import read_record
from templates.text import text_faults

SCOPE = read_record(
    {
        "signal": {"state": "'aborted'|'stopped'", "stop_reason": "text|null", "value": "number", "wanted": "time"},
        "opened_at": "time",
        "equipment": {"id": "text", "title": "text"},
        "jobs": [{"id": "text", "sale": "text|null", "minutes": "integer"}],
        "gap": "any",
        "repair": {"estimate?": "duration"},
        "plan": {"orders": ["text"], "late": [{"to": "time", "lot": "text"}]},
    }
)


@pytest.mark.parametrize(
    "text, line, column, says",
    [
        ("{{ equipmnt.title }}", 1, 4, "undeclared reference to 'equipmnt'; did you mean 'equipment'?"),
        ("{{ equipment.titel }} is down", 1, 14, "'equipment' has no 'titel'; did you mean 'title'?"),
        ("Down:\n  {{ equipment.colour }}", 2, 16, "'equipment' has no 'colour': it has id, title"),
        ("{% for job in jobs %}{{ job.sail }}{% endfor %}", 1, 29, "'job' has no 'sail'; did you mean 'sale'?"),
        ("{% for job in jobs %}{% endfor %}\n{{ job.id }}", 2, 4, "undeclared reference to 'job'"),
        ("{{ jobs.id }}", 1, 9, "write jobs | map(attribute='id') | join(', ')"),
        ("{{ jobs[0].idd }}", 1, 12, "'jobs[0]' has no 'idd'; did you mean 'id'?"),
        ("{{ jobs | map(attribute='idd') | join }}", 1, 4, "have no 'idd'; did you mean 'id'?"),
        ("{{ jobs | selectattr('sail') | list | length }}", 1, 4, "have no 'sail'; did you mean 'sale'?"),
        ("{{ jobs | sum(attribute='id') }}", 1, 4, "are no numbers"),
        ("{{ jobs | lenght }}", 1, 11, "no filter named 'lenght'; did you mean 'length'?"),
        ("{{ jobs | map('uper') | join }}", 1, 4, "no filter named 'uper'; did you mean 'upper'?"),
        ("{{ 1 if jobs is definde else 2 }}", 1, 17, "no test named 'definde'; did you mean 'defined'?"),
        ("{{ equipment.title.uper() }}", 1, 20, "has no method 'uper'; did you mean 'upper'?"),
        ("{{ jobs }}", 1, 4, "would print a list of records"),
        ("about {{ equipment }}", 1, 10, "would print a whole record"),
        ("{{ 'x' ~ jobs }}", 1, 10, "would print a list of records"),
        ("{{ jobs | join(', ') }}", 1, 4, "has records"),
        ("{{ signal.value | length }}", 1, 11, "is a number and has no length"),
        ("{{ signal.value | local_time }}", 1, 11, "is a number, no time"),
        ("{% for x in signal.value %}{% endfor %}", 1, 20, "no list to go through"),
        ("{{ equipment.title + signal.value }}", 1, 20, "write ~ to join texts"),
        ("{{ equipment.title - 1 }}", 1, 14, "is a text, no number"),
        ("{% if signal.state == 'abortd' %}x{% endif %}", 1, 14, "did you mean 'aborted'?"),
        ("{% if signal.wanted < opened_at %}x{% endif %}", 1, 14, "compares letters"),
        ("{% macro x() %}{% endmacro %}", 1, 4, "'macro' is not allowed in a text"),
        ("{{ jobs", 1, 1, "unexpected end"),
        ("x" * 5000 + "{{ a }}", 1, 1, "at most 4000 characters"),
        ("{{ " + "(" * 500 + "1" + ")" * 500 + " }}", 1, 1, "nested too deeply"),
    ],
)  # fmt: skip
def test_a_mistake_at_its_place(text: str, line: int, column: int, says: str) -> None:
    errors = [fault for fault in text_faults(text, SCOPE) if fault.severity == "error"]
    assert [(fault.line, fault.column) for fault in errors if says in fault.message] == [(line, column)], errors


@pytest.mark.parametrize(
    "text",
    [
        "{% for i in range(10**9) %}x{% endfor %}",
        "{% for i in range(6000) %}x{% endfor %}",
        "{% for a in range(4000) %}{% for b in range(4000) %}x{% endfor %}{% endfor %}",
        "{% for job in jobs %}{% for i in range(4999) %}x{% endfor %}{% endfor %}",
        "{{ 'x' * 1000000000 }}",
        "{% set a = [1, 2] %}" + "{% set a = [a, a] %}" * 60 + "{{ a | join }}",
        "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a ~ a %}" * 60 + "{{ a }}",
    ],
)
def test_what_would_never_end_is_refused_by_the_check(text: str) -> None:
    (fault,) = text_faults(text, SCOPE)
    assert (fault.code, fault.severity) == ("mos.text.refused", "error")


@pytest.mark.parametrize(
    "text, says",
    [
        ("{{ repair.estimate }}", "write repair.estimate | default('?')"),
        ("{{ opened_at }}", "add | local_time"),
        ("{% if jobs %}{{ repair.estimate }}{% endif %}", "may be missing"),
    ],
)
def test_what_may_fail_with_some_values_is_a_warning(text: str, says: str) -> None:
    (fault,) = text_faults(text, SCOPE)
    assert fault.severity == "warning"
    assert says in fault.message


@pytest.mark.parametrize(
    "text",
    [
        "nothing to see",
        "{{ equipment.title }} stopped at {{ opened_at | local_time }}: {{ signal.stop_reason or 'no reason' }}",
        "{{ jobs | length }} of {{ jobs | map(attribute='id') | join(', ') or 'none' }}",
        "{{ repair.estimate | default('?') }}",
        "{% if repair.estimate is defined %}{{ repair.estimate }}{% endif %}",
        "{{ repair.estimate if repair.estimate is defined else '?' }}",
        "{% for late in plan.late %}{{ loop.index }} {{ late.lot }} {{ late.to | local_time }}{% endfor %}",
        "{% set count = jobs | length %}{{ count + 1 }}",
        "{{ (jobs | sort(attribute='minutes') | first).id }} {{ jobs | sum(attribute='minutes') / 60 }}",
        "{{ equipment.get('id', '?') }}{% for name, value in equipment.items() %}{{ name }}{% endfor %}",
        "{{ gap.whatever.there | join(', ') }} {{ gap }}",
        "{{ plan.orders | map('upper') | join(', ') }}",
        "{% if signal.state == 'aborted' %}x{% elif jobs %}y{% else %}z{% endif %}",
        "{{ '-' * 20 }}",
    ],
)
def test_what_people_write_passes(text: str) -> None:
    assert text_faults(text, SCOPE) == []
