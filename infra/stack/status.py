"""`mos status`: what runs on a data folder, asked from the kernel and the ports too."""

import asyncio
import os
from dataclasses import dataclass

from infra.stack import probes
from infra.stack.folder import DataFolder, holder, read_json


@dataclass(frozen=True)
class PartStatus:
    """`state` as in Keeper, or down, or outside; `reachable` is None for parts without a port."""

    name: str
    state: str
    pid: int | None
    address: str
    restarts: int
    reachable: bool | None


@dataclass(frozen=True)
class StackStatus:
    """`pid` of the supervisor, None when nothing runs; then `parts` is empty."""

    pid: int | None
    parts: list[PartStatus]

    @property
    def healthy(self) -> bool:
        good = ("ready", "done", "outside")
        return self.pid is not None and all(p.state in good and p.reachable is not False for p in self.parts)


def status(folder: DataFolder) -> StackStatus:
    """Raises ConfigError when the folder can't be read."""
    pid = holder(folder)
    if pid is None:
        return StackStatus(None, [])
    rows = read_json(folder.status_file).get("parts")
    return asyncio.run(_looked_at(pid, rows if isinstance(rows, list) else []))


async def _looked_at(pid: int, rows: list[dict[str, object]]) -> StackStatus:
    return StackStatus(pid, list(await asyncio.gather(*(_part(row) for row in rows))))


async def _part(row: dict[str, object]) -> PartStatus:
    pid, address = row.get("pid"), str(row.get("address") or "")
    state = str(row.get("state"))
    if isinstance(pid, int) and not _alive(pid):
        state = "down"
    host, _, port = address.rpartition(":")
    reachable = await probes.tcp(host, int(port)) if port.isdigit() else None
    restarts = row.get("restarts")
    return PartStatus(
        name=str(row.get("name")),
        state=state,
        pid=pid if isinstance(pid, int) else None,
        address=address,
        restarts=restarts if isinstance(restarts, int) else 0,
        reachable=reachable,
    )


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def lines(found: StackStatus) -> list[str]:
    """For the screen."""
    if found.pid is None:
        return ["mos does not run here. Start it with `mos up`"]
    rows = [f"mos        pid {found.pid}"]
    for part in found.parts:
        pid = f"pid {part.pid}" if part.pid is not None else ""
        health = {True: "answers", False: "does not answer", None: ""}[part.reachable]
        again = f"started again {part.restarts}x" if part.restarts else ""
        rows.append(f"{part.name:<10} {part.state:<10} {pid:<12} {part.address:<22} {health} {again}".rstrip())
    return rows
