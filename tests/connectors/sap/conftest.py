"""One stand-in for the module, seeded again for every test."""

from collections.abc import Iterator

import pytest

from infra.standins.sap.app import SapStandIn, build_app
from infra.standins.serve import serving
from tests.connectors.sap.lab import PASSWORD, Sap


@pytest.fixture(scope="session")
def served_sap() -> Iterator[Sap]:
    standin = SapStandIn({"MOS": PASSWORD})
    with serving(build_app(standin, "control")) as url:
        yield Sap(standin, url)


@pytest.fixture
def sap(served_sap: Sap) -> Sap:
    served_sap.standin.reset()
    served_sap.standin.seed()
    served_sap.standin.records.clear()
    return served_sap
