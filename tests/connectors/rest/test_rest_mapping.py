"""What is wrong in a mapping is said when it is read; what its templates give."""

import copy
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from connectors.rest.config import RestConfig
from connectors.rest.manifest import build, manifest_for
from connectors.rest.template import render, text
from domain.errors import InvalidPayloadError
from domain.values import Json
from tests.connectors.rest.home_grown import MAPPING, with_notes

BRNO = ZoneInfo("Europe/Prague")
SCOPE = {"n": 3, "none": None, "at": "2026-11-22T23:30:00Z", "items": [{"id": "a"}, {"id": "b"}], "t": "x/y z"}
GONE = object()


def changed(path: str, value: Any) -> dict[str, Any]:
    """The mapping with one part replaced, added or (GONE) removed."""
    mapping = copy.deepcopy(MAPPING)
    *above, last = path.split("/")
    part: Any = mapping
    for name in above:
        part = part[name]
    if value is GONE:
        del part[last]
    else:
        part[last] = value
    return mapping


@pytest.mark.parametrize(
    "path, value, said",
    [
        ("outcomes/set_prio", MAPPING["outcomes"]["hold_lot"], "no outcome 'set_prio'.*set_priority"),
        ("queries/erp.orderz", {"path": "/x"}, "no query 'erp.orderz'.*erp.orders"),
        ("queries/erp.sale/path", "sales", "path"),
        ("queries/erp.sale/path", "/sales/{where.sale", "needs its }"),
        ("queries/erp.sale/answer", "=body.", "Syntax error"),
        ("queries/erp.sale/answer", "=outcome.sale", "may read body, where"),
        ("queries/erp.sale/answer", {"$each": "=body"}, r"needs \$do"),
        ("queries/erp.sale/answer", {"$every": "=body"}, "is no directive"),
        ("outcomes/hold_lot/idempotency", GONE, "idempotency"),
        ("outcomes/hold_lot/idempotency/strategy", "hope", "header"),
        ("outcomes/hold_lot/idempotency/strategy", "natural_key", "natural_key needs look_up"),
        ("outcomes/hold_lot/idempotency/strategy", "read_before_write", "how to see what stands"),
        ("outcomes/record_downtime/idempotency/strategy", "none", "none has no look_up"),
        ("outcomes/record_downtime/idempotency/look_up/path", "/downtimes/{outcome.equipment}", "may read key, token"),
        ("outcomes/record_downtime/document", "downtime of {outcome.equipment}", "may read answer, key, token"),
        ("outcomes/set_priority/each", "=item.orders", "undeclared reference to 'item"),
        ("outcomes/set_priority/body", {"priority": "=priority"}, "undeclared reference to 'priority'"),
        ("errors", [{"status": 500, "means": "rejected"}], "less than 500"),
        ("errors", [{"status": 401, "means": "rejected"}], "means the same everywhere"),
        ("errors", [{"status": 409, "means": "fine"}], "means"),
        ("surprise", 1, "surprise"),
    ],
)
def test_a_wrong_mapping_is_refused_with_what_is_wrong(path: str, value: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=f"(?s){said}"):
        RestConfig.model_validate({"url": "https://erp", "mapping": changed(path, value)})


@pytest.mark.parametrize(
    "settings", [{"url": "ftp://erp"}, {"timezone": "Brno"}, {"authentication": "basic"}, {"token": "x"}]
)
def test_wrong_settings_are_refused(settings: dict[str, Json]) -> None:
    with pytest.raises(ValidationError):
        RestConfig.model_validate({"url": "https://erp", "mapping": MAPPING} | settings)


@pytest.mark.parametrize(
    "template, value",
    [
        ({"a": "=n + 1", "b": ["=t", "plain", "==n"]}, {"a": 4, "b": ["x/y z", "plain", "=n"]}),
        ({"$date": "=at"}, "2026-11-23"),
        ({"$local": "=at"}, "2026-11-23T00:30:00"),
        ({"$date": "=none"}, None),
        ({"$text": "{n} of {t}{none}"}, "3 of x/y z"),
        ({"$join": "=items.map(i, i.id)", "$with": "+"}, "a+b"),
        (
            {"$each": "=items", "$as": "one", "$do": {"id": "=one.id", "n": "=n"}},
            [{"id": "a", "n": 3}, {"id": "b", "n": 3}],
        ),
    ],
)
def test_a_template_gives_a_value(template: Json, value: Json) -> None:
    assert render(template, SCOPE, BRNO) == value


@pytest.mark.parametrize("template", ["=items[0].nothing", {"$each": "=n", "$do": 1}, {"$date": "=t"}, {"$date": "=n"}])
def test_what_is_not_there_is_told(template: Json) -> None:
    with pytest.raises(InvalidPayloadError):
        render(template, SCOPE, BRNO)


def test_parts_of_a_path_are_encoded() -> None:
    assert text("/a/{t}", SCOPE, quoted=True) == "/a/x%2Fy%20z"


def test_the_manifest_is_what_the_mapping_maps() -> None:
    found = manifest_for({"mapping": MAPPING})
    assert set(found.outcomes) == {*MAPPING["outcomes"], "cancel_documents"}
    assert found.queries == {"erp.sale": ("sale",)}
    assert found.capabilities == ("preview", "reverse", "reconcile")
    assert build({"url": "https://erp", "token": "t", "mapping": with_notes()}).name == "erp"
