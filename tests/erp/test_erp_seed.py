"""The seeded plant is the catalogue's plant, at the anchor it was moved to."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from infra.plant.erp.environment import CATALOGUE

Erp = Any
STATES = {"running": "running", "released": "assigned", "planned": "waiting"}


@pytest.fixture(scope="module")
def catalogue() -> dict[str, Any]:
    plant: dict[str, Any] = yaml.safe_load(CATALOGUE.read_text())
    return plant


def test_job_orders_have_their_works_machines_times_lots_and_sales(erp_session: Erp, catalogue: dict[str, Any]) -> None:
    erp_session.server.reset()
    zone = ZoneInfo(catalogue["site"]["timezone"])
    orders = {o.reference: o for o in erp_session.reader.orders()}
    assert orders.keys() == {o["id"] for o in catalogue["job_orders"]}
    for job in catalogue["job_orders"]:
        found = orders[job["id"]]
        assert (found.state, found.material, found.quantity) == (STATES[job["state"]], job["material"], job["quantity"])
        assert (found.lots, found.sale) == ((job["lot"],), job.get("sale", ""))
        at = [(erp_session.anchor + timedelta(minutes=op[2]), timedelta(minutes=op[3])) for op in job["ops"]]
        assert [(w.sequence, w.work_unit) for w in found.works] == [(op[0], op[1]) for op in job["ops"]]
        assert [(w.planned_start, w.planned_end) for w in found.works] == [(start, start + took) for start, took in at]
        assert found.planned_start_date == at[0][0].astimezone(zone).date()


def test_lots_lie_in_storage_as_the_catalogue_says(erp_session: Erp, catalogue: dict[str, Any]) -> None:
    erp_session.server.reset()
    lots = {lot.number: lot for lot in erp_session.reader.lots()}
    expected = {lot["id"]: {"STO": lot["quantity"], "QUARANTINE": 0} for lot in catalogue["lots"]}
    assert {number: lot.quantities for number, lot in lots.items()} == expected
    assert set(lots["L-BAR-502"].reserved_by) == {"JO-1003", "JO-1008"}


def test_sales_are_promised_from_the_anchor(erp_session: Erp, catalogue: dict[str, Any]) -> None:
    erp_session.server.reset()
    zone = ZoneInfo(catalogue["site"]["timezone"])
    sales = {sale.reference: sale for sale in erp_session.reader.sales()}
    for expected in catalogue["sales"]:
        found = sales[expected["id"]]
        promised = erp_session.anchor + timedelta(minutes=expected["promised"])
        assert (found.promised_at, found.shipping_date) == (promised, promised.astimezone(zone).date())
        assert found.state == "processing"


def test_machines_and_controls_are_there(erp_session: Erp, catalogue: dict[str, Any]) -> None:
    erp_session.server.reset()
    units = {unit.code: unit.status for unit in erp_session.reader.work_units()}
    assert units == {unit["id"]: "up" for unit in catalogue["work_units"]}
    points = erp_session.product.call("model.quality.control.point.search_read", [], 0, None, None, ["name"])
    assert {point["name"] for point in points} == {inspection["id"] for inspection in catalogue["inspections"]}


def test_a_summary_holds_every_kind(erp_session: Erp) -> None:
    erp_session.server.reset()
    summary = erp_session.reader.summary()
    assert [kind for kind, rows in summary.items() if rows] == ["orders", "lots", "work_units", "sales"]
