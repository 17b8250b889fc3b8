"""The supervisor's guard: outlives a supervisor that was killed and stops what it left. Run as a script.

Argument: a lock file, held while there may be something to stop. Standard input: lines `+ GROUP GRACE` for a process
group that was started and `- GROUP` for one that is gone. End of input means that the supervisor has ended; each
group's leader has then had its stop signal from the kernel (see launch.py), so we wait for its grace and kill the rest.
"""

import fcntl
import os
import signal
import sys
import time

_KILLED = 3.0  # seconds after which a killed group counts as gone


def main(lock: str) -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    with open(lock, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        print("ready", flush=True)
        _finish(_follow())


def _follow() -> dict[int, float]:
    groups: dict[int, float] = {}
    for line in sys.stdin:
        sign, group, *grace = line.split()
        if sign == "+":
            groups[int(group)] = float(grace[0])
        else:
            groups.pop(int(group), None)
    return groups


def _finish(groups: dict[int, float]) -> None:
    begin = time.monotonic()
    while groups:
        waited = time.monotonic() - begin
        for group, grace in list(groups.items()):
            alive = _signal(group, signal.SIGKILL if waited > grace else 0)
            if not alive or waited > grace + _KILLED:  # what is left then is a zombie that nobody reaps
                del groups[group]
        time.sleep(0.05)


def _signal(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1])
