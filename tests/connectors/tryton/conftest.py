"""A real Tryton for the connector: the cached template, cloned once, its day today, put back for each module."""

import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from connectors.tryton.config import TrytonConfig
from connectors.tryton.connector import TrytonSystem, build
from infra.plant.erp.credentials import generate
from infra.plant.erp.reader import Lot, Order, Reader, Sale
from infra.plant.erp.server import ErpServer, Template, run
from tests.erp.conftest import BUILD_SECONDS, erp_template  # noqa: F401 (a fixture)


class Erp:
    """The running ERP: the product's connector, and the plant's own reader to look at what it did."""

    def __init__(self, server: ErpServer, passwords: dict[str, str], anchor: datetime) -> None:
        self.server = server
        self.passwords = passwords
        self.anchor = anchor
        self.url = server.url.removesuffix("erp/")
        self.reader = Reader(server.url, passwords["plant_reader"])

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
def erp_running(erp_template: Template) -> Iterator[Erp]:  # noqa: F811
    """Beside pytest's own folder: another pytest closes that to the account that PostgreSQL runs as."""
    anchor = datetime.now(UTC).replace(second=0, microsecond=0)
    passwords = generate()
    folder = Path(tempfile.mkdtemp(prefix="mos-erp-test-"))
    folder.chmod(0o711)
    try:
        with run(erp_template, folder, anchor, passwords, durable=False, resettable=True) as server:
            yield Erp(server, passwords, anchor)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def erp(erp_running: Erp) -> Erp:
    """The ERP as seeded, for one module: its tests have records, keys and exceptions of their own."""
    erp_running.server.reset()
    return erp_running
