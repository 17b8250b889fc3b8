"""Start one child so that it can't outlive its supervisor. Run as a script; replaces itself with the child.

Arguments: supervisor's pid, signal sent to the child when the supervisor dies, uid or -, gid or -, then the command.
The signal is asked for after the user is changed, because the kernel forgets it at that change (prctl(2)).
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    supervisor, death_signal, uid, gid, *command = arguments
    libc = ctypes.CDLL(None, use_errno=True)
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != int(supervisor):  # it died before we asked
        sys.exit(1)
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.exit(f"Can't start {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
