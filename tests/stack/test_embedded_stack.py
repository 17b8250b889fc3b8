"""`mos up` with the real servers: what an operator sees, and what is left behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys

import pytest
from temporalio.client import Client

from infra.stack import probes
from tests.stack.harness import Site, eventually


def _start_workflow(address: str, workflow_id: str) -> None:
    async def start() -> None:
        client = await Client.connect(address, namespace="mos")
        await client.start_workflow("nobody-runs-it", id=workflow_id, task_queue="none")

    asyncio.run(start())


def _workflow_state(address: str, workflow_id: str) -> str:
    async def describe() -> str:
        client = await Client.connect(address, namespace="mos")
        status = (await client.get_workflow_handle(workflow_id).describe()).status
        return status.name if status is not None else ""

    return asyncio.run(describe())


def test_a_second_start_finds_the_data_and_the_addresses_of_the_first(fresh: Site) -> None:
    first = fresh.up()
    fresh.sql("CREATE TABLE kept AS SELECT 42 AS answer")
    _start_workflow(first["temporal"], "kept")
    assert fresh.signal(signal.SIGINT) == 0
    assert fresh.processes() == {}

    second = fresh.up()

    assert {**second, "ready_s": 0} == {**first, "ready_s": 0}
    assert fresh.sql("SELECT answer FROM kept") == [(42,)]
    assert _workflow_state(second["temporal"], "kept") == "RUNNING"


def test_everything_listens_on_loopback_only_and_speaks_its_protocol(running: Site) -> None:
    addresses = running.addresses()
    mqtt, mqtt5 = (int(addresses[name].rpartition(":")[2]) for name in ("mqtt", "mqtt5"))

    assert asyncio.run(probes.mqtt("127.0.0.1", mqtt, 4))
    assert asyncio.run(probes.mqtt("127.0.0.1", mqtt5, 5))
    assert not asyncio.run(probes.mqtt("127.0.0.1", mqtt, 5)), "this is why the broker needs two ports"
    ours = running.listening()
    assert ours
    assert set(ours) == {"127.0.0.1"}


def test_secrets_and_state_are_for_their_owner_only(running: Site) -> None:
    files = [*running.data.glob("secrets/*"), running.data / "run" / "product.env"]
    assert len(files) > 4
    assert {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}


@pytest.mark.parametrize("name", ["postgres", "temporal", "mqtt"])
def test_a_killed_part_is_started_again(running: Site, name: str) -> None:
    addresses = running.addresses()
    victim = running.parts()[name].pid
    assert victim is not None

    os.kill(victim, signal.SIGKILL)

    def back() -> bool:
        part = running.parts()[name]
        return bool(part.pid != victim and part.state == "ready" and part.reachable and part.restarts)

    eventually(back, f"{name} comes back")
    assert running.sql("SELECT 1") == [(1,)]
    assert running.product_env()["MOS_TEMPORAL_ADDRESS"] == addresses["temporal"]


def test_a_killed_supervisor_leaves_no_process_and_the_next_start_works(site: Site) -> None:
    site.up()
    site.sql("CREATE TABLE survives AS SELECT 7 AS answer")
    site.signal(signal.SIGKILL)

    site.up()  # waits by itself until the leftovers have ended
    assert site.sql("SELECT answer FROM survives") == [(7,)]
    site.signal(signal.SIGKILL)
    eventually(lambda: not site.processes(), "no process is left")


def test_a_second_start_on_the_same_folder_is_refused(running: Site) -> None:
    refused = running.mos("up", "--bare")
    assert refused.returncode == 1
    assert f"already runs on {running.data} (pid {running.pid})" in refused.stdout
    assert len(running.parts()) == 3


def test_status_tells_and_down_stops(site: Site) -> None:
    site.up()
    status = site.mos("status")
    assert status.returncode == 0
    shown = [line.split()[:2] for line in status.stdout.splitlines()[1:]]
    assert shown == [["postgres", "ready"], ["temporal", "ready"], ["mqtt", "ready"]]

    assert f"stopped (pid {site.pid})" in site.mos("down").stdout
    assert site.processes() == {}
    assert site.mos("status").returncode == 1


def test_a_port_in_use_is_named_with_its_setting(site: Site, busy_port: int) -> None:
    refused = site.mos("up", "--bare", MOS_TEMPORAL_PORT=str(busy_port))
    assert refused.returncode == 1
    assert refused.stdout.startswith(f"Port {busy_port} (MOS_TEMPORAL_PORT) is in use")
    assert site.processes() == {}


def test_a_chosen_port_that_was_taken_meanwhile_is_replaced(site: Site) -> None:
    kept = json.loads((site.data / "run" / "endpoints.json").read_text())
    holder = (
        f"import socket; s = socket.create_server(('127.0.0.1', {kept['ports']['mqtt5']})); print(flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        now = site.up()
        other.terminate()
    assert now["mqtt5"] != kept["addresses"]["mqtt5"]
    assert now["temporal"] == kept["addresses"]["temporal"]


def test_parts_of_others_are_used_and_not_started(running: Site, fresh: Site) -> None:
    addresses = running.addresses()
    theirs = running.product_env()
    outside = {name: theirs[name] for name in ("MOS_DATABASE_URL", "MOS_TEMPORAL_ADDRESS", "MOS_MQTT_URL")}

    ours = fresh.up(**outside)

    assert ours["temporal"] == addresses["temporal"]
    assert {part.state for part in fresh.parts().values()} == {"outside"}
    assert not (fresh.data / "postgres").exists()


@pytest.mark.parametrize(
    "name,value,message",
    [
        ("MOS_DATABASE_URL", "postgresql://mos:hidden@127.0.0.1:{port}/mos", "PostgreSQL at 127.0.0.1:{port} (MOS"),
        ("MOS_TEMPORAL_ADDRESS", "127.0.0.1:{port}", "Temporal can't be reached at 127.0.0.1:{port}"),
        ("MOS_MQTT_URL", "mqtt://127.0.0.1:{port}", "No MQTT broker answers at 127.0.0.1:{port}"),
    ],
)  # fmt: skip
def test_an_outside_part_that_is_not_there_stops_the_start(site: Site, name: str, value: str, message: str) -> None:
    refused = site.mos("up", "--bare", **{name: value.format(port=1)})
    assert refused.returncode == 1
    assert message.format(port=1) in refused.stdout
    assert "hidden" not in refused.stdout
    assert "Traceback" not in refused.stderr
    assert site.processes() == {}
