"""``python -m infra.plant.erp``: build the template, clone it, serve it, or say how it is."""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from infra.plant import loaded
from infra.plant.erp.credentials import ensure_credentials
from infra.plant.erp.environment import REPOSITORY
from infra.plant.erp.errors import ErpError
from infra.plant.erp.server import MARK, ErpServer, Template, ensure_template, run
from infra.plant.erp.template import MARK as TEMPLATE_MARK
from infra.plant.erp.template import template_key

CHECK_SECONDS = 0.5


def main() -> int:
    """Run one command; return 0, or 1 after saying what went wrong."""
    options = _parser().parse_args()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, _leave)
    command: Callable[[argparse.Namespace], int] = options.run
    try:
        return command(options)
    except ErpError as error:
        print(error, file=sys.stderr)
        return 1


def _leave(signum: int, frame: FrameType | None) -> None:
    """Unwind once, which stops what was started; further signals wait for that to end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise SystemExit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.plant.erp", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, run_, text in (
        ("build", _build, "build the template if it is missing"),
        ("clone", _clone, "make the data folder ready, without serving it"),
        ("serve", _serve, "run the ERP in the foreground until SIGTERM"),
        ("status", _status, "say what is built"),
    ):
        command = commands.add_parser(name, help=text)
        command.set_defaults(run=run_)
        command.add_argument("--cache", type=Path, default=REPOSITORY / ".cache", help="folder of the template")
        if name in ("clone", "serve"):
            command.add_argument("--anchor", type=_moment, default=datetime.now(UTC), help="ISO 8601 with time zone")
            command.add_argument("--credentials", type=Path, required=True, help="JSON file, made if missing")
        if name in ("clone", "serve", "status"):
            command.add_argument("--data", type=Path, required=name != "status", help="folder of the ERP's data")
        if name == "serve":
            command.add_argument("--port", type=int, default=0, help="0: a free one")
    return parser


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError("give a time zone, such as +00:00")
    return moment


def _say(text: str) -> None:
    print(f"erp: {text}", flush=True)


def _template(options: argparse.Namespace) -> Template:
    return ensure_template(options.cache, _say)


def _build(options: argparse.Namespace) -> int:
    template = _template(options)
    _say(f"built in {template.seconds} s" if template.seconds else "already built")
    return 0


def _clone(options: argparse.Namespace) -> int:
    with run(_template(options), options.data, options.anchor, ensure_credentials(options.credentials)):
        _say(f"data are ready in {options.data}")
    return 0


def _serve(options: argparse.Namespace) -> int:
    template, credentials = _template(options), ensure_credentials(options.credentials)
    started = time.monotonic()
    with run(template, options.data, options.anchor, credentials, port=options.port) as server:
        _say(f"ready at {server.url} after {time.monotonic() - started:.1f} s")
        return _watch(server)


def _watch(server: ErpServer) -> int:
    """Wait for a signal, which unwinds, or for a child's death."""
    while (reason := server.failed()) is None:
        time.sleep(CHECK_SECONDS)
    _say(reason)
    return 1


def _status(options: argparse.Namespace) -> int:
    mark = options.cache.resolve() / "erp" / f"template-{template_key()}" / TEMPLATE_MARK
    print("template:", json.loads(mark.read_text()) if mark.exists() else "not built")
    if options.data:
        data = options.data / MARK
        print("data:", json.loads(data.read_text()) if data.exists() else "none")
    return 0


if __name__ == "__main__":
    loaded()
    sys.exit(main())
