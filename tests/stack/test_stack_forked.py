"""Parts that are forked from a process which has the product loaded: like any other part, only sooner there."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from infra.stack import probes
from infra.stack.folder import DataFolder
from infra.stack.part import Part, PartFailed
from infra.stack.supervisor import Supervisor
from tests.stack.forked import COMMAND, ROOT, part
from tests.stack.harness import eventually


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    made.prepare(0)
    return made


def _staying(folder: DataFolder, name: str = "stays") -> Part:
    up = folder.run / f"{name}.up"

    async def ready() -> bool:
        return await probes.file_there(up)

    return part(folder, name, "stay", ready=ready, prepare=lambda: up.unlink(missing_ok=True))


class _Run:
    def __init__(self, folder: DataFolder, *parts: Part, preloaded: Sequence[str] = COMMAND) -> None:
        self.said: list[str] = []
        self._ready = asyncio.Event()
        self.supervisor = Supervisor(
            folder, parts, say=self.said.append, on_all_ready=lambda _: self._ready.set(), preloaded=preloaded
        )

    async def __aenter__(self) -> "_Run":
        self._task = asyncio.create_task(self.supervisor.run())
        async with asyncio.timeout(60):
            await self._ready.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.supervisor.request_stop()
        await self._task

    async def hears(self, words: str) -> None:
        async with asyncio.timeout(60):
            while not any(words in line for line in self.said):
                await asyncio.sleep(0.01)


def _pid(folder: DataFolder, name: str = "stays") -> int:
    return int((folder.run / f"{name}.pid").read_text())


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _alive(pid: int) -> bool:
    with contextlib.suppress(OSError):  # it has gone, perhaps while we look
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


def _log(folder: DataFolder, name: str = "stays") -> list[str]:
    return (folder.logs / f"{name}.log").read_text().splitlines()


async def test_a_forked_part_has_its_own_environment_folder_log_and_group_and_is_asked_to_stop(
    folder: DataFolder,
) -> None:
    async with _Run(folder, _staying(folder), _staying(folder, "other"), part(folder, "once", "x", oneshot=True)):
        mine, other = _pid(folder), _pid(folder, "other")
        assert _parent(mine) == _parent(other) != os.getpid()
        assert os.getpgid(mine) == mine
    assert _log(folder) == ["stays in run: ['mos', 'stay']", "stays was asked to stop"]
    assert _log(folder, "other")[-1] == "other was asked to stop"
    assert _log(folder, "once") == ["once in run: ['mos', 'x']"]


async def test_a_killed_part_is_forked_again(folder: DataFolder) -> None:
    async with _Run(folder, _staying(folder)) as run:
        first, loaded = _pid(folder), _parent(_pid(folder))
        os.kill(first, signal.SIGKILL)
        await run.hears("stays is back")
        assert _parent(_pid(folder)) == loaded
    assert run.said[0] == "stays ended (killed by SIGKILL); starting it again in 0.0 s"


async def test_when_the_loaded_process_is_killed_another_is_loaded(folder: DataFolder) -> None:
    async with _Run(folder, _staying(folder), _staying(folder, "other")) as run:
        first, loaded = _pid(folder), _parent(_pid(folder))
        os.kill(loaded, signal.SIGKILL)
        await run.hears("stays is back")
        await run.hears("other is back")
        assert not _alive(first)
        assert _parent(_pid(folder)) == _parent(_pid(folder, "other")) != loaded


async def test_what_can_not_be_loaded_is_executed(folder: DataFolder) -> None:
    async with _Run(folder, _staying(folder), preloaded=(*COMMAND, "broken")):
        assert _log(folder) == ["executed"]
    assert (folder.logs / "preloaded.log").read_text() == "no module named mos\n"


async def test_a_forked_step_that_fails_stops_everything_and_shows_its_log(folder: DataFolder) -> None:
    with pytest.raises(PartFailed, match=r"step ended \(exit code 1\)") as failure:
        await _Run(folder, part(folder, "step", "fail", oneshot=True)).supervisor.run()
    assert failure.value.detail.splitlines()[-1] == "no licence found"


def test_a_killed_supervisor_takes_what_was_forked_with_it(folder: DataFolder) -> None:
    with subprocess.Popen([*COMMAND, "supervise", str(folder.root)], cwd=ROOT) as supervisor:
        pid = int(eventually(lambda: (file := folder.run / "stays.pid").exists() and file.read_text(), "it stays"))
        supervisor.kill()
    eventually(lambda: not _alive(pid), "it has ended")
    assert _log(folder)[-1] == "stays was asked to stop"
