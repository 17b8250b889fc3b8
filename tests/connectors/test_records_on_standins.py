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
ERPNEXT: list[o.Outcome] = [o.HoldLot(lot=LOT, reason="cracks"), o.DisposeLot(lot=LOT, disposition="release")]
Peer = tuple[OdooSystem | ErpNextSystem, OdooStandIn | ErpNextStandIn, list[o.Outcome]]


@pytest.fixture(params=["json2", "jsonrpc", "erpnext"])
def peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    if request.param == "erpnext":
        site = ErpNextStandIn("key", "secret")
        with serving(erpnext_app(site, "control")) as url:
            told = {"operator": OPERATOR, "procedure": PROCEDURE, "timezone": PLANT.site.timezone}
            config = ErpNextConfig.model_validate({"url": url, "api_key": "key", **told})
            yield erpnext(config, {"api_secret": "secret"}), site, BOTH + ERPNEXT
        return
    database = OdooStandIn("key", enterprise=True)
    with serving(odoo_app(database, "control")) as url:
        told = {"api": request.param, "database": "plant", "user": "mos", "enterprise": "true"}
        yield odoo(OdooConfig.model_validate({"url": url, **told}), {"api_key": "key"}), database, BOTH + ODOO


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
