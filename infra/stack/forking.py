"""Forks a process for each order on standard input: how a child starts without importing anything anew. See nursery.py.

An order is a JSON line: `number`, our own pid as `parent`, `arguments`, `environment`, `folder`, `log`, `stop_signal`.
Each is answered on standard output by {"number", "pid"}, and each death by {"pid", "code"} (negative: killed by that
signal); the first line is {"ready"}. A forked process is one of its own in every other respect: it leads a process
group, writes to its log, and dies with us by its stop signal. We open nothing and start no thread before a fork.
"""

import contextlib
import ctypes
import json
import os
import select
import sys
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15
_CHUNK = 65536


def serve() -> bool:
    """Call it when everything is imported. True in a forked process, whose arguments are sys.argv[1:] then; False in
    ours, at the end of input."""
    _say({"ready": True})
    if (order := _serve()) is None:
        return False
    _become(order)
    return True


def _serve() -> dict[str, Any] | None:
    """The order to carry out, in a forked process; None in ours, when there are no more."""
    waiting, children, rest = select.poll(), dict[int, int](), b""
    waiting.register(0, select.POLLIN)
    while True:
        for ready, _ in waiting.poll():
            if ready in children:
                waiting.unregister(ready)
                _bury(ready, children.pop(ready))
                continue
            if not (chunk := os.read(0, _CHUNK)):
                return None
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                order = json.loads(line)
                if not (pid := os.fork()):
                    for handle in children:
                        os.close(handle)
                    return dict(order)
                _lead_group(pid)
                handle = os.pidfd_open(pid)
                children[handle] = pid
                waiting.register(handle, select.POLLIN)
                _say({"number": order["number"], "pid": pid})


def _bury(handle: int, pid: int) -> None:
    os.close(handle)
    _say({"pid": pid, "code": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])})


def _become(order: dict[str, Any]) -> None:
    _lead_group(0)
    kernel = ctypes.CDLL(None, use_errno=True)
    kernel.prctl(_PR_SET_PDEATHSIG, order["stop_signal"], 0, 0, 0)
    kernel.prctl(_PR_SET_NAME, " ".join(["mos", *order["arguments"]]).encode()[:15], 0, 0, 0)
    if os.getppid() != order["parent"]:  # it died before we asked
        os._exit(1)
    output = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(output)
    os.close(nothing)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    sys.argv = ["mos", *order["arguments"]]


def _lead_group(pid: int) -> None:
    """Asked for by both sides, so that it is so whoever runs first."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # it has ended, or leads its group already
        os.setpgid(pid, pid)


def _say(message: dict[str, Any]) -> None:
    os.write(1, json.dumps(message).encode() + b"\n")
