"""The OPC UA source against the plant's own server process."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from connectors.opcua.config import MachineItems, OpcUaConfig
from connectors.opcua.connector import OpcUaSource, build
from connectors.opcua.mapping import CONDITION, NORMALISERS
from domain.errors import AuthError, ConfigError
from domain.signals import RawSignal, Signal
from tests.conformance.source.proxy import Proxy
from tests.conformance.source.suite import Inbox, SourceConformance, reporting
from tests.plant.peers import Peer, anchor, plant_post, running

UNIT = "lathe-1"
FAULT, CLEARED = "aborted", "running"


def normalise(raw: RawSignal) -> Signal:
    return NORMALISERS[raw.kind](raw)


class OpcUaMachine:
    """lathe-1 of the plant."""

    def __init__(self, peer: Peer, data: Path) -> None:
        self._peer = peer
        self._data = data
        self.url = peer.address["machines"]
        self.port = urlsplit(self.url).port or 0
        self.secret = (data / "opcua.password").read_text().strip()
        self.normaliser = normalise
        self.down = False

    def config(self, port: int, **changes: object) -> OpcUaConfig:
        settings = {
            "url": self.url.replace(f":{self.port}/", f":{port}/"),
            "machines": [MachineItems.packml(UNIT, f"ns=2;s={UNIT}")],
            "user": "mos",
            "certificate_folder": self._data / "client",
            "server_certificate": self._data / "opcua-server.der",
            "planned_reasons": [2001],
            "reconnect_max_delay": 1,
            "companion_timeout": 60,
        }
        return OpcUaConfig.model_validate(settings | changes)

    def source(self, port: int, *, fresh: bool = False) -> OpcUaSource:
        return build(self.config(port), {"password": self.secret})

    async def change(self) -> str:
        await self.do("clear" if self.down else "break")
        return FAULT if self.down else CLEARED

    async def do(self, verb: str, **body: object) -> None:
        await asyncio.to_thread(self.do_now, verb, **body)

    def do_now(self, verb: str, **body: object) -> None:
        control = self._peer.address["machines-control"]
        answer = plant_post(control, self._data, f"/work-units/{UNIT}/{verb}", body)
        assert answer.status_code == 200, answer.text
        self.down = verb == "break"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpcUaMachine]:
    data = tmp_path_factory.mktemp("machines")
    options = ["--port", "0", "--control-port", "0", "--pace", "0.02", "--anchor", anchor(), "--data", str(data)]
    with running("machines", *options, expect=2) as peer:
        yield OpcUaMachine(peer, data)


@pytest.fixture
def machine(server: OpcUaMachine) -> OpcUaMachine:
    """Runs when a test begins."""
    if server.down:
        server.do_now("clear")
    return server


class TestOpcUaConformance(SourceConformance):
    """The suite, on a real server."""


def _alarms(inbox: Inbox) -> list[str]:
    """What became of the condition, in order."""
    signals = (normalise(raw) for raw in inbox.signals if raw.kind == CONDITION)
    return [str(signal.state) for signal in signals]


async def test_a_fault_comes_with_its_companions_and_its_condition(machine: OpcUaMachine) -> None:
    inbox = Inbox()
    async with reporting(machine.source(machine.port), inbox):
        await machine.do("break", reason=1101)
        await inbox.until(lambda: "active" in _alarms(inbox))
        await inbox.until(lambda: FAULT in inbox.named(normalise))
        await machine.do("clear")
        await inbox.until(lambda: _alarms(inbox)[-1] == "cleared")
    signals = [normalise(raw) for raw in inbox.signals]
    fault = next(signal for signal in signals if signal.state == FAULT)
    assert (fault.equipment, fault.facts["packml"], fault.facts["unit_mode"]) == (UNIT, 9, 1)
    assert (fault.facts["stop_code"], fault.facts["stop_reason"]) == (1101, "Spindle overload")
    assert (fault.facts["planned_stop"], fault.facts["blocked"], fault.facts["starved"]) == (False, False, False)
    alarms = _alarms(inbox)
    assert alarms[0] == "active"
    assert alarms[-1] == "cleared"
    named = {(raw.event_id, normalise(raw).state) for raw in inbox.signals}  # one may be offered twice, by one name
    assert len({event_id for event_id, _ in named}) == len(named)


async def test_a_planned_stop_says_so(machine: OpcUaMachine) -> None:
    inbox = Inbox()
    async with reporting(machine.source(machine.port), inbox):
        await machine.do("break", reason=2001)
        await inbox.until(lambda: "stopped" in inbox.named(normalise))
    stopped = next(signal for signal in map(normalise, inbox.signals) if signal.state == "stopped")
    assert stopped.facts["planned_stop"] is True


async def test_a_condition_that_ended_while_we_were_away_is_closed(machine: OpcUaMachine) -> None:
    inbox = Inbox()
    async with Proxy(machine.port) as proxy, reporting(machine.source(proxy.port), inbox):
        await machine.do("break", reason=1101)
        await inbox.until(lambda: any(raw.kind == CONDITION for raw in inbox.signals))
        await proxy.cut()
        await inbox.until(lambda: not inbox.states[-1].connected)
        await machine.do("clear")
        await proxy.restore()
        await inbox.until(lambda: any(raw.kind == CONDITION and not raw.body["retain"] for raw in inbox.signals))


async def test_a_standing_condition_is_found_at_the_start(machine: OpcUaMachine) -> None:
    await machine.do("break", reason=1102)
    inbox = Inbox()
    async with reporting(machine.source(machine.port), inbox):
        await inbox.until(lambda: any(raw.kind == CONDITION for raw in inbox.signals))
    alarm = next(normalise(raw) for raw in inbox.signals if raw.kind == CONDITION)
    assert (alarm.state, alarm.facts["severity"], alarm.facts["message"]) == ("active", 800, "Coolant pressure low")


async def test_a_node_that_is_not_there_is_a_lost_source_of_its_own(machine: OpcUaMachine) -> None:
    items = [MachineItems.packml(UNIT, f"ns=2;s={UNIT}"), MachineItems(equipment="ghost", state="ns=2;s=ghost.State")]
    source = build(machine.config(machine.port, machines=items), {"password": machine.secret})
    inbox = Inbox()
    async with reporting(source, inbox):
        lost = await inbox.until(lambda: [state for state in inbox.states if not state.connected])
        await inbox.until(lambda: inbox.signals)
    assert lost[0].source == "opcua/ghost"
    assert "BadNodeIdUnknown" in lost[0].detail


async def test_the_namespace_may_be_named_by_its_uri(machine: OpcUaMachine) -> None:
    items = [MachineItems(equipment=UNIT, state=f"nsu=urn:havel:brno:machines:packml;s={UNIT}.Status.StateCurrent")]
    inbox = Inbox()
    async with reporting(build(machine.config(machine.port, machines=items), {"password": machine.secret}), inbox):
        await inbox.until(lambda: inbox.signals)
    assert normalise(inbox.signals[0]).equipment == UNIT


async def test_a_wrong_password_is_an_auth_error(machine: OpcUaMachine) -> None:
    source = build(machine.config(machine.port), {"password": "not this one"})
    inbox = Inbox()
    with pytest.raises(AuthError):
        await source.run(inbox.accept, inbox.report)


async def test_a_policy_that_the_server_lacks_is_a_config_error(machine: OpcUaMachine) -> None:
    changes = {"policy": "Aes256Sha256RsaPss", "server_certificate": None, "trust_server": True}
    source = build(machine.config(machine.port, **changes), {"password": machine.secret})
    inbox = Inbox()
    with pytest.raises(ConfigError):
        await source.run(inbox.accept, inbox.report)
