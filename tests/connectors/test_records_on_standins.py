"""Odoo's and ERPNext's connectors on the strict stand-ins with the demo plant: every kind once, no rule broken."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.erpnext.config import ErpNextConfig
from connectors.erpnext.connector import ErpNextSystem
from connectors.erpnext.connector import build as erpnext
from connectors.odoo.config import OdooConfig
from connectors.odoo.connector import OdooSystem
from connectors.odoo.connector import build as odoo
from domain.books import outcomes as o
from domain.books.booking import Preview
from domain.errors import RejectedError
from domain.values import Json
from infra.plant.catalogue import load_catalogue
from infra.standins.erpnext.app import OPERATOR, PROCEDURE, ErpNextStandIn
from infra.standins.erpnext.app import build_app as erpnext_app
from infra.standins.odoo.app import OdooStandIn
from infra.standins.odoo.app import build_app as odoo_app
from infra.standins.serve import serving

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
END = START + timedelta(hours=3)
PLANT = load_catalogue()
LOT, MATERIAL = PLANT.lots[0].id, PLANT.job_orders[0].material
BOTH: list[o.Outcome] = [
    o.RescheduleOrders(orders=[o.PlannedOrder(job_order="JO-1003", planned_start=START, planned_end=END)]),
    o.RecordDowntime(equipment="mill-1", start=START, end=END, cause="bearing"),
    o.MaintenanceOrder(equipment="mill-1", title="Bearing"),
    o.RecordDeviation(lot=LOT, title="Cracks"),
]
ODOO: list[o.Outcome] = [
    o.SetPriority(job_orders=["JO-1003"], priority=1),
    o.CreateOrder(job_order="JO-2000", material=MATERIAL, quantity=2, planned_start=START, planned_end=END),
    o.ChangePromise(sale="SO-2001", promised=END),
]
LOTS: list[o.Outcome] = [o.HoldLot(lot=LOT, reason="cracks"), o.DisposeLot(lot=LOT, disposition="release")]
Peer = tuple[OdooSystem | ErpNextSystem, OdooStandIn | ErpNextStandIn, list[o.Outcome]]


@pytest.fixture(params=["json2", "jsonrpc", "erpnext"])
def peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    if request.param == "erpnext":
        site = ErpNextStandIn("key", "secret")
        with serving(erpnext_app(site, "control")) as url:
            told = {"operator": OPERATOR, "procedure": PROCEDURE, "timezone": PLANT.site.timezone}
            config = ErpNextConfig.model_validate({"url": url, "api_key": "key", **told})
            yield erpnext(config, {"api_secret": "secret"}), site, BOTH + LOTS
        return
    database = OdooStandIn("key", enterprise=True)
    with serving(odoo_app(database, "control")) as url:
        told = {
            "api": request.param,
            "database": "plant",
            "user": "mos",
            "enterprise": "true",
            "quarantine": "WH/Quarantine",
        }
        yield odoo(OdooConfig.model_validate({"url": url, **told}), {"api_key": "key"}), database, BOTH + ODOO + LOTS


async def test_every_kind_is_shown_booked_once_found_and_read_back(peer: Peer) -> None:
    system, standin, kinds = peer
    assert [finding.what for finding in await system.probe() if not finding.ok] == []
    for number, outcome in enumerate(kinds):
        drafted = {"id": "txn_1", "key": f"exc_1:post:{number}", "exception_id": "exc_1", "system": "erp"}
        wanted = o.OutcomeTransaction.model_validate({**drafted, "outcomes": [outcome.model_dump()]})
        shown = await system.preview(wanted)
        assert shown.changes
        first = await system.post(wanted.model_copy(update={"versions": shown.versions}))
        again, found = await system.post(wanted), await system.find(wanted.key)
        assert (first.replayed, again.replayed) == (False, True)
        assert found is not None
        assert found.documents == again.documents == first.documents
        back = await system.read_back(wanted, first)
        assert (back.known, back.changed) == (True, [])
    assert standin.records.violations() == []
    await system.close()


def drafted(key: str, *kinds: o.Outcome) -> o.OutcomeTransaction:
    told = {"id": "txn_1", "key": key, "exception_id": "exc_1", "system": "erp"}
    return o.OutcomeTransaction.model_validate({**told, "outcomes": [one.model_dump() for one in kinds]})


def stood(shown: Preview) -> dict[tuple[str, str], Json]:
    """A number that was never set is none, or 0."""
    return {(one.record, one.field): one.before or None for one in shown.changes}


async def test_every_kind_is_taken_back(peer: Peer) -> None:
    """What stood stands again, and what was made is gone: twice over, as after a lost answer."""
    system, standin, kinds = peer
    for number, outcome in enumerate(kinds):
        wanted = drafted(f"exc_1:way:{number}", outcome)
        shown = await system.preview(wanted)
        receipt = await system.post(wanted)
        undo = drafted(f"{wanted.key}:reversal", *await system.reversal(wanted, receipt, shown))
        assert (await system.preview(undo)).changes
        back = await system.post(undo)
        await system.post(undo)
        assert (await system.read_back(undo, back)).changed == []
        if isinstance(outcome, o.DisposeLot):
            continue  # its way back was a hold: the lot lies in quarantine again
        if not isinstance(outcome, o.CreateOrder):  # its name is taken for good
            assert stood(await system.preview(drafted("exc_1:look", outcome))) == stood(shown)
        if isinstance(outcome, o.HoldLot):  # held again for the release that follows
            await system.post(drafted("exc_1:held", outcome))
    assert standin.records.violations() == []
    await system.close()


async def test_nothing_is_cancelled_that_is_not_ours(peer: Peer) -> None:
    system, standin, _ = peer
    theirs = "mrp.production 1" if isinstance(standin, OdooStandIn) else "Batch " + LOT
    with pytest.raises(RejectedError):
        await system.post(drafted("exc_1:theirs", o.CancelDocuments(documents=[theirs])))


def lies(database: OdooStandIn) -> dict[int, float]:
    """How much of the lot, by place."""
    return {row["location_id"]: row["quantity"] for row in database.dump("stock.quant") if row["lot_id"] == 1}


async def test_a_held_lot_lies_in_quarantine_and_nothing_is_moved_twice() -> None:
    database = OdooStandIn("key")
    with serving(odoo_app(database, "control")) as url:
        system = odoo(OdooConfig(url=url, quarantine="WH/Quarantine"), {"api_key": "key"})
        part = o.HoldLot(lot=LOT, quantity=2, reason="cracks")
        way = await system.reversal(drafted("exc_0:part", part), await system.post(drafted("exc_0:part", part)), None)
        assert way == [o.DisposeLot(lot=LOT, quantity=2, disposition="release", reason="taken back")]
        assert lies(database) == {1: PLANT.lots[0].quantity - 2, 2: 2}
        await system.post(drafted("exc_0:back", *way))
        hold = o.HoldLot(lot=LOT, reason="cracks")
        first, again = [await system.post(drafted("exc_1:hold", hold)) for _ in range(2)]
        assert (again.replayed, again.documents) == (True, first.documents)
        with pytest.raises(RejectedError, match="nothing of lot"):
            await system.post(drafted("exc_2:hold", hold))
        assert lies(database) == {1: 0, 2: PLANT.lots[0].quantity}
        await system.close()


async def test_a_hold_goes_back_by_so_much_as_it_moved() -> None:
    """What lies in quarantine beside it was put there by somebody else. No preview is needed for that."""
    database, all_of_it = OdooStandIn("key"), PLANT.lots[0].quantity
    with serving(odoo_app(database, "control")) as url:
        system = odoo(OdooConfig(url=url, quarantine="WH/Quarantine"), {"api_key": "key"})
        await system.post(drafted("exc_9:theirs", o.HoldLot(lot=LOT, quantity=2, reason="dents")))
        whole = drafted("exc_1:whole", o.HoldLot(lot=LOT, reason="cracks"))
        receipt = await system.post(whole)
        with pytest.raises(RejectedError, match="how much it moved"):
            await system.reversal(whole, o.Receipt(key=whole.key), None)
        way = await system.reversal(whole, receipt, None)
        assert way == [o.DisposeLot(lot=LOT, quantity=all_of_it - 2, disposition="release", reason="taken back")]
        back = drafted("exc_1:back", *way)
        freed = await system.post(back)
        assert lies(database) == {1: all_of_it - 2, 2: 2}
        assert (await system.post(back)).replayed, "what lies there now is less than that, and it stands already"
        assert (await system.read_back(back, freed)).known
        again = await system.reversal(back, freed, None)
        assert again == [o.HoldLot(lot=LOT, quantity=all_of_it - 2, reason="taken back")]
        await system.close()
