"""A real ERP for the tests: the cached template, cloned once a session, put back for each test that changes it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from infra.plant.erp.reader import Reader
from infra.plant.erp.rpc import TrytonClient
from infra.plant.erp.server import Template
from tests.support.erp import BUILD_SECONDS, ERP, Started, template

PLANT_TIME = ZoneInfo("Europe/Prague")


class ErpUnderTest:
    """The running ERP with its users' sessions."""

    def __init__(self, started: Started) -> None:
        server, passwords = started.server, started.passwords
        self.server, self.url, self.passwords, self.anchor = server, server.url, passwords, started.anchor
        self.day = started.anchor.astimezone(PLANT_TIME).date()
        self.product = TrytonClient(server.url, "mos_product", passwords["mos_product"])
        self.admin = TrytonClient(server.url, "admin", passwords["admin"])
        self.reader = Reader(server.url, passwords["plant_reader"])

    def post(self, key: str, ops: list[dict[str, Any]], decision: str | None = None) -> dict[str, Any]:
        """Post as the product."""
        answer: dict[str, Any] = self.product.call("model.mfgos.posting.post", key, ops, decision)
        return answer

    def status(self, key: str) -> dict[str, Any] | None:
        """Ask for a posting as the product."""
        answer: dict[str, Any] | None = self.product.call("model.mfgos.posting.status", key)
        return answer

    def id(self, model: str, **values: Any) -> int:
        """Return the id of the only record with these values."""
        domain = [[name.replace("__", "."), "=", value] for name, value in values.items()]
        (found,) = self.product.call(f"model.{model}.search", domain)
        return int(found)

    def row(self, model: str, id_: int, *fields: str) -> dict[str, Any]:
        """Read fields of one record."""
        (row,) = self.product.call(f"model.{model}.read", [id_], list(fields))
        return dict(row)

    def close(self) -> None:
        """End the sessions."""
        for client in (self.product, self.admin, self.reader.client):
            client.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test may have to wait for the template."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(BUILD_SECONDS))


@pytest.fixture(scope="session")
def erp_template() -> Template:
    """The cached template; built if the sources have changed."""
    return template()


@pytest.fixture(scope="session")
def erp_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's own user can reach.

    Not pytest's: every new pytest of root closes ``/tmp/pytest-of-root`` to other users, under a running server too.
    """
    with tempfile.TemporaryDirectory(prefix="mos-erp-test-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def erp_session() -> Iterator[ErpUnderTest]:
    """One server for the session."""
    with ERP.use() as started:
        under_test = ErpUnderTest(started)
        yield under_test
        under_test.close()


@pytest.fixture
def erp_server(erp_session: ErpUnderTest) -> ErpUnderTest:
    """The ERP as seeded."""
    erp_session.server.reset()
    return erp_session
