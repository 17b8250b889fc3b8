"""What makes the plant start fast: standard nodes that are kept, and a control port without a framework."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from asyncua import ua
from asyncua.server.address_space import AttributeValue, NodeData
from asyncua.server.internal_server import InternalServer
from asyncua.server.user_managers import UserManager
from asyncua.ua.attribute_ids import AttributeIds
from pydantic import BaseModel

from infra.plant.erp.environment import tryton_environment
from infra.plant.opcua_space import StandardSpaceServer
from infra.plant.problem import Problem
from infra.plant.web import ControlPort

SERVER, LATHE = ua.NodeId(ua.Int32(2253)), ua.NodeId(ua.String("lathe-1"), ua.Int16(2))


class Making:
    """Stands for asyncua's making of the standard nodes, two of them; counts."""

    times = 0

    async def __call__(self, server: InternalServer, _shelf: Path | None = None) -> None:
        self.times += 1
        for number in (2253, 2254):
            server.aspace[ua.NodeId(ua.Int32(number))] = _node(number, f"node {number}")


def _node(number: int, text: str) -> NodeData:
    node = NodeData(ua.NodeId(ua.Int32(number)))
    node.attributes[AttributeIds.Value] = AttributeValue(ua.DataValue(ua.Variant(text)))
    return node


@pytest.fixture
def making(monkeypatch: pytest.MonkeyPatch) -> Making:
    made = Making()

    async def load(server: InternalServer, shelf_file: Path | None = None) -> None:
        await made(server, shelf_file)

    monkeypatch.setattr(InternalServer, "load_standard_address_space", load)
    return made


async def _started(cache: Path) -> StandardSpaceServer:
    server = StandardSpaceServer(UserManager(), cache)
    await server.load_standard_address_space()
    return server


def _value(server: StandardSpaceServer, nodeid: ua.NodeId) -> Any:
    found = server.aspace.read_attribute_value(nodeid, AttributeIds.Value).Value
    assert found is not None
    return found.Value


async def test_standard_nodes_are_made_once_and_behave_like_any_others(tmp_path: Path, making: Making) -> None:
    await _started(tmp_path / "made")
    kept = await _started(tmp_path / "made")
    assert making.times == 1
    assert _value(kept, SERVER) == "node 2253"
    assert kept.aspace.get(LATHE) is None
    kept.aspace[LATHE] = _node(1, "a lathe")
    await kept.aspace.write_attribute_value(SERVER, AttributeIds.Value, ua.DataValue(ua.Variant("written")))
    assert (_value(kept, SERVER), _value(kept, LATHE)) == ("written", "a lathe")
    del kept.aspace[ua.NodeId(ua.Int32(2254))]
    assert set(kept.aspace.keys()) == {SERVER, LATHE}
    assert _value(await _started(tmp_path / "made"), SERVER) == "node 2253"


@pytest.mark.parametrize(
    "spoil", [lambda whole: whole[: len(whole) // 2], lambda whole: whole.replace(b"2254", b"2255")]
)
async def test_a_file_that_is_broken_is_made_anew(spoil: Any, tmp_path: Path, making: Making) -> None:
    await _started(tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(spoil(whole))
    assert file.read_bytes() != whole
    assert _value(await _started(tmp_path), SERVER) == "node 2253"
    assert making.times == 2
    assert [file.read_bytes()] == [path.read_bytes() for path in tmp_path.iterdir()]
    await _started(tmp_path)
    assert making.times == 2


async def test_where_nothing_can_be_kept_it_starts_all_the_same(tmp_path: Path, making: Making) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    assert _value(await _started(tmp_path / "taken"), SERVER) == "node 2253"
    assert making.times == 1


class _Asked(BaseModel):
    number: int


def _port() -> ControlPort:
    port = ControlPort("secret")

    @port.get("/twice", _Asked)
    async def twice(asked: _Asked) -> dict[str, Any]:
        return {"twice": asked.number * 2}

    @port.post("/put/{where}/{what}", _Asked)
    async def put(where: str, what: str, asked: _Asked) -> dict[str, Any]:
        if where == "nowhere":
            raise Problem(409, "state-conflict", "There is no room.", room=0)
        return {"put": [where, what, asked.number]}

    return port


@pytest.mark.parametrize(
    "method, path, sent, status, told",
    [
        ("GET", "/twice?number=21", {}, 200, {"twice": 42}),
        ("POST", "/put/here/lathe-1", {"json": {"number": 1}}, 200, {"put": ["here", "lathe-1", 1]}),
        ("POST", "/put/nowhere/lathe-1", {"json": {"number": 1}}, 409, {"room": 0, "detail": "There is no room."}),
        ("GET", "/twice?number=21", {"headers": {"authorization": "Bearer other"}}, 401, {"title": "Unauthorized"}),
        ("GET", "/thrice", {}, 404, {"type": "urn:havel:mes:problem:not-found"}),
        ("POST", "/twice", {}, 405, {"type": "urn:havel:mes:problem:refused"}),
        ("GET", "/twice", {}, 422, {"errors": [{"loc": "query.number", "msg": "is missing"}]}),
        ("POST", "/put/a/b", {"json": {}}, 422, {"errors": [{"loc": "body.number", "msg": "is missing"}]}),
        ("POST", "/put/a/b", {"content": b"{x"}, 422, {"errors": [{"loc": "body.1", "msg": "is no JSON"}]}),
        ("POST", "/put/a/b", {"content": b"\xff\xfe\xfd"}, 422, {"title": "Invalid"}),
    ],
)
async def test_a_control_port_answers_and_refuses(
    method: str, path: str, sent: dict[str, Any], status: int, told: dict[str, Any]
) -> None:
    headers = {"authorization": "Bearer secret"} | sent.get("headers", {})
    transport = httpx.ASGITransport(_port().app)
    async with httpx.AsyncClient(transport=transport, base_url="http://plant") as client:
        answer = await client.request(method, path, **(sent | {"headers": headers}))
    assert answer.status_code == status
    assert told.items() <= answer.json().items()
    kind = "application/json" if status == 200 else "application/problem+json"
    assert answer.headers["content-type"] == kind


def test_tryton_may_keep_its_bytecode_whatever_holds_for_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PATH", "/bin")
    assert tryton_environment(TRYTOND_CONFIG="file").items() >= {"PATH": "/bin", "TRYTOND_CONFIG": "file"}.items()
    assert "PYTHONDONTWRITEBYTECODE" not in tryton_environment()
