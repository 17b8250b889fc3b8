"""The one-line texts of definitions: what they may say, and what is refused (contract C25)."""

import pytest

from domain.errors import ConfigError
from domain.values import Json
from templates.text import check_text, render_text

SCOPE: dict[str, Json] = {
    "equipment": {"name": "Lathe 1", "id": "lathe-1"},
    "impact": {"late_orders": 2, "customers": ["Orlik", "Vesta"], "cost": 1200.0, "note": None},
}


@pytest.mark.parametrize(
    "template, text",
    [
        ("{{ equipment.name }} is down", "Lathe 1 is down"),
        ("{{ impact.late_orders }} late: {{ impact.customers | join(', ') }}", "2 late: Orlik, Vesta"),
        ("{% if impact.late_orders > 1 %}many{% else %}one{% endif %}", "many"),
        ("{% for name in impact.customers %}{{ loop.index }}.{{ name | upper }} {% endfor %}", "1.ORLIK 2.VESTA "),
        ("{{ impact.cost }} and {{ impact.cost / 7 | round(0) }}", "1200 and 171.42857142857142"),
        ("{{ (impact.cost / 7) | round(1) }} {{ impact.note }}", "171.4 ?"),
        ("{{ 'a' ~ impact.late_orders ~ equipment.id }} {{ equipment.get('colour', 'grey') }}", "a2lathe-1 grey"),
        ("{{ equipment.name.upper() }} & <b>", "LATHE 1 & <b>"),
        ("{{ impact.missing | default('none') }}", "none"),
    ],
)
def test_texts(template: str, text: str) -> None:
    assert render_text(template, SCOPE) == text


@pytest.mark.parametrize(
    "template, path",
    [
        ("{{ machine.name }}", "machine"),
        ("{{ equipment.colour }}", "equipment.colour"),
        ("{{ equipment.colour.shade }}", "equipment.colour"),
        ("{% for x in impact.orders %}{{ x }}{% endfor %}", "impact.orders"),
        ("{{ equipment.name }} {{ impact.delay.minutes }}", "impact.delay"),
    ],
)
def test_missing_value_is_named(template: str, path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        render_text(template, SCOPE)
    assert path in caught.value.message


ESCAPES = [
    "{{ ''.__class__.__mro__ }}",
    "{{ ''['__class__'] }}",
    "{{ equipment['__class__'] }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ lipsum.__globals__ }}",
    "{{ self.__init__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ '%s' | format(equipment) }}",
    "{{ '{0.__class__}'.format(equipment) }}",
    "{{ '{0}'.format_map(equipment) }}",
    "{{ '%s' % equipment }}",
    "{{ equipment | attr('__class__') }}",
    "{{ [equipment] | map(attribute='__class__') | list }}",
    "{{ impact.customers.append('x') }}",
    "{{ equipment.update({}) }}",
    "{{ range.__self__ }}",
    "{{ namespace().x }}",
    "{{ joiner() }}",
    "{{ _budget.steps }}",
    "{{ 'x'.encode() }}",
]

BOMBS = [
    "{% for i in range(10**9) %}x{% endfor %}",
    "{% for i in range(1000000000) %}x{% endfor %}",
    "{% for i in range(4000) %}{% for j in range(4000) %}x{% endfor %}{% endfor %}",
    "{% for i in range(4000) %}{% for j in range(4000) %}{% if j > i %}{% endif %}{% endfor %}{% endfor %}",
    "{{ 'x' * 1000000000 }}",
    "{{ 1000000000 * 'x' }}",
    "{{ ['x'] * 1000000000 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ 5 | round(-1000000000) }}",
    "{{ 'x'.center(1000000000) }}",
    "{{ 'x' | center(1000000000) }}",
    "{{ 'x' | indent(1000000000) }}",
    "{{ [1] | batch(1000000000, 'x') | list }}",
    "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a ~ a %}" * 60 + "{{ a }}",
    "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a + a %}" * 60 + "{{ a }}",
    "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a | replace('x', a) %}" * 9 + "{{ a }}",
    "{% set a = ['xxxxxxxxxx'] %}" + "{% set a = [a | join, a | join] %}" * 60 + "{{ a }}",
    "{% set a = 99999999999 %}" + "{% set a = a * a %}" * 60 + "{{ a }}",
    "{{ range(5000) | list | join('xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx') }}",
    "{{ 1 / 0 }}",
    "{% set a = [1, 2] %}" + "{% set a = [a, a] %}" * 60 + "{{ a }}",
    "{% set a = [1, 2] %}" + "{% set a = [a, a] %}" * 60 + "{{ a | length }}",
    "{% set a = [1] %}{% set b = [1] %}" + "{% set a = [a, a] %}{% set b = [b, b] %}" * 40 + "{{ 1 if a == b else 2 }}",
    "{% set a = {'a': 1} %}" + "{% set a = {'a': a, 'b': a} %}" * 60 + "{{ a is eq a }}",
    "{% for i in range(4000) %}{% set a = range(5000) | list | sort %}{% endfor %}",
    "{% for i in range(4900) %}{% set a = ('x' * 290000) | upper %}{% endfor %}",
    "{{ [[1] * 5000] * 5000 }}",
    "{{ " + "(" * 500 + "1" + ")" * 500 + " }}",
]

FORBIDDEN = [
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% extends 'x' %}",
    "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
    "{% set x %}{{ equipment }}{% endset %}",
    "{% filter upper %}x{% endfilter %}",
    "{{ equipment.name",
    "{% if %}",
    "{{ equipment | nonsense }}",
    "x" * 5000,
]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("template", ESCAPES + BOMBS)
def test_escape_or_bomb_is_refused(template: str) -> None:
    with pytest.raises(ConfigError):
        render_text(template, SCOPE)


@pytest.mark.parametrize("template", FORBIDDEN)
def test_construct_is_refused_when_checked_and_when_rendered(template: str) -> None:
    with pytest.raises(ConfigError):
        check_text(template)
    with pytest.raises(ConfigError):
        render_text(template, SCOPE)


def test_check_tells_the_names_used() -> None:
    template = (
        "{% for x in impact.customers %}{{ x }} {{ loop.index }}{% endfor %}{{ range(2) | list }}{{ equipment.name }}"
    )
    assert check_text(template) == {"impact", "equipment"}


def test_check_tells_the_line() -> None:
    with pytest.raises(ConfigError, match="line 3"):
        check_text("one\ntwo\n{{ three")


def test_scope_is_not_changed() -> None:
    before = repr(SCOPE)
    render_text("{% set equipment = 1 %}{{ equipment }}", SCOPE)
    assert repr(SCOPE) == before
