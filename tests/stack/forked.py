"""Stands where `infra.preloaded` stands, without the product.

`python -m tests.stack.forked` is forked; with `broken` it can't be loaded; `supervise FOLDER` supervises a forked part.
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from infra.settings import bare_environment
from infra.stack.folder import DataFolder
from infra.stack.forking import serve
from infra.stack.part import Part, Restart
from infra.stack.supervisor import Supervisor

COMMAND = (sys.executable, "-m", "tests.stack.forked")
ROOT = Path(__file__).resolve().parents[2]


def part(folder: DataFolder, name: str, *arguments: str, **fields: object) -> Part:
    """A part that is forked; where it can't be, a shell says so in its log."""
    environment = {**bare_environment(), "PYTHONPATH": str(ROOT), "NAMED": name}
    argv = ["sh", "-c", f"echo executed; touch {name}.up; sleep 600"]
    given = {"grace": 60.0, "restart": Restart(give_up=3, first_pause=0.01), **fields}
    return Part(name=name, argv=argv, mos=arguments, env=environment, cwd=folder.run, **given)  # type: ignore[arg-type]


def _act(kind: str) -> None:
    name = os.environ["NAMED"]
    print(f"{name} in {Path.cwd().name}: {sys.argv}", flush=True)
    if kind == "fail":
        sys.exit("no licence found")
    if kind == "stay":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(f"{name} was asked to stop"))
        Path(f"{name}.pid").write_text(f"{os.getpid()}\n")
        Path(f"{name}.up").touch()
        time.sleep(600)


def _supervise(data: Path) -> None:
    folder = DataFolder(data)
    folder.prepare(0)
    parts = [part(folder, "stays", "stay")]
    asyncio.run(Supervisor(folder, parts, preloaded=COMMAND).run())


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["broken"]:
            sys.exit("no module named mos")
        case ["supervise", data]:
            _supervise(Path(data))
        case _ if serve():
            _act(sys.argv[1])
