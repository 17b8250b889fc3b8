"""A real Tryton for the connector, put back for each module."""

from collections.abc import Iterator

import httpx
import pytest

from connectors.tryton.config import TrytonConfig
from connectors.tryton.connector import TrytonSystem, build
from infra.plant.erp.reader import Lot, Order, Reader, Sale
from tests.support.erp import BUILD_SECONDS, ERP, Started


class Erp:
    """The running ERP: the product's connector, and the plant's own reader to look at what it did."""

    def __init__(self, started: Started) -> None:
        self.server = started.server
        self.passwords = started.passwords
        self.anchor = started.anchor
        self.url = self.server.url.removesuffix("erp/")
        self.reader = Reader(self.server.url, self.passwords["plant_reader"])

    def system(
        self, *, transport: httpx.AsyncBaseTransport | None = None, secret: str = "", timeout: float = 30
    ) -> TrytonSystem:
        config = TrytonConfig(
            url=self.url, database="erp", user="mos_product", timezone="Europe/Prague", timeout=timeout
        )
        return build(config, {"password": secret or self.passwords["mos_product"]}, transport)

    def order(self, reference: str) -> Order:
        return next(order for order in self.reader.orders() if order.reference == reference)

    def lot(self, number: str) -> Lot:
        return next(lot for lot in self.reader.lots() if lot.number == number)

    def sale(self, reference: str) -> Sale:
        return next(sale for sale in self.reader.sales() if sale.reference == reference)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test may have to wait for the template."""
    for item in items:
        if "erp" in getattr(item, "fixturenames", ()) or "books" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(BUILD_SECONDS))


@pytest.fixture(scope="session")
def erp_running() -> Iterator[Erp]:
    """One server for the session."""
    with ERP.use() as started:
        yield Erp(started)


@pytest.fixture(scope="module")
def erp(erp_running: Erp) -> Erp:
    """The ERP as seeded, for one module: its tests have records, keys and exceptions of their own."""
    erp_running.server.reset()
    return erp_running
