"""The audit in the database: writers only insert, the sealer chains, nothing is changed or removed unnoticed."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from admin.actors import Actor
from admin.audit import auditing
from admin.audit.auditing import head_of
from admin.audit.files import as_csv, read_line, verify_lines
from admin.audit.keys import Signer, Trusted
from domain.audit.chain import Head
from domain.audit.verification import Report, Verifier, What
from domain.errors import ConflictError, InvariantError, NotFoundError
from store.db import Database
from store.read.evidence import audit as read
from store.write.evidence import audit as write

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
SIGNER = Signer("k" * 32)
TRUSTED = Trusted([SIGNER.public])
OPERATOR = Actor("olga", signed_in=False)


async def wrote(database: Database, *subjects: str, **data: Any) -> None:
    for subject in subjects:
        async with database.transaction() as session:
            said = {"address": "+4915100", "score": 1.5, **data}
            await write.add(session, {"at": NOW, "kind": "x.told", "actor": "eva", "subject": subject, "data": said})


async def sealed(database: Database, batches: int = 3) -> None:
    for n in range(batches):
        await wrote(database, f"a{n}", f"b{n}")
        assert await auditing.seal(database, SIGNER, NOW + timedelta(hours=n)) == 2


async def verified(database: Database, **asked: Any) -> Report:
    return await auditing.verify(database, TRUSTED, **asked)


async def forced(database: Database, statement: str) -> None:
    """As somebody who owns the database can."""
    async with database.transaction() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text(statement))


async def test_records_are_numbered_chained_and_signed(database: Database) -> None:
    await sealed(database)
    report = await verified(database)
    assert report.good
    assert (report.last, report.records, report.heads, report.waiting) == (6, 6, 3, 0)
    await wrote(database, "late")
    assert (await verified(database)).waiting == 1
    assert (await verified(database, first=3, last=4)).records == 2


async def test_the_database_refuses_to_change_or_remove(database: Database) -> None:
    await sealed(database, 1)
    for statement in (
        "UPDATE audit SET actor = 'mallory'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "UPDATE audit_seal SET hash = ''",
        "DELETE FROM audit_seal",
        "UPDATE audit_head SET signature = ''",
        "DELETE FROM audit_head",
        "UPDATE audit_personal SET value = ''",
        "TRUNCATE audit_personal",
    ):
        with pytest.raises(DBAPIError, match="never changed or removed"):
            async with database.transaction() as session:
                await session.execute(text(statement))


TABLES = ("audit", "audit_seal", "audit_head", "audit_personal")
TAMPERING = (
    ("UPDATE audit SET actor = 'mallory' WHERE subject = 'a1'", What.ALTERED, 3),
    ("UPDATE audit SET data = data || '{\"score\": 1.50000000000000000001}' WHERE subject = 'a1'", What.ALTERED, 3),
    ("UPDATE audit SET at = at + interval '1 microsecond' WHERE subject = 'b2'", What.ALTERED, 6),
    ("DELETE FROM audit WHERE subject = 'b0'", What.REMOVED, 2),
    ("DELETE FROM audit_seal WHERE number = 6", What.INSERTED, 0),
    ("DELETE FROM audit_head WHERE number = 4", What.HEAD_GONE, 4),
    ("DELETE FROM audit_head WHERE number = 6", What.UNSIGNED, 5),
    ("UPDATE audit_seal SET hash = digest WHERE number = 2", What.HEAD, 2),
    ("UPDATE audit_head SET at = at + interval '1 day' WHERE number = 2", What.HEAD, 2),
    ("INSERT INTO audit (at, kind, actor, subject, data) VALUES (now(), 'x', 'm', 'x', '{}')", What.INSERTED, 0),
    ("UPDATE audit_seal SET record_id = 7 - record_id WHERE record_id IN (3, 4)", What.REORDERED, 3),
    ("UPDATE audit_personal SET value = '+1' WHERE value = '+4915100'", What.VALUE, 1),
    ("DELETE FROM audit_personal", What.GONE, 1),
)


async def test_what_an_owner_of_the_database_does_is_found(database: Database) -> None:
    await sealed(database)
    await forced(database, "ALTER TABLE audit_seal DROP CONSTRAINT audit_seal_record_id_key")  # so that two can swap
    for table in TABLES:
        await forced(database, f"CREATE TABLE kept_{table} AS TABLE {table}")
    for statement, what, number in TAMPERING:
        await forced(database, statement)
        findings = (await verified(database)).findings
        assert (what, number) in {(one.what, one.number) for one in findings}, statement
        for table in TABLES:
            await forced(database, f"DELETE FROM {table}")
            await forced(database, f"INSERT INTO {table} SELECT * FROM kept_{table}")
    assert (await verified(database)).good


async def test_a_cut_off_end_is_found_by_a_head_that_was_kept_outside(database: Database) -> None:
    await sealed(database)
    async with database.transaction() as session:
        head = await read.last_head(session)
    assert (await verified(database, anchor=head)).good
    for table in ("audit_seal", "audit_head"):
        await forced(database, f"DELETE FROM {table} WHERE number > 4")
    await forced(database, "DELETE FROM audit WHERE subject IN ('a2', 'b2')")
    assert (await verified(database)).good
    assert [one.what for one in (await verified(database, anchor=head)).findings] == [What.ANCHOR]


async def test_nothing_is_put_on_top_of_a_broken_end(database: Database) -> None:
    await sealed(database)
    await forced(database, "UPDATE audit_seal SET hash = digest WHERE number = 6")
    await wrote(database, "later")
    with pytest.raises(InvariantError):
        await auditing.seal(database, SIGNER, NOW)


async def test_writers_and_sealers_do_not_wait_for_one_another(database: Database) -> None:
    await wrote(database, "first")
    async with database.transaction() as writing:
        unseen = {"at": NOW, "kind": "x", "actor": "eva", "subject": "slow", "data": {}}
        await write.add(writing, unseen)
        await writing.flush()  # its id is lower than those that commit before it
        async with database.transaction() as other:
            assert await write.sealing(other)
            assert await auditing.seal(database, SIGNER, NOW) == 0  # another one is at it
        await wrote(database, "second")
        assert await auditing.seal(database, SIGNER, NOW) == 2
    both = await asyncio.gather(*(auditing.seal(database, SIGNER, NOW) for _ in range(3)))
    assert sorted(both) == [0, 0, 1]
    assert (await verified(database)).good


async def test_erasing_a_person_leaves_a_chain_that_holds(database: Database) -> None:
    await sealed(database)
    assert await auditing.erase(database, "a1", "asked for it", OPERATOR, NOW) == 1
    await auditing.seal(database, SIGNER, NOW)
    report = await verified(database)
    assert report.good
    assert report.erased == 1
    async with database.transaction() as session:
        told = {one.record.subject: one.data for one in await read.find(session, read.Wanted(kind="x"))}
        assert "+4915100" not in str((await session.execute(text("SELECT data FROM audit"))).all())
    assert told["a1"]["address"] == "(erased)"
    assert told["a0"]["address"] == "+4915100"


async def test_a_hold_keeps_and_is_only_lifted(database: Database) -> None:
    await sealed(database)
    hold = await auditing.hold(database, "a1", "case 7", OPERATOR, NOW)
    with pytest.raises(ConflictError):
        await auditing.erase(database, "a1", "asked for it", OPERATOR, NOW)
    with pytest.raises(DBAPIError, match="legal hold"):
        async with database.transaction() as session:
            await session.execute(text("DELETE FROM audit_personal WHERE person = 'a1'"))
    with pytest.raises(DBAPIError, match="only lifted"):
        async with database.transaction() as session:
            await session.execute(text("UPDATE audit_hold SET since = 100"))
    assert await auditing.archivable(database, NOW + timedelta(days=1), OPERATOR) == 2  # number 3 is held
    await auditing.lift(database, hold, "case closed", OPERATOR, NOW)
    assert await auditing.erase(database, "a1", "asked for it", OPERATOR, NOW) == 1
    assert await auditing.archivable(database, NOW + timedelta(days=1), OPERATOR) == 6


async def test_what_was_archived_is_dropped_and_verifies_as_a_file(database: Database) -> None:
    await sealed(database)
    upto = await auditing.archivable(database, NOW + timedelta(minutes=90), OPERATOR)
    assert upto == 4
    lines = [line async for line in auditing.exported(database, upto)]
    point = await auditing.drop(database, SIGNER, upto, "f" * 64, OPERATOR, NOW)
    await auditing.seal(database, SIGNER, NOW)
    report = await verified(database)
    assert report.good
    assert (report.first, report.last, report.records) == (5, 7, 3)
    archived = verify_lines(Verifier(TRUSTED.valid), lines)
    assert archived.good
    assert archived.hash == point.hash
    assert TRUSTED.valid(head_of(point))
    lines[2] = lines[2].replace('"eva"', '"mallory"')
    assert [one.number for one in verify_lines(Verifier(TRUSTED.valid), lines).findings] == [3]
    with pytest.raises(NotFoundError):
        await auditing.archivable(database, NOW, OPERATOR)


async def test_an_exported_line_is_read_back_as_it_was(database: Database) -> None:
    await sealed(database, 1)
    async for batch in read.lines(database, 0, 2):
        texts = [line async for line in auditing.exported(database, 2)]
        assert [read_line(one) for one in texts] == batch


async def test_c24_no_exported_cell_is_a_formula(database: Database) -> None:
    await wrote(database, "=HYPERLINK(1)", "+1", "@x", note="=cmd|' /C calc'!A0")
    found = [one async for batch in read.find_all(database, read.Wanted()) for one in batch]
    sheet = "".join(as_csv(found, header=True))
    assert "'=HYPERLINK(1)" in sheet
    assert not any(cell.strip('"').startswith(("=", "+", "@", "-")) for cell in sheet.split(","))


async def test_records_are_found_by_what_they_say(database: Database) -> None:
    await sealed(database)
    async with database.transaction() as session:
        find = read.find
        assert [one.record.subject for one in await find(session, read.Wanted(subject="a1"))] == ["a1"]
        assert len(await find(session, read.Wanted(kind="x", actor="eva"))) == 6
        assert await find(session, read.Wanted(kind="x.to")) == []
        assert len(await find(session, read.Wanted(words="TOLD eva B"))) == 3
        assert await find(session, read.Wanted(words="%")) == []
        assert await find(session, read.Wanted(start=NOW + timedelta(seconds=1))) == []
        assert await read.kinds(session) == ["x.told"]


async def test_a_forged_head_from_outside_does_not_count(database: Database) -> None:
    await sealed(database)
    forged = Signer("m" * 32).sign(Head(2, "0" * 64, NOW))
    assert [one.what for one in (await verified(database, anchor=forged)).findings] == [What.ANCHOR]


async def test_parts_that_are_verified_apart_leave_nothing_out(database: Database) -> None:
    await sealed(database, 4)
    assert await auditing.length(database) == 8
    parts = await auditing.parts(database, 2)
    assert parts == [(0, 4), (5, 0)]
    reports = [await verified(database, first=a, last=b, joined=a > 0) for a, b in parts]
    assert [(report.good, report.first, report.last, report.records) for report in reports] == [
        (True, 1, 4, 4), (True, 5, 8, 4),
    ]  # fmt: skip
    forged = SIGNER.sign(Head(6, "0" * 64, NOW, 2))
    await forced(database, "DELETE FROM audit_head WHERE number = 6")
    assert [one.what for one in (await verified(database, first=5, joined=True)).findings] == [What.HEAD_GONE]
    await forced(
        database,
        f"INSERT INTO audit_head (number, hash, at, after, key, signature) SELECT 6, hash, '{NOW}', 2, '{forged.key}', "
        f"'{forged.signature}' FROM audit_seal WHERE number = 6",
    )
    assert not (await verified(database, first=5, joined=True)).good


async def test_one_chain_in_one_part(database: Database) -> None:
    assert await auditing.parts(database, 3) == [(0, 0)]
    await sealed(database, 1)
    assert await auditing.parts(database, 3) == [(0, 0)]
