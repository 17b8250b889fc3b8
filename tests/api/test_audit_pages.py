"""The audit in the console: who may read it, one record with its proof, what is taken out, and the dossier."""

import re
import zlib
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select, text, update
from sqlmodel import col

from admin.actors import Actor
from admin.audit import auditing
from admin.audit.keys import Signer, Trusted
from store.db import Database
from store.tables import AuditRow, PersonRow
from store.write.evidence import audit as write
from tests.api.seeding import BREAKDOWN, HOLD, NOW, QUALITY, TECHNICIAN
from tests.api.site import Browser, application, browser, dependencies, hidden

SIGNER = Signer("k" * 32)
AUDITOR = QUALITY


@pytest.fixture
async def auditor(database: Database) -> AsyncIterator[Browser]:
    """A browser of somebody who may read the audit."""
    async with database.transaction() as session:
        person = (await session.scalars(select(PersonRow).where(col(PersonRow.id) == AUDITOR))).one()
        data = person.data | {"authorities": [*person.data["authorities"], auditing.READ]}
        await session.execute(update(PersonRow).where(col(PersonRow.id) == AUDITOR).values(data=data))
        for number in range(3):
            said = {"comment": f"=no{number}", "exception": BREAKDOWN}
            fact = {"at": NOW, "kind": "decision", "actor": "petr", "subject": f"dec_{number}", "data": said}
            await write.add(session, fact)
    async with browser(application(dependencies(database, audit_keys=Trusted([SIGNER.public])))) as found:
        await found.sign_in(AUDITOR)
        await auditing.seal(database, SIGNER, NOW)
        yield found


async def kinds(database: Database) -> list[str]:
    async with database.transaction() as session:
        return list(await session.scalars(select(col(AuditRow.kind)).order_by(col(AuditRow.id))))


async def test_only_those_who_may_read_it_see_it(somebody: Browser) -> None:
    await somebody.sign_in(TECHNICIAN)
    assert "/audit" not in (await somebody.get("/")).text
    form = hidden((await somebody.get("/")).text)
    for page in ("/audit", "/audit/1"):
        assert (await somebody.get(page)).status_code == 403
    for target in ("/audit/verify", "/audit/export", f"/exceptions/{BREAKDOWN}/dossier"):
        assert (await somebody.post(target, form | {"format": "csv"})).status_code == 403


async def test_records_are_searched_and_shown_with_their_proof(auditor: Browser) -> None:
    page = (await auditor.get("/audit?kind=decision&words=DEC_1")).text
    assert page.count("<td") == 5
    assert "dec_2" not in page
    record = re.search(r'href="(/audit/\d+)"', page)
    assert record is not None
    proof = (await auditor.get(record[1])).text
    assert "as it was sealed" in proof
    assert "=no1" in proof
    assert (await auditor.get("/audit/999999")).status_code == 404
    assert (await auditor.get("/audit?start=soon")).status_code == 400


async def test_the_list_tells_who_was_only_named(auditor: Browser, database: Database) -> None:
    for subject, by in (("one", Actor("petr", signed_in=False)), ("two", Actor("petr"))):
        await auditing.told_of_export(database, "csv", subject, by, NOW)
    named = (await auditor.get("/audit?subject=one")).text
    assert "(named by the operator)" in named
    assert "(named by the operator)" not in (await auditor.get("/audit?subject=two")).text


async def test_a_changed_record_is_shown_as_such(auditor: Browser, database: Database) -> None:
    form = {"csrf": hidden((await auditor.get("/audit")).text)["csrf"]}
    assert "as it was sealed" in (await auditor.post("/audit/verify", form)).text
    async with database.transaction() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text("UPDATE audit SET actor = 'mallory' WHERE subject = 'dec_1'"))
        gone = await session.scalar(text("DELETE FROM audit WHERE subject = 'dec_0' RETURNING id"))
    told = (await auditor.post("/audit/verify", form)).text
    assert "The audit was changed" in told
    assert "dec_1" in told
    assert f'href="/audit/{gone}"' not in told, "what is gone has no page"
    page = (await auditor.get("/audit?subject=dec_1")).text
    record = re.search(r'href="(/audit/\d+)"', page)
    assert record is not None
    assert "does not fit" in (await auditor.get(record[1])).text
    part = form | {"first": "1", "last": "1"}
    assert "a part" in (await auditor.post("/audit/verify", part)).text


async def test_c24_what_is_taken_out_is_safe_and_on_record(auditor: Browser, database: Database) -> None:
    form = hidden((await auditor.get("/audit?kind=decision")).text, 'class="buttons actions"')
    sheet = await auditor.post("/audit/export", form | {"format": "csv", "subject": "dec_2"})
    assert sheet.headers["content-disposition"].endswith('"audit.csv"')
    assert "\"'=no2" in sheet.text.replace('""', '"')
    assert "dec_1" not in sheet.text
    lines = (await auditor.post("/audit/export", form | {"format": "jsonl"})).text.splitlines()
    assert len(lines) == 3
    assert (await kinds(database)).count("audit.exported") == 2
    assert (await auditor.post("/audit/export", form | {"format": "exe"})).status_code == 400


@pytest.mark.parametrize("exception", [BREAKDOWN, HOLD])
async def test_the_dossier_tells_it_all_on_paper(auditor: Browser, database: Database, exception: str) -> None:
    page = (await auditor.get(f"/exceptions/{exception}")).text
    paper = await auditor.post(f"/exceptions/{exception}/dossier", hidden(page, 'id="dossier"'))
    assert paper.status_code == 200
    assert paper.content.startswith(b"%PDF-")
    assert b"DejaVuSans" in paper.content  # the fonts travel with it
    assert (await kinds(database))[-1] == "audit.exported"


def test_paper_has_polish_letters_and_no_markup_from_outside() -> None:
    from templates.dossier.pdf import pdf

    made = pdf("<h1>Zażółć gęślą jaźń</h1><p><code>&lt;img src=x&gt;</code></p>", title="t", foot="f", made_at=NOW)
    told = made + b"".join(_inflated(part) for part in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", made, re.S))
    assert all(f"<{ord(letter):04X}>".encode() in told for letter in "żółćęśąźń")


def test_paper_is_made_of_anything_that_people_and_systems_write() -> None:
    from templates.dossier.blocks import blocks_of
    from templates.dossier.pdf import pdf

    html = (
        "<h2>Długie Überschrift</h2><p>By <b>Eva</b> <a href='x'>there</a> <code>&lt;b&gt;1</code></p>"
        "<table data-widths='30 70'><tr><th>A</th><th>B</th></tr>"
        f"<tr><td>{'x' * 400}</td><td><code>{'{&quot;a&quot;: 1}, ' * 1500}</code></td></tr>"
        "<tr><td></td><td></td></tr></table>"
        "<li>one</li><p> </p>"
    )
    heading, text, table, item = blocks_of(html)
    assert [(run.text, run.style) for run in text.runs] == [
        ("By ", ""), ("Eva", "b"), (" there ", ""), ("<b>1", "code"),
    ]  # fmt: skip
    assert (heading.kind, item.kind, table.widths) == ("h2", "li", (30, 70))
    assert (table.rows[0][0].head, table.rows[1][1].mono) == (True, True)
    made = pdf(html, title="t" * 300, place="Brno", foot="f", made_at=NOW)
    assert len(re.findall(rb"/Type /Page\b(?!s)", made)) > 3


def _inflated(part: bytes) -> bytes:
    try:
        return zlib.decompress(part)
    except zlib.error:
        return b""
