"""The supervisor with small shell scripts as parts: order, restarts, giving up, and what it leaves behind."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from domain.errors import ConfigError
from infra.settings import bare_environment
from infra.stack import probes
from infra.stack.folder import DataFolder, read_json
from infra.stack.part import Outside, Part, PartFailed, Restart
from infra.stack.supervisor import Supervisor

_FOREVER = "while :; do sleep 60 & wait; done"
_QUICK = Restart(give_up=3, first_pause=0.01)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    made.prepare(0)
    return made


def _script(folder: DataFolder, name: str, script: str, grace: float = 60.0, **fields: Any) -> Part:
    """A part whose shell script sees its folder as $D, with time to stop in."""
    env = {**bare_environment(), "D": str(folder.run)}
    return Part(name=name, argv=["sh", "-c", script], env=env, cwd=folder.run, grace=grace, restart=_QUICK, **fields)


def _file(folder: DataFolder, name: str) -> Callable[[], Awaitable[bool]]:
    return lambda: probes.file_there(folder.run / name)


def _states(folder: DataFolder) -> dict[str, str]:
    rows: Any = read_json(folder.status_file)["parts"]
    return {row["name"]: row["state"] for row in rows}


def _gone(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    return True


async def _written(path: Path) -> str:
    async with asyncio.timeout(60):
        while not path.exists() or not path.read_text().endswith("\n"):
            await asyncio.sleep(0.01)
    return path.read_text().strip()


class _Run:
    """A supervisor at work; `said` holds what the operator saw."""

    def __init__(self, folder: DataFolder, *parts: Part, outside: tuple[Outside, ...] = ()) -> None:
        self.said: list[str] = []
        self.ready = asyncio.Event()
        self.supervisor = Supervisor(
            folder, parts, outside, say=self.said.append, on_all_ready=lambda seconds: self.ready.set()
        )

    async def __aenter__(self) -> "_Run":
        self._task = asyncio.create_task(self.supervisor.run())
        async with asyncio.timeout(60):
            await self.ready.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.supervisor.request_stop()
        await self._task


async def test_parts_start_after_what_they_need_and_stop_before_it(folder: DataFolder) -> None:
    trap = "trap 'echo $N stopped >>$D/order; exit 0' TERM; echo $N started >>$D/order; touch $D/$N;"
    base = _script(folder, "base", "N=base;" + trap + _FOREVER, ready=_file(folder, "base"))
    once = _script(folder, "once", "echo once done >>$D/order", after=("base",), oneshot=True)
    top = _script(folder, "top", "N=top;" + trap + _FOREVER, ready=_file(folder, "top"), after=("once", "left out"))

    async with _Run(folder, top, once, base):
        assert _states(folder) == {"base": "ready", "once": "done", "top": "ready"}

    order = (folder.run / "order").read_text().splitlines()
    assert order == ["base started", "once done", "top started", "top stopped", "base stopped"]
    assert _states(folder) == {"base": "stopped", "once": "done", "top": "stopped"}


async def test_a_part_that_keeps_dying_stops_everything_and_shows_its_log(folder: DataFolder) -> None:
    good = _script(folder, "good", "echo $$ >$D/pid;" + _FOREVER, ready=_file(folder, "pid"))
    bad = _script(folder, "bad", "echo no licence found; exit 3", ready=_file(folder, "never"), after=("good",))
    run = _Run(folder, good, bad)

    with pytest.raises(PartFailed) as failure:
        await run.supervisor.run()

    assert failure.value.message.startswith("bad ended 3 times in a row (exit code 3)")
    assert failure.value.detail.splitlines() == ["no licence found"] * 3
    assert run.said == [f"bad ended (exit code 3); starting it again in {pause} s" for pause in ("0.0", "0.0")]
    assert _gone(int((folder.run / "pid").read_text()))


async def test_a_part_that_is_never_ready_is_named(folder: DataFolder) -> None:
    slow = _script(folder, "slow", _FOREVER, ready=_file(folder, "never"), ready_within=0.2)
    with pytest.raises(PartFailed, match=r"slow was not ready within 0\.2 s"):
        await _Run(folder, slow).supervisor.run()


async def test_a_failed_first_step_keeps_the_rest_from_starting(folder: DataFolder) -> None:
    step = _script(folder, "step", "echo broken >&2; exit 1", oneshot=True)
    rest = _script(folder, "rest", "touch $D/started;" + _FOREVER, after=("step",))
    with pytest.raises(PartFailed) as failure:
        await _Run(folder, step, rest).supervisor.run()
    assert failure.value.detail == "broken"
    assert not (folder.run / "started").exists()


async def test_an_outside_part_that_refuses_keeps_ours_from_starting(folder: DataFolder) -> None:
    async def refuse() -> None:
        raise ConfigError("not there")

    ours = _script(folder, "ours", "touch $D/started;" + _FOREVER)
    with pytest.raises(ConfigError, match="not there"):
        await _Run(folder, ours, outside=(Outside("theirs", "host:1", refuse),)).supervisor.run()
    assert not (folder.run / "started").exists()


async def test_grandchildren_go_with_their_part(folder: DataFolder) -> None:
    script = "sh -c 'trap \"\" TERM; echo $$ >$D/grandchild; while :; do sleep 1; done' & touch $D/up;" + _FOREVER
    async with _Run(folder, _script(folder, "parent", script, grace=0.5, ready=_file(folder, "up"))):
        grandchild = int(await _written(folder.run / "grandchild"))
        assert not _gone(grandchild)
    assert _gone(grandchild)


async def test_a_part_that_ignores_its_stop_signal_is_killed(folder: DataFolder) -> None:
    stubborn = _script(
        folder,
        "stubborn",
        "trap '' TERM; echo $$ >$D/pid; while :; do sleep 1; done",
        grace=0.5,
        ready=_file(folder, "pid"),
    )
    async with _Run(folder, stubborn):
        pid = int(await _written(folder.run / "pid"))
    assert _gone(pid)


async def test_a_restarted_part_is_ready_only_when_it_says_so_again(folder: DataFolder) -> None:
    ready = folder.ready_file("part")
    script = f"echo $$ >>$D/pids; touch {ready};" + _FOREVER
    part = _script(
        folder, "part", script, ready=lambda: probes.file_there(ready), prepare=lambda: ready.unlink(missing_ok=True)
    )
    async with _Run(folder, part) as run:
        first = int(await _written(folder.run / "pids"))
        os.kill(first, signal.SIGKILL)
        async with asyncio.timeout(60):
            while not any("is back" in line for line in run.said):
                await asyncio.sleep(0.01)
        assert len((folder.run / "pids").read_text().split()) == 2
    assert run.said[0] == "part ended (killed by SIGKILL); starting it again in 0.0 s"


async def test_each_start_turns_the_log(folder: DataFolder) -> None:
    part = _script(folder, "part", "echo hello; touch $D/up;" + _FOREVER, ready=_file(folder, "up"))
    for _ in range(2):
        async with _Run(folder, part):
            await _written(folder.logs / "part.log")
    assert (folder.logs / "part.log").read_text() == "hello\n"
    assert (folder.logs / "part.log.1").read_text() == "hello\n"


async def test_parts_that_wait_for_each_other_are_refused(folder: DataFolder) -> None:
    parts = [_script(folder, name, "true", after=(other,)) for name, other in (("a", "b"), ("b", "a"))]
    with pytest.raises(ConfigError, match="wait for each other: a, b"):
        Supervisor(folder, parts)


async def test_a_part_that_runs_but_no_longer_answers_is_started_again(folder: DataFolder) -> None:
    answers = folder.run / "answers"
    script = "touch $D/answers;" + _FOREVER
    part = _script(
        folder, "mute", script, ready=_file(folder, "answers"), alive=_file(folder, "answers"), alive_every=0.02
    )
    async with _Run(folder, part) as run:
        answers.unlink()
        async with asyncio.timeout(60):
            while "mute is back" not in " ".join(run.said):
                await asyncio.sleep(0.01)
    assert run.said[0] == "mute runs but does not answer: killing it"
