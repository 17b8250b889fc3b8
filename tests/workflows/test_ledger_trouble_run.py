"""A dead letter calls whoever keeps the ledger, and its end in the ledger ends the call."""

from typing import Any

import yaml
from sqlalchemy import select
from sqlmodel import col

from admin.actors import Actor
from admin.books import ledger as admin
from admin.books.deciding import Deed
from admin.definitions import publish
from store.tables import ExceptionRow, LedgerRow
from tests.support.eventually import eventually
from tests.support.plant import SITE, Plant, utcnow

BOSS = Actor("sofia", signed_in=False)


async def no_settling(plant: Plant) -> None:
    site = yaml.safe_load((SITE / "site.yaml").read_text())
    site["parameters"]["ledger_difference"] = {"settle_for": "0s"}
    await publish.publish_site(plant.database, site, author="eng", now=utcnow())


async def dead_letters(plant: Plant, number: int) -> list[LedgerRow]:
    async def find() -> Any:
        found = await plant.rows(select(LedgerRow).where(col(LedgerRow.status) == "dead_lettered"))
        return found if len(found) == number else None

    rows: list[LedgerRow] = await eventually(find, f"{number} dead letters")
    return rows


async def test_refusals_call_one_person_once_until_the_last_is_written_off(plant: Plant) -> None:
    await no_settling(plant)
    plant.erp.trouble.extend(["refuse", "refuse"])
    await plant.fail_inspection()
    letters = await dead_letters(plant, 2)
    task = await plant.task("see_to_it")
    assert task.asked == ["sofia"]
    await plant.press("sofia", "see_to_it", "accept")
    for letter in letters:
        await admin.write_off(plant.database, letter.id, Deed(BOSS, utcnow(), "held by hand"))
    (opened,) = await plant.rows(select(ExceptionRow).where(col(ExceptionRow.definition) == "ledger_difference"))
    closed = await plant.closed(opened.id)
    assert closed.key == "erp:refused"
    said = [str(message.payload) for message in [*plant.slack.sent, *plant.sms.sent]]
    assert any("/ledger/txn_" in text and "the period is closed" in text for text in said)
