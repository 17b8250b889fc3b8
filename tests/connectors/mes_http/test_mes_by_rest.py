"""The plant's MES by the generic REST connector and the mapping of the docs: the same suites as its own connector."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from connectors.rest.config import RestConfig
from connectors.rest.connector import RestSystem, build
from connectors.roles import System
from domain.books.outcomes import SetOrderStatus
from tests.conformance.system.suite import LedgerConformance, SystemConformance
from tests.connectors.mes_http.test_mes_system import SECRET, MesBooks, hold, posting
from tests.plant.peers import Receiver, anchor, running

MAPPING: dict[str, Any] = yaml.safe_load(
    (Path(__file__).resolve().parents[3] / "docs" / "connectors" / "rest-mes.yaml").read_text()
)


class ByRest(MesBooks):
    """Spoken to by mapping."""

    def system(  # type: ignore[override]
        self, *, transport: httpx.AsyncBaseTransport | None = None, secret: str = ""
    ) -> RestSystem:
        config = RestConfig.model_validate({"name": "mes", "url": self.url, "timeout": 60, "mapping": MAPPING})
        return build(config, {"token": secret or self.secret}, transport)

    def own(self) -> Any:
        """Its own connector, for what the test itself asks."""
        return super().system()

    async def query(self, system: System) -> object:
        return await system.query("mes.lot", {"lot": "L-BAR-502"})


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ByRest]:
    data = tmp_path_factory.mktemp("mes")
    (data / "webhook.secret").write_text(SECRET)
    receiver = Receiver()
    options = ["--port", "0", "--anchor", anchor(), "--data", str(data), "--webhook-url", receiver.url]
    with running("mes", *options, "--webhook-secret-file", str(data / "webhook.secret")) as peer:
        yield ByRest(peer, data)
    receiver.close()


class TestMesByRestConformance(SystemConformance, LedgerConformance):
    """Both suites, by mapping."""

    posting = b"key:lost"


async def test_a_hold_and_its_way_back(books: ByRest) -> None:
    system, wanted = books.system(), posting("key:rest-hold", hold("JO-1006", "held"))
    shown = await system.preview(wanted)
    assert [(one.record, one.before, one.after) for one in shown.changes] == [("job order JO-1006", False, True)]
    receipt = await system.post(wanted)
    assert receipt.documents == ["job order JO-1006"]
    (way,) = await system.reversal(wanted, receipt, shown)
    assert way == SetOrderStatus(job_orders=["JO-1006"], status="released", reason="taken back")
    await system.post(posting("key:rest-hold:reversal", way))
    assert (await system.read_back(wanted, receipt)).changed[0].stands is False
