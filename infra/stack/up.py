"""`mos up`: the supervisor in the foreground, one line a part."""

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable, Collection, Sequence

from domain.errors import ConfigError, MosError
from infra.settings import Settings
from infra.stack.folder import DataFolder, DataLock, holder, wait_until_free
from infra.stack.part import Outside, Part, PartFailed
from infra.stack.parts import ExtraParts, Stack, assemble
from infra.stack.supervisor import Supervisor

Then = Callable[[Stack], Awaitable[int | None]]
_INTERRUPTED = 130


def up(
    settings: Settings,
    *,
    without: Collection[str] = (),
    extra_parts: Sequence[ExtraParts] = (),
    as_json: bool = False,
    then: Then | None = None,
) -> int:
    """Run the stack until Ctrl-C, SIGTERM or a failure; the exit code. Says on the screen what happens.

    `then` is done once all parts are ready. A number from it stops the stack and is the exit code; None lets it run.
    """
    folder = DataFolder(settings.data_dir)
    lock = DataLock(folder)
    try:
        folder.prepare(settings.min_free_mb)
        lock.take()
        lock.wait_for_leftovers()
        stack = assemble(settings, folder, without=without, extra_parts=extra_parts)
        stack.save()
        code = asyncio.run(_run(stack, as_json, then))
    except MosError as error:
        _say(_explained(error))
        return 1
    finally:
        if lock.held:
            folder.running_environment.unlink(missing_ok=True)
        lock.release()
    _say("stopped")
    return code


async def _run(stack: Stack, as_json: bool, then: Then | None) -> int:
    ground = stack.ground
    ready = asyncio.Event()
    for note in ground.notes:
        _say(note)

    def all_ready(seconds: float) -> None:
        if as_json:
            _say(json.dumps({"ready_s": round(seconds, 1), **ground.addresses}))
        else:
            _say(f"ready in {seconds:.1f} s   data in {ground.folder.root}   Ctrl-C stops")
        ready.set()

    supervisor = Supervisor(
        ground.folder,
        stack.parts,
        stack.outside,
        say=_say,
        on_ready=lambda part, seconds: None if as_json else _say(_line(part, seconds)),
        on_all_ready=all_ready,
        min_free_mb=min(ground.settings.min_free_mb, 16),
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, supervisor.request_stop)
    if then is None:
        await supervisor.run()
        return 0
    return await _run_then(supervisor, stack, then, ready)


async def _run_then(supervisor: Supervisor, stack: Stack, then: Then, ready: asyncio.Event) -> int:
    async def follow() -> int | None:
        await ready.wait()
        try:
            code = await then(stack)
        except Exception:
            supervisor.request_stop()
            raise
        if code is not None:
            supervisor.request_stop()
        return code

    following = asyncio.create_task(follow())
    try:
        await supervisor.run()
    finally:
        following.cancel()
        await asyncio.wait([following])
    return _INTERRUPTED if following.cancelled() else following.result() or 0


def _line(part: Part | Outside, seconds: float) -> str:
    if isinstance(part, Outside):
        return f"{part.name:<10} {part.address:<22} outside, reachable"
    how = "done" if part.oneshot else "ready"
    return f"{part.name:<10} {part.address:<22} {how} {seconds:4.1f} s   {part.note}".rstrip()


def _explained(error: MosError) -> str:
    if isinstance(error, PartFailed) and error.detail:
        indented = "\n".join(f"  | {line}" for line in error.detail.splitlines())
        return f"{error.message}\n{indented}\nNothing is left running."
    return error.message


def _say(line: str) -> None:
    print(line, flush=True)


def request_down(settings: Settings, seconds: float = 60.0) -> str:
    """Stop the stack of the data folder and wait for it; what happened. Raises ConfigError when none runs."""
    folder = DataFolder(settings.data_dir)
    pid = holder(folder)
    if pid is None:
        raise ConfigError(f"mos does not run on {folder.root}")
    try:
        os.kill(pid, signal.SIGTERM)
    except PermissionError:
        raise ConfigError(f"mos (pid {pid}) runs as another user: stop it as that user") from None
    if not wait_until_free(folder, seconds):
        raise ConfigError(f"mos (pid {pid}) still stops after {seconds:g} s: see {folder.logs}")
    return f"stopped (pid {pid})"
