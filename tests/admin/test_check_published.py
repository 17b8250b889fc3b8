"""`mos check --published`: against people, systems and live definitions as the database has them."""

import asyncio
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from admin.definitions import publish
from infra import cli
from store.db import Database
from tests.support.servers import Postgres

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
CALLER = "definition: caller\ntitle: C\nowner: plannr\nsteps: [{call: it, definition: breakdwn}]\n"


@pytest.fixture
def url(postgres: Postgres, published_template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with postgres.database(published_template) as found:
        for name in [name for name in os.environ if name.startswith("MOS_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("MOS_DATABASE_URL", found)
        asyncio.run(connect(found))
        yield found


async def connect(url: str) -> None:
    """Only a MES."""
    database = Database(url, pool_size=1)
    try:
        await publish.publish_connectors(
            database, [{"name": "mes", "kind": "mes_http", "role": "mes"}], author="eng", now=NOW
        )
    finally:
        await database.close()


def run(*arguments: object) -> list[tuple[str, str]]:
    cli._add_sub_apps("check")
    result = CliRunner().invoke(cli.app, ["check", "--published", "--format", "json", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return [(one["file"], one["code"]) for one in json.loads(result.output)["findings"]]


def test_live_definitions_against_what_is_connected(url: str) -> None:
    found = run()
    assert ("breakdown.yaml", "mos.system.none") in found  # it posts to an ERP
    assert not [code for file, code in found if code.startswith(("mos.type", "mos.definition"))]


def test_a_file_against_published_people_and_definitions(url: str, tmp_path: Path) -> None:
    file = tmp_path / "caller.yaml"
    file.write_text(CALLER)
    assert [code for _, code in run(file)] == ["mos.definition.call"]
    file.write_text(CALLER.replace("breakdwn", "breakdown"))
    assert "mos.people.nobody" in [code for _, code in run(file)]
