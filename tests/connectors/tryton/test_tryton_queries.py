"""The named queries, on a real Tryton."""

import pytest

from connectors.tryton.config import TrytonConfig
from connectors.tryton.connector import build
from domain.books.outcomes import HoldLot, OutcomeTransaction, System
from domain.errors import AuthError, InvalidPayloadError, NotFoundError
from domain.values import Json
from tests.connectors.tryton.conftest import Erp

ASSIGNED = ("assigned", "GS-40")


async def ask(erp: Erp, name: str, **where: Json) -> Json:
    return await erp.system().query(name, where)


async def test_demand_names_customer_and_promise_and_leaves_stock_orders_out(erp: Erp) -> None:
    lines = await ask(erp, "erp.sales_demand", job_orders=["JO-1001", "JO-1002", "JO-1003"])
    assert [(line["job_order"], line["sale"], line["customer"]) for line in lines] == [
        ("JO-1001", "SO-2001", "Orlik Pumps"),
        ("JO-1003", "SO-2002", "Vesta Rail"),
    ]
    assert all(line["promised"].endswith("Z") and line["version"] for line in lines)
    assert await ask(erp, "erp.sales_demand", job_orders=[]) == []
    assert await ask(erp, "erp.sales_demand", job_orders=["JO-1002", "JO-9999"]) == []


async def test_orders_with_their_works(erp: Erp) -> None:
    (order,) = await ask(erp, "erp.orders", job_orders=["JO-1003"])
    assert (order["state"], order["priority"], order["hold"], order["material"]) == ("assigned", 50, False, "GS-40")
    assert [(work["seq"], work["work_unit"]) for work in order["works"]] == [
        (10, "lathe-1"),
        (20, "mill-1"),
        (30, "furnace-1"),
    ]


async def test_a_lot_with_who_needs_it(erp: Erp) -> None:
    lot = await ask(erp, "erp.lot", lot="L-BAR-502")
    assert (lot["material"], lot["hold"], lot["job_orders"]) == ("BAR-40", False, ["JO-1003", "JO-1008"])
    assert lot["reserved_by"] == ["JO-1003", "JO-1008"]
    assert [(place["quarantine"], place["free"]) for place in lot["places"]] == [(False, 40.0)]


@pytest.mark.parametrize("quantity, covered", [(100, True), (1000, False)])
async def test_material_counts_what_is_neither_reserved_nor_held(erp: Erp, quantity: int, covered: bool) -> None:
    answer = await ask(erp, "erp.material", material="GS-40", quantity=quantity)
    assert answer["covered"] is covered
    (part,) = answer["components"]
    on_hand = sum(lot.quantities.get("STO", 0) for lot in erp.reader.lots() if lot.material == "BAR-40")
    reserved = sum(order.quantity for order in erp.reader.orders() if (order.state, order.material) == ASSIGNED)
    assert reserved
    assert part == {"material": "BAR-40", "needed": quantity, "free": on_hand - reserved}


async def test_a_held_lot_is_not_there(erp: Erp) -> None:
    before = (await ask(erp, "erp.material", material="GS-40", quantity=1))["components"][0]["free"]
    lot = await ask(erp, "erp.lot", lot="L-BAR-501")
    hold = HoldLot(lot="L-BAR-501", reason="Crack")
    transaction = OutcomeTransaction(id="txn_1", key="k", exception_id="exc_1", system=System.ERP, outcomes=[hold])
    await erp.system().post(transaction)
    after = (await ask(erp, "erp.material", material="GS-40", quantity=1))["components"][0]["free"]
    assert after == before - lot["places"][0]["free"]


async def test_a_sale_with_its_lines(erp: Erp) -> None:
    sale = await ask(erp, "erp.sale", sale="SO-2003")
    assert (sale["customer"], sale["customer_id"]) == ("Orlik Pumps", "orlik")
    assert [(line["material"], line["quantity"]) for line in sale["lines"]] == [("PH-12", 30.0)]


async def test_what_is_not_there_or_not_asked_for_rightly(erp: Erp) -> None:
    for name, where in (("erp.lot", {"lot": "L-9"}), ("erp.sale", {"sale": "SO-9"})):
        with pytest.raises(NotFoundError):
            await ask(erp, name, **where)
    with pytest.raises(NotFoundError):
        await ask(erp, "erp.material", material="XX", quantity=1)
    for name, where in (
        ("erp.lot", {}),
        ("erp.orders", {"job_orders": "JO-1"}),
        ("erp.material", {"material": "GS-40"}),
    ):
        with pytest.raises(InvalidPayloadError):
            await ask(erp, name, **where)


async def test_a_wrong_password_is_told_without_it(erp: Erp) -> None:
    with pytest.raises(AuthError) as caught:
        await erp.system(secret="not-this-one").query("erp.sale", {"sale": "SO-2001"})
    assert "not-this-one" not in repr(caught.value) + caught.value.detail


async def test_what_our_user_may_is_tried_when_tryton_is_connected(erp: Erp) -> None:
    found = await erp.system().probe()
    assert [finding.what for finding in found if not finding.ok] == []
    assert {"read production", "create mfgos.posting", "a quarantine location"} <= {one.what for one in found}


async def test_a_user_without_our_group_is_told_what_lacks(erp: Erp) -> None:
    """The sales desk reads everything and may not post: that is found before the first posting."""
    config = TrytonConfig(url=erp.url, database="erp", user="plant_sales")
    system = build(config, {"password": erp.passwords["plant_sales"]})
    found = await system.probe()
    await system.close()
    missing = [finding for finding in found if not finding.ok and finding.blocks]
    assert missing
    assert "group" in missing[0].advice
