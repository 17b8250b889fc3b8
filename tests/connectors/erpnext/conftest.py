"""A small ERPNext over HTTP."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from connectors.erpnext.config import ErpNextConfig
from connectors.erpnext.connector import ErpNextSystem, build
from tests.connectors.erpnext.small_erpnext import KEY, SECRET, SmallErpNext
from tests.support.json_server import serving


@dataclass
class Peer:
    """ERPNext and its address."""

    erp: SmallErpNext
    url: str

    def system(
        self, *, transport: httpx.AsyncBaseTransport | None = None, secret: str = "", **more: Any
    ) -> ErpNextSystem:
        settings = {"url": self.url, "api_key": KEY, "timezone": "Europe/Prague", "timeout": 60}
        settings |= {"operator": "HR-EMP-00001", "procedure": "PRC-Lots"}
        return build(ErpNextConfig.model_validate(settings | more), {"api_secret": secret or SECRET}, transport)


@pytest.fixture
def peer() -> Iterator[Peer]:
    erp = SmallErpNext()
    with serving(erp) as url:
        yield Peer(erp, url)
