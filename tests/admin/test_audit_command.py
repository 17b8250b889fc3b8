"""`mos audit` at the machine: verify, keep the head outside, take out, archive, erase."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from admin.audit import auditing
from admin.audit.keys import Signer
from domain.errors import ConflictError, InvalidPayloadError, NotFoundError
from infra.commands.audit import app
from infra.commands.verifying import whole
from store.db import Database
from store.write.evidence import audit as write

KEY = "k" * 32
NOW = datetime.now(UTC) - timedelta(days=40)


async def _filled(url: str) -> None:
    database = Database(url, pool_size=1)
    for n in range(4):
        async with database.transaction() as session:
            data = {"address": f"+491{n}"}
            await write.add(session, {"at": NOW, "kind": "told", "actor": "eva", "subject": f"=s{n}", "data": data})
        await auditing.seal(database, Signer(KEY), NOW + timedelta(days=20 * (n // 2)))
    await database.close()


@pytest.fixture
def filled(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Two records sealed 40 days ago, two 20 days ago."""
    for name, value in {"MOS_DATABASE_URL": database_url, "MOS_AUDIT_KEY": KEY, "MOS_DATA_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    asyncio.run(_filled(database_url))
    return database_url


def mos(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


@pytest.mark.full
def test_a_long_chain_is_verified_by_several_processes(filled: str) -> None:
    report = whole(filled, [Signer(KEY).public], 2, long=1)
    assert (report.good, report.first, report.last, report.records, report.heads) == (True, 1, 4, 4, 4)
    with psycopg.connect(filled, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE audit SET subject = '=s9' WHERE subject = '=s3'")
    assert [one.line() for one in whole(filled, [Signer(KEY).public], 2, long=1).findings] == [
        "altered: number 4, record 4, told =s9"
    ]


def test_the_audit_at_the_machine(filled: str, tmp_path: Path) -> None:
    assert mos("verify").startswith("good: numbers 1 to 4, 4 records, 4 signed heads")
    assert mos("verify", "--to", "99999").endswith("the chain ends at 4: numbers up to 99999 are not there yet\n")
    assert "ends at" not in mos("verify", "--to", "4")
    head = tmp_path / "head.json"
    head.write_text(mos("head"))
    sheet, lines, old = tmp_path / "a.csv", tmp_path / "a.jsonl", tmp_path / "old.jsonl"
    with pytest.raises(InvalidPayloadError):
        mos("export", "--output", str(sheet))
    mos("export", "--format", "csv", "--output", str(sheet), "--by", "olga")
    assert "'=s1" in sheet.read_text()
    assert mos("erase", "=s0", "--reason", "asked", "--by", "olga").startswith("1 values")
    mos("export", "--format", "chain", "--output", str(lines), "--by", "olga")
    assert "personal value removed: number 1" in mos("verify", "--file", str(lines), code=1)  # its erasure comes later
    day = f"{datetime.now(UTC) - timedelta(days=30):%Y-%m-%d}"
    assert "numbers up to 2 " in mos("archive", day, str(old), "--by", "olga")
    assert len(old.read_text().splitlines()) == 2
    assert "numbers 3 to 4" in mos("verify", "--head", str(head))
    public = json.loads(head.read_text())["public_key"]
    mos("verify", "--file", str(old), "--public-key", public, code=1)  # the erased value; nothing else
    with psycopg.connect(filled, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE audit SET actor = 'mallory' WHERE subject = '=s3'")
    assert "altered: number 4" in mos("verify", code=1)


def test_a_legal_hold_keeps_erasure_and_archive_waiting(filled: str, tmp_path: Path) -> None:
    day, old = f"{datetime.now(UTC) - timedelta(days=30):%Y-%m-%d}", tmp_path / "old.jsonl"
    erase = ("erase", "=s0", "--reason", "asked", "--by", "olga")
    with pytest.raises(InvalidPayloadError):
        mos("hold", "=s0", "--by", "olga")  # without a reason
    assert mos("hold", "=s0", "--reason", "dispute 4711", "--by", "olga") == "hold 1 stands\n"
    with pytest.raises(ConflictError):
        mos(*erase)
    with pytest.raises(NotFoundError):
        mos("archive", day, str(old), "--by", "olga")
    assert not old.exists()
    with psycopg.connect(filled) as connection, pytest.raises(psycopg.Error, match="hold"):
        connection.execute("DELETE FROM audit_personal WHERE person = '=s0'")
    assert "hold 1 is lifted" in mos("hold", "--lift", "1", "--reason", "settled", "--by", "olga")
    with pytest.raises(NotFoundError):
        mos("hold", "--lift", "1", "--reason", "again", "--by", "olga")
    assert mos(*erase).startswith("1 values")
    assert "numbers up to 2 " in mos("archive", day, str(old), "--by", "olga")
    with pytest.raises(NotFoundError):
        mos("archive", day, str(old), "--by", "olga")  # nothing is that old any more
    with psycopg.connect(filled) as connection:
        kinds = [row[0] for row in connection.execute("SELECT kind FROM audit ORDER BY id")]
    assert kinds == ["told", "told", "hold.placed", "hold.lifted", "personal.erased", "audit.archived"]
    assert "numbers 3 to 4" in mos("verify")
    named_by_nothing = mos("hold", "bob", "--reason", "to come", "--by", "olga")
    assert named_by_nothing == "hold 2 stands; nothing is about 'bob' yet\n"
