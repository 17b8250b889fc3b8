"""`python -m tests.chaos.serve`: the whole demo, its product processes replaced by ones that may be told to die.

Left out: the OPC UA machines (the breakdowns of these tests are announced by MQTT) and the plant's control process (the
tests call its functions). A part that is killed comes back at once, however often.
"""

import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace

import yaml

from infra.demo.parts import PUBLISH, demo_parts
from infra.settings import load_settings
from infra.stack import probes
from infra.stack.folder import DataFolder, DataLock
from infra.stack.part import Part, Restart
from infra.stack.parts import PRODUCT, Ground, assemble, own_part
from infra.stack.supervisor import Supervisor

_AT_ONCE = Restart(give_up=100_000, first_pause=0.05, longest_pause=0.1)
_LEFT_OUT = ("machines", "control")


def _parts(ground: Ground) -> Sequence[Part]:
    folder = ground.folder
    around = [part for part in demo_parts(ground) if part.name not in _LEFT_OUT]
    connectors = folder.root / "site" / "connectors.yaml"
    kept = [entry for entry in yaml.safe_load(connectors.read_text()) if entry["kind"] != "opcua"]
    connectors.write_text(yaml.safe_dump(kept, sort_keys=False))
    schema = own_part(ground, "schema", ["db", "upgrade"], after=("postgres",), oneshot=True)
    crashes = folder.root / "crashes"
    for name in ("armed", "fired"):
        (crashes / name).mkdir(parents=True, exist_ok=True)

    async def ready() -> bool:
        files = [folder.ready_file(name) for name in ("worker", "listener")]
        return all(file.exists() for file in files) and await probes.http_ok(
            "127.0.0.1", int(ground.product_env["MOS_API_PORT"]), "/healthz"
        )

    product = Part(
        name="product",
        argv=[sys.executable, "-m", "tests.chaos.crashing", str(crashes), *PRODUCT],
        env=ground.own_env(),
        cwd=folder.root,
        ready=ready,
        after=("temporal", "mqtt", "mes", "erp", PUBLISH),
    )
    return [schema, *around, product]


async def _run(folder: DataFolder) -> None:
    stack = assemble(load_settings(), folder, without=PRODUCT, extra_parts=[_parts])
    stack.save()

    def all_ready(seconds: float) -> None:
        print(json.dumps({"ready_s": round(seconds, 1), **stack.ground.addresses}), flush=True)

    parts = [replace(part, restart=_AT_ONCE) for part in stack.parts]
    supervisor = Supervisor(folder, parts, stack.outside, say=_say, on_all_ready=all_ready)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, supervisor.request_stop)
    await supervisor.run()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    settings = load_settings()
    folder = DataFolder(settings.data_dir)
    folder.prepare(settings.min_free_mb)
    lock = DataLock(folder)
    lock.take()
    try:
        asyncio.run(_run(folder))
    finally:
        lock.release()


if __name__ == "__main__":
    main()
