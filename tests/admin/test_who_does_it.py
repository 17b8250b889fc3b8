"""`--by` names somebody of the roster, as commands are told it; the audit keeps who that is."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from domain.errors import InvalidPayloadError
from domain.rosters.people import Person
from infra.commands import audit, shelving, who
from infra.commands.rollout import Action, rollout
from infra.commands.who import acting, meant
from store.db import Database
from tests.support.servers import Postgres

EVERYBODY = [
    Person.model_validate({"id": name, "name": told, "roles": roles, "active": active, "contacts": contacts})
    for name, told, roles, active, contacts in (
        ("lena", "Lena Fischer", ["planner"], True, [{"channel": "email", "address": "lena@example.com"}]),
        ("piotr", "Piotr Nowak", ["maintenance_lead", "technician"], True, []),
        ("anna_n", "Anna Nowak", ["technician"], True, []),
        ("anna_k", "Anna Nowak", ["quality"], True, []),
        ("olga", "Olga Bell", ["planner"], False, []),
    )
]


@pytest.mark.parametrize("by", ["lena", "LENA", "Lena Fischer", "lena  fischer", "lena@example.com", "planner"])
def test_an_id_a_name_an_address_and_a_role_that_one_has_mean_that_person(by: str) -> None:
    assert meant(EVERYBODY, by) == "lena"


@pytest.mark.parametrize(
    "by, told",
    [
        ("lenna", r"^'lenna' is nobody on the roster, but lena \(Lena Fischer\) is: name who .* --by, or enter"),
        ("Fisher", r"but lena \(Lena Fischer\) is"),
        ("maintenance_led", r"but piotr \(Piotr Nowak\) is"),
        ("zzz", "'zzz' is nobody on the roster: name who does it"),
        ("technician", "more than one person: write --by with one of piotr, anna_n$"),
        ("Anna Nowak", "more than one person: write --by with one of anna_n, anna_k$"),
        ("olga", "not active on the roster any more"),
        ("  ", "--by PERSON"),
    ],
)
def test_who_is_nobody_is_refused_with_the_nearest_names(by: str, told: str) -> None:
    with pytest.raises(InvalidPayloadError, match=told):
        meant(EVERYBODY, who.asked(by))


def test_before_there_is_a_roster_whoever_sets_up_is_taken_at_their_word() -> None:
    assert meant([], "fitter") == "fitter"


def test_a_database_without_a_site_knows_nobody_yet(database_url: str) -> None:
    async def ask() -> str:
        database = Database(database_url, pool_size=1)
        try:
            return (await acting(database, "fitter")).id
        finally:
            await database.close()

    assert asyncio.run(ask()) == "fitter"


@pytest.fixture(scope="module")
def url(postgres: Postgres, published_template: str) -> Iterator[str]:
    with postgres.database(published_template) as url:
        yield url


@pytest.fixture
def _here(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MOS_DATABASE_URL", url)
    monkeypatch.setenv("MOS_DATA_DIR", str(tmp_path))


def _audit(*words: str) -> Callable[[str], object]:
    return lambda by: CliRunner().invoke(audit.app, [*words, "--by", by], catch_exceptions=False)


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize(
    "act",
    [
        lambda by: rollout("breakdown", Action.RETIRE, by=by, reason="no such machine"),
        lambda by: shelving.shelve("breakdown", equipment="lathe-1", reason="door switch", by=by),
        lambda by: shelving.unshelve(1, by=by),
        _audit("export"),
        _audit("dossier", "exc_1", "out.pdf"),
        _audit("hold", "bob", "--reason", "dispute"),
        _audit("hold", "--lift", "1", "--reason", "dispute"),
        _audit("erase", "bob", "--reason", "asked"),
    ],
)
def test_no_command_is_done_by_somebody_unknown(url: str, act: Callable[[str], Any]) -> None:
    with psycopg.connect(url) as connection:
        before = connection.execute("SELECT count(*) FROM audit").fetchone()
    with pytest.raises(InvalidPayloadError, match=r"'lenna' is nobody on the roster, but lena \("):
        act("lenna")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM audit").fetchone() == before


@pytest.mark.usefixtures("_here")
def test_the_audit_has_the_id_of_whom_the_operator_named(url: str) -> None:
    _audit("hold", "bob", "--reason", "dispute")("Lena Fischer")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT actor FROM audit WHERE kind = 'hold.placed'").fetchall() == [("lena",)]
