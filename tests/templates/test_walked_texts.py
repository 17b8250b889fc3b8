"""A text that is walked gives what it gives compiled, and takes as much of the budget."""

import random

import pytest

from domain.errors import ConfigError
from templates.text import render_once, render_text

SCOPE = {
    "equipment": {"title": "Lathe 1", "skill": "turning", "items": 3, "area": None},
    "jobs": [{"id": "JO-1", "n": 2.5, "tags": ["a", "b"]}, {"id": "JO-2", "n": 2.0, "tags": []}],
    "signal": {"state": "held", "count": 3, "low": 1.5, "empty": ""},
    "opened_at": "2026-01-05T08:00:00Z",
    "site": {"id": "s", "title": "Works", "timezone": "Europe/Prague"},
}
PRINTED = (
    "equipment.title", "equipment.titel", "equipment.items", "equipment['skill']", "equipment.area", "signal.low",
    "jobs | map(attribute='id') | join(', ') or 'none'", "jobs | length", "jobs[0].id", "jobs[:1]", "jobs[-1]['n']",
    "opened_at | local_time", "nope", "nope | default('-')", "nope is defined", "signal.nope | d('?')",
    "'yes' if signal.count > 2 else 'no'", "'yes' if signal.empty", "not signal.empty", "1 < signal.count < 3",
    "signal.state in ['held', 'idle']", "signal.count * 2 + 1", "-signal.count", "7 // 2", "7 / 2", "7 % 2", "2 ** 3",
    "'a' ~ signal.count ~ 'b'", "equipment.title.upper()", "equipment.title | replace('L', 'l')", "jobs.append(1)",
    "{'held': 'stands', 'idle': 'waits'}[signal.state]", "{'a': 1}.get('b', 'other')", "range(3)", "range(6000)",
    "'x' * 999999", "jobs | sum(attribute='n')", "jobs | selectattr('tags') | list | length", "(1, 2)", "loop.index",
    "jobs | map('upper') | join", "signal.count is divisibleby 3", "equipment.__class__", "self", "1 if 0",
)  # fmt: skip
LOOPS = ("jobs", "jobs | map(attribute='id')", "range(3)", "equipment", "equipment.items()", "range(6000)", "nope", "3")
BETWEEN = (" ", "a", "\n", ": ", "}", "{", "* ", "\ue000", "é", "{# nothing #}", "")


def texts(count: int) -> list[str]:
    """Marks of every sort one after the other, always the same."""
    dice = random.Random(11)

    def printed() -> str:
        return "{{ " + dice.choice(PRINTED) + " }}"

    def mark() -> str:
        return dice.choice(
            (
                printed(),
                printed(),
                "{{- " + dice.choice(PRINTED) + " -}}",
                "{% if " + dice.choice(PRINTED) + " %}A{% elif " + dice.choice(PRINTED) + " %}B{% else %}C{% endif %}",
                "{% for x in " + dice.choice(LOOPS) + " %}{{ x }}" + printed() + "{% endfor %}",
                "{% for x in " + dice.choice(LOOPS) + " %}{{ loop.index }}{{ ', ' if not loop.last }}{% endfor %}",
                "{% for k, v in [[1, 2], [3, 4]] %}{{ k }}-{{ v }}{% if k > 1 %} {{ v }}{% endif %}{% endfor %}",
                "{% for x in jobs if x.tags %}{{ x.id }}{% else %}none{% endfor %}",
                "{% set y = " + dice.choice(PRINTED) + " %}{{ y }}",
                "{% raw %}{{ x }}{% endraw %}",
            )
        )

    single = ["{{ " + one + " }}" for one in PRINTED]
    mixed = ["".join(mark() + dice.choice(BETWEEN) for _ in range(dice.randint(1, 3))) for _ in range(count)]
    return single + mixed + [f"  {one}" for one in mixed[:20]]


def outcome(render: object, text: str, language: str) -> tuple[str, ...]:
    try:
        return ("text", render(text, SCOPE, language))  # type: ignore[operator]
    except ConfigError as error:
        return ("refused", error.message, str(error.code))


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_walked_text_gives_what_it_gives_compiled(language: str) -> None:
    different = [
        text for text in texts(300) if outcome(render_once, text, language) != outcome(render_text, text, language)
    ]
    assert different == []


def test_many_of_them_are_really_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the test above compares a thing with itself."""
    monkeypatch.setattr("templates.text.render_text", lambda *_: pytest.fail("compiled"))
    assert render_once("{{ equipment.title }} and {{ signal.count + 1 }}", SCOPE) == "Lathe 1 and 4"
    loop = "{% for one in jobs %}{{ loop.index }}: {{ one.id }}{{ ', ' if not loop.last }}{% endfor %}"
    assert render_once(loop, SCOPE) == "1: JO-1, 2: JO-2"


def test_the_budget_is_one_for_the_whole_text() -> None:
    """Each mark alone stays within it."""
    many = " ".join(["{{ range(2000) | list | length }}"] * 150)
    assert render_once("{{ range(2000) | list | length }}", SCOPE) == "2000"
    with pytest.raises(ConfigError) as caught:
        render_once(many[:3999].rpartition(" {{")[0], SCOPE)
    assert caught.value.code == "mos.text.refused"


def test_what_is_written_between_blocks_is_not_shared() -> None:
    """Two languages say it with the same marks."""
    assert render_once("a {% if jobs %}b{% endif %} c", SCOPE) == "a b c"
    assert render_once("x {% if jobs %}y{% endif %} z", SCOPE) == "x y z"
