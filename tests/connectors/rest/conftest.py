"""A home-grown ERP over HTTP, and the connector with its mapping."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from connectors.rest.config import RestConfig
from connectors.rest.connector import RestSystem, build
from tests.connectors.rest.home_grown import MAPPING, TOKEN, HomeGrown
from tests.support.json_server import serving


@dataclass
class Peer:
    """The ERP and its address."""

    erp: HomeGrown
    url: str
    mapping: dict[str, Any] = field(default_factory=lambda: MAPPING)

    def system(self, *, transport: httpx.AsyncBaseTransport | None = None, secret: str = "", **more: Any) -> RestSystem:
        settings = {"url": self.url, "timezone": "Europe/Prague", "timeout": 60, "mapping": self.mapping}
        return build(RestConfig.model_validate(settings | more), {"token": secret or TOKEN}, transport)


@pytest.fixture
def peer() -> Iterator[Peer]:
    erp = HomeGrown()
    with serving(erp) as url:
        yield Peer(erp, url)
