"""`python -m infra.plant.mes`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from infra.plant.files import MES_TOKEN, PLANT_TOKEN, secret
from infra.plant.mes.app import mes_app
from infra.plant.mes.db import Database
from infra.plant.mes.sender import Sender
from infra.plant.mes.service import Mes
from infra.plant.process import (
    HOST,
    listen,
    plant_clock,
    plant_parser,
    port_of,
    read_catalogue,
    ready,
    run,
    serving,
    until_told_to_stop,
)

_ADVANCE_EVERY_S = 5


async def _advance(mes: Mes) -> None:
    """Let the floor go on even when nobody asks, so that progress goes out in time."""
    while True:
        with mes.floor():
            pass
        await asyncio.sleep(_ADVANCE_EVERY_S)


def _webhook_secret(path: Path) -> str:
    """Read the signing secret, or end the process with one clear line."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        sys.exit(f"{path} cannot be read ({error.strerror}). It must hold the webhook secret.")
    if not text.startswith("whsec_"):
        sys.exit(f"{path} holds no webhook secret: it must start with whsec_.")
    return text


async def serve(options: argparse.Namespace) -> None:
    """Run the MES until told to stop."""
    options.data.mkdir(parents=True, exist_ok=True)
    database = Database(options.data / "mes.sqlite3")
    mes = Mes(read_catalogue(options.catalogue), plant_clock(options), database)
    sender = Sender(mes, options.webhook_url, _webhook_secret(options.webhook_secret_file))
    bound = listen(options.port)
    app = mes_app(mes, secret(options.data, MES_TOKEN), secret(options.data, PLANT_TOKEN))
    async with asyncio.TaskGroup() as group, serving(app, bound):
        background = [group.create_task(sender.run()), group.create_task(_advance(mes))]
        ready("mes", f"http://{HOST}:{port_of(bound)}")
        await until_told_to_stop()
        for task in background:
            task.cancel()
    database.close()


def main() -> None:
    """Command line of the MES."""
    parser = plant_parser("mes", "The manufacturing execution system of the plant.")
    parser.add_argument("--port", type=int, required=True, help="HTTP port, 0 = a free one")
    parser.add_argument("--webhook-url", required=True, help="where events are sent")
    parser.add_argument("--webhook-secret-file", type=Path, required=True, help="file with the whsec_ secret")
    run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
