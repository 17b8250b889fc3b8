"""`mos token`: make, list, revoke at the machine."""

import asyncio
import re

import pytest
from typer.testing import CliRunner

from domain.errors import NotFoundError
from infra.commands.token import app
from store.db import Database
from tests.api.seeding import PLANNER


async def _mos(*arguments: str) -> str:
    result = await asyncio.to_thread(CliRunner().invoke, app, list(arguments))
    if result.exception is not None:
        raise result.exception
    return result.stdout


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    monkeypatch.setenv("MOS_DATABASE_URL", database_url)
    monkeypatch.setenv("MOS_SESSION_SECRET", "s" * 32)


async def test_a_token_is_printed_once_listed_and_revoked(database: Database) -> None:
    made = ("create", "MES line 1", "--person", PLANNER, "--scope", "signals:write")
    token = (await _mos(*made)).strip()
    assert re.fullmatch(r"mos_[0-9a-f]{64}", token)
    listed = await _mos("list")
    assert token not in listed
    assert "signals:write  MES line 1" in listed
    assert await _mos("revoke", listed.split()[0]) == "revoked\n"
    assert await _mos("list") == ""
    with pytest.raises(NotFoundError):
        await _mos("create", "x", "--person", "nobody", "--scope", "signals:write")
