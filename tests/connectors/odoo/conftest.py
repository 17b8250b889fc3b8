"""A small Odoo over HTTP, spoken to by both of its interfaces."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from connectors.odoo.config import OdooConfig
from connectors.odoo.connector import OdooSystem, build
from tests.connectors.odoo.small_odoo import KEY, SmallOdoo
from tests.support.json_server import serving


@dataclass
class Peer:
    """Odoo, its address and the interface to use."""

    odoo: SmallOdoo
    url: str
    api: str = "json2"

    def system(self, *, transport: httpx.AsyncBaseTransport | None = None, secret: str = "", **more: Any) -> OdooSystem:
        settings = {"url": self.url, "api": self.api, "database": "erp", "user": "mos", "timeout": 60}
        return build(OdooConfig.model_validate(settings | more), {"api_key": secret or KEY}, transport)


@pytest.fixture(params=["json2", "jsonrpc"])
def peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    odoo = SmallOdoo()
    with serving(odoo) as url:
        yield Peer(odoo, url, request.param)
