"""`python -m infra.preloaded`: loads the product once, and is forked for each of its processes (stack/forking.py)."""

import importlib

from infra import cli, connect
from infra.quick_imports import uncollected
from infra.settings import load_settings
from infra.stack.forking import serve

LOADED = (
    "infra.commands.db",
    "infra.processes.api",
    "infra.processes.listener",
    "infra.processes.worker",
    "infra.commands.push",
    "infra.run",
)


def main() -> None:
    """Returns at the end of input; in a forked process it runs the command of `mos` that was ordered."""
    with uncollected():
        for module in (*LOADED, *connect.modules(load_settings())):
            importlib.import_module(module)
    if serve():
        cli.main()


if __name__ == "__main__":
    main()
