"""`python -m bench [NAME ...]`: check, interpreter, replay, roster, messages, audit, ledger, first_path; all of them
without a name."""

import sys
from collections.abc import Callable, Sequence

from bench import audit, check, first_path, interpreter, ledger, messages, replay, roster

BENCHES: dict[str, Callable[[list[str]], int]] = {
    "check": check.main,
    "interpreter": interpreter.main,
    "replay": replay.main,
    "roster": roster.main,
    "messages": messages.main,
    "audit": audit.main,
    "ledger": ledger.main,
    "first_path": first_path.main,
}


def main(arguments: Sequence[str]) -> int:
    """The first that does not end with 0 decides the exit code; options go to a single one."""
    names = [argument for argument in arguments if argument in BENCHES]
    options = [argument for argument in arguments if argument not in BENCHES]
    if options and not names:
        names = ["first_path"]
    codes = []
    for name in names or BENCHES:
        print(f"== {name}", flush=True)
        codes.append(BENCHES[name](options))
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
