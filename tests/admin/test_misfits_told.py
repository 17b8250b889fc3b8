"""Whoever gives something that does not fit reads where and what to write: at a command, in a form, in an answer."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI, Query

from admin.books import deciding
from admin.roster.importing import Difference, _compare_person
from api.ledger.pages import _control
from api.problems import handle_problems
from api.roster import changes, programs
from connectors.rest.manifest import manifest_for
from connectors.roster_files import fits, reason
from domain.errors import MosError
from domain.rosters.imported import PersonFields
from domain.rosters.model import Override, Schedule
from infra import site_folder
from infra.commands import replay, scenarios
from infra.connect import read_connections, settings_of
from infra.settings import load_settings
from store.read.access import policy
from store.tables import LedgerRow

ROW = LedgerRow(id="txn_1", key="k", exception_id="exc_1", step="s", system="erp", outcomes=[])
ENTRY: dict[str, Any] = {"name": "mes", "kind": "mes_http", "role": "mes", "config": {"url": "https://mes"}}


def _settings(value: dict[str, Any]) -> None:
    for one in read_connections([ENTRY | {"config": ENTRY["config"] | value}]):
        settings_of(one)


def _layer(value: dict[str, Any]) -> None:
    try:
        fits(value)
    except ValueError as error:
        raise MosError(reason(error)) from error


def _person(value: dict[str, Any]) -> None:
    difference = Difference()
    _compare_person(difference, None, PersonFields("ann", value, "line 3"))
    raise MosError(difference.problems[0])


@pytest.mark.parametrize(
    "ask, given, told",
    [
        (read_connections, [{"name": "erp", "kind": "rest"}], "connectors document: 0: 'role' is missing"),
        (read_connections, {}, "connectors document: a list is needed here: [one, another]"),
        (read_connections, [ENTRY | {"rol": 1}], "connectors document: 0: unknown field 'rol'; did you mean 'role'?"),
        (_settings, {"timeot": 3}, "connector 'mes': unknown field 'timeot'; did you mean 'timeout'?"),
        (manifest_for, {"mapping": {"outcomes": 3}}, "connector 'rest': mapping: outcomes: names with values are"),
        (_layer, {"turns": "ann", "starts": "2026-01-01T06:00"}, "turns: a list is needed here"),
        (_person, {"active": "perhaps"}, "line 3: active: true or false is needed here"),
        (
            lambda given: deciding.checked(ROW, given, "erp"),
            [{"kind": "hold_lt"}],
            "outcomes.0: kind 'hold_lt' is none",
        ),
        (lambda given: deciding.checked(ROW, [], given), "crm", "system: 'crm' is none of erp, mes"),
        (policy.checked, {"parameters": {"console": {"idel": "1h"}}}, "parameters.console: unknown field 'idel'; did"),
        (_control, {"scope": "erp", "per_hour": "x"}, "per_hour: a whole number is needed here"),
        (lambda given: programs._checked(Override, given), b"{", "The body: this is no JSON: look at line 1, column 1"),
        (lambda given: changes._checked(Schedule, given), "early", "This: names with values are needed here"),
    ],
)
def test_what_does_not_fit_is_told_in_our_words(ask: Callable[[Any], object], given: Any, told: str) -> None:
    with pytest.raises(MosError) as caught:
        ask(given)
    assert told in caught.value.message


@pytest.mark.parametrize(
    "site, people, told",
    [
        ("site: 3", "people: []", "site.yaml: "),
        ("- a", "people: []", "site.yaml: names with values are needed here"),
        ("", "people: [{id: ann}]", "people.yaml: people.0: 'name' is missing"),
        ("", "people: 3", "people.yaml: people: a list is needed here"),
    ],
)
@pytest.mark.parametrize("ask", [scenarios.folder_setting, lambda folder: replay._offline(_asked(folder))])
def test_a_folder_that_does_not_fit_is_told_by_each_command(
    tmp_path: Path, ask: Callable[[Path], object], site: str, people: str, told: str
) -> None:
    shown = site or (scenarios.DEMO_SITE / "site.yaml").read_text()
    (tmp_path / "site.yaml").write_text(shown)
    (tmp_path / "people.yaml").write_text(people)
    with pytest.raises(MosError, match=told):
        ask(tmp_path)


def _asked(folder: Path) -> Any:
    given = {"definition": "breakdown", "wanted": "x.yaml", "since": "", "against": "nothing", "site": folder}
    return type("Asked", (), given | {"file": folder / "signals.jsonl"})()


def test_the_site_has_what_stands_in_another_file() -> None:
    roster = site_folder.read_roster(scenarios.DEMO_SITE)
    assert site_folder.read_site(scenarios.DEMO_SITE, shifts=roster.shifts).calendar.shifts == roster.shifts


def test_a_setting_says_what_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOS_API_PORT", "many")
    with pytest.raises(MosError, match="MOS_API_PORT: a whole number is needed here"):
        load_settings()


async def test_an_address_that_cannot_be_says_what_to_write() -> None:
    app = FastAPI()
    handle_problems(app)

    @app.get("/people")
    async def people(page: Annotated[int, Query(ge=1)], name: Annotated[str, Query(pattern="^[a-z]+$")]) -> None: ...

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://mos") as client:
        answer = await client.get("/people?page=0&name=S3CRET", headers={"accept": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"] == (
        "Can't be read: query.page: a number of at least 1 is needed here; query.name: this has not the form ^[a-z]+$."
    )
