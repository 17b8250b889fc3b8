"""What a batch has in stock, by its goods movements: a table."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from connectors.sap.config import Stock
from connectors.sap.stock import Place, batch_of
from domain.books.outcomes import HoldLot, RecordDeviation
from domain.errors import ConfigError, RejectedError
from tests.connectors.sap.lab import Sap, posting


def line(kind: str, quantity: int, **more: Any) -> Mapping[str, Any]:
    item = {"Material": "BAR", "Plant": "P", "StorageLocation": "0001", "MaterialBaseUnit": "PC"}
    return item | {"GoodsMovementType": kind, "QuantityInBaseUnit": Decimal(quantity)} | more


OWN: dict[str, tuple[Stock, Stock]] = {"Z44": ("unrestricted", "blocked"), "101": ("outside", "quality")}


@pytest.mark.parametrize(
    "items, own, free, blocked",
    [
        ([line("101", 10)], {}, {"0001": 10}, {}),
        ([line("101", 10), line("344", 4)], {}, {"0001": 6}, {"0001": 4}),
        ([line("101", 10), line("344", 4), line("343", 4)], {}, {"0001": 10}, {}),
        ([line("101", 10), line("344", 10), line("555", 3)], {}, {}, {"0001": 7}),
        ([line("101", 10), line("261", 4), line("262", 1)], {}, {"0001": 7}, {}),
        ([line("101", 10), line("102", 10)], {}, {}, {}),
        ([line("101", 10), line("311", 4, IssuingOrReceivingStorageLoc="0002")], {}, {"0001": 6, "0002": 4}, {}),
        ([line("101", 10), line("344", 4), line("344", 4, IsAutomaticallyCreated="X")], {}, {"0001": 6}, {"0001": 4}),
        ([line("561", 10), line("Z44", 10)], OWN, {}, {"0001": 10}),
        ([line("101", 10)], OWN, {}, {}),
    ],
)
def test_movements_add_up(
    items: list[Mapping[str, Any]], own: dict[str, tuple[Stock, Stock]], free: dict[str, int], blocked: dict[str, int]
) -> None:
    batch = batch_of("L", items, own)
    assert batch is not None
    assert where(batch.quantities("unrestricted")) == free
    assert where(batch.quantities("blocked")) == blocked


def where(quantities: Mapping[Place, Decimal]) -> dict[str, int]:
    return {place.location: int(quantity) for place, quantity in quantities.items()}


def test_what_nobody_described_is_not_guessed() -> None:
    assert batch_of("L", [], {}) is None
    with pytest.raises(ConfigError, match="999"):
        batch_of("L", [line("999", 1)], {})
    with pytest.raises(RejectedError, match="BAR, ROD"):
        batch_of("L", [line("101", 1), line("101", 1, Material="ROD")], {})


@pytest.mark.parametrize("outcome", [HoldLot(lot="L-BAR-502", reason="x"), RecordDeviation(lot="L-BAR-502", title="x")])
async def test_nothing_is_posted_to_a_service_that_is_not_used(sap: Sap, outcome: Any) -> None:
    """Its documents could not be looked up before a retry."""
    system = sap.system(
        services=["API_MATERIAL_DOCUMENT_SRV"] if outcome.kind != "hold_lot" else ["API_SALES_ORDER_SRV"]
    )
    with pytest.raises(ConfigError, match="not among the services"):
        await system.post(posting("k", outcome))
