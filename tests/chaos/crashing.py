"""`python -m tests.chaos.crashing FOLDER api worker listener`: the product's processes with seams where they may die.

Loads the product once and forks a process of each kind; one that dies is forked again, so that a crash costs
milliseconds instead of a start of Python. What is killed is a real process of the product, with kill -9.
"""

import ctypes
import gc
import importlib
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from infra.run import run_process
from tests.chaos.haste import shorten
from tests.chaos.seams import Traps, install

_PR_SET_PDEATHSIG = 1
_PAUSE_S = 0.1
_LOADED_LATER = (
    "anyio._backends._asyncio",
    "connectors.email.connector",
    "connectors.mes_http.connector",
    "connectors.mqtt.connector",
    "connectors.slack.connector",
    "connectors.tryton.connector",
    "connectors.twilio.connector",
    "connectors.twilio.desk",
    "connectors.twilio.voice",
    "connectors.twilio.whatsapp",
    "httpcore",
    "infra.demo.answers",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
)


def main() -> None:
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    for module in (*_LOADED_LATER, *(f"infra.processes.{name}" for name in names)):
        importlib.import_module(module)
    gc.freeze()
    children = {_fork(folder, name): name for name in names}

    def leave(signum: int, frame: FrameType | None) -> None:
        for pid in children:
            os.kill(pid, signal.SIGTERM)
        while children:
            children.pop(os.wait()[0], None)
        os._exit(0)

    signal.signal(signal.SIGTERM, leave)
    while True:
        pid, status = os.wait()
        name = children.pop(pid)
        print(f"{name} ended ({os.waitstatus_to_exitcode(status)})", flush=True)
        time.sleep(_PAUSE_S)
        children[_fork(folder, name)] = name


def _fork(folder: Path, name: str) -> int:
    pid = os.fork()
    if pid:
        return pid
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    (folder / f"{name}.pid").write_text(str(os.getpid()))
    install(Traps(folder, name), name)
    if name == "worker":
        shorten()
    code = 1
    try:
        run_process(importlib.import_module(f"infra.processes.{name}").run)
        code = 0
    finally:
        if code:
            import traceback

            traceback.print_exc()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
