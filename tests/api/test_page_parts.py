"""What pages share: a browser in two words, and what changes before what stays."""

from typing import Any

import pytest

from api.rendering import environment
from domain.values import Json


def rendered(call: str, **values: Any) -> str:
    source = '{% import "_macros.html" as m with context %}{% import "_outcomes.html" as outcomes with context %}'
    plain = {"moment": lambda value: None, "link_of": lambda document: "", "login": None, "path": "/"}
    return environment().from_string(source + call).render(plain | values)


@pytest.mark.parametrize(
    "told, read",
    [
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/142.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64) Chrome/142.0 Safari/537.36 Edg/142.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) Version/26.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 16) SamsungBrowser/29.0 Chrome/136.0", "Samsung Internet on Android"),
        ("wall-screen/2.1", "A browser (wall-screen/2.1)"),
        ("", "A browser"),
    ],
)  # fmt: skip
def test_a_browser_is_named_in_two_words(told: str, read: str) -> None:
    assert rendered("{{ m.browser(told) }}", told=told) == read


def change(field: str, before: Json, after: Json) -> Json:
    return {"record": "JO-1001", "field": field, "before": before, "after": after}


def test_what_stays_is_folded_away_from_what_changes() -> None:
    preview = {"changes": [change("work_center", "mill-1", "mill-1"), change("planned_start", "08:00", "10:00")]}
    page = rendered("{{ outcomes.fields(preview) }}", preview=preview)
    shown, folded = page.split("<details>")
    assert "planned start" in shown
    assert "work center" not in shown
    assert "1 field stays as it is" in folded
    assert "work center" in folded


def test_a_record_is_called_by_its_name_not_by_the_systems_number() -> None:
    preview = {"changes": [change("work_center", 11, 12) | {"before_name": "mill-1", "after_name": "mill-2"}]}
    page = rendered("{{ outcomes.fields(preview) }}", preview=preview)
    assert "mill-1" in page
    assert "mill-2" in page
    assert ">11<" not in page


def test_a_kept_preview_is_read_from_before_to_after() -> None:
    """PostgreSQL keeps the names of an object by their length: as they stand, `after` would be read first."""
    kept = {"changes": [{"after": "12", "field": "due_date", "before": "7", "record": "JO-1001"}]}
    assert "JO-1001 due date: 7 &rarr;&nbsp;12" in rendered("{{ m.plain(kept) }}", kept=kept)


def test_a_large_number_has_its_thousands_apart() -> None:
    assert rendered("{{ 13200 | many }} {{ 999 | many }}") == "13\u202f200 999"


def test_a_preview_that_changes_nothing_says_so() -> None:
    page = rendered("{{ outcomes.fields(preview) }}", preview={"changes": [change("priority", 1, 1)]})
    assert "Nothing changes" in page


def test_what_is_new_is_never_folded_even_when_it_says_nothing() -> None:
    preview = {"changes": [change("note", None, None) | {"created": True}]}
    assert "<details>" not in rendered("{{ outcomes.fields(preview) }}", preview=preview)
