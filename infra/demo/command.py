"""`mos demo`: start everything, and either guide a person or play all exceptions by itself."""

import asyncio
import contextlib
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from infra.demo.parts import demo_parts
from infra.settings import Settings, child_environment, load_settings
from infra.stack.parts import Stack
from infra.stack.up import Then, up

_ROOT = Path(__file__).resolve().parents[2]
_INTERRUPTED = 130


def demo(
    script: Annotated[bool, typer.Option("--script", help="Play all exceptions without a person, then stop.")] = False,
    seed: Annotated[int | None, typer.Option(help="Picks machines, lot and order; drawn if absent.")] = None,
    patience: Annotated[float, typer.Option(help="Seconds the script waits for each thing.")] = 90.0,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the script's data folder even if all went well.")] = False,
    without: Annotated[list[str] | None, typer.Option(help="Leave a product part out; can be repeated.")] = None,
    begun: Annotated[float | None, typer.Option(help="Count times from this moment, epoch seconds.")] = None,
) -> None:
    """Start the demo plant and the product; guide a first exception, or play all of them. Ctrl-C stops it."""
    settings, begun = load_settings(), begun or time.time()
    drawn = secrets.randbelow(10_000) if seed is None else seed
    if not script:
        raise typer.Exit(up(settings, without=without or (), extra_parts=[demo_parts], then=_guide(drawn, begun)))
    settings, made = _own_folder(settings)
    then = _play(drawn, patience, begun)
    code = up(settings, without=without or (), extra_parts=[demo_parts], then=then)
    if made and code == 0 and not keep:
        shutil.rmtree(settings.data_dir, ignore_errors=True)
    else:
        typer.echo(f"data and logs: {settings.data_dir}")
    raise typer.Exit(code)


def _own_folder(settings: Settings) -> tuple[Settings, bool]:
    """A new folder, unless one is set: the script needs a plant on which nothing has happened yet."""
    if "data_dir" in settings.model_fields_set:
        return settings, False
    folder = Path(tempfile.mkdtemp(prefix="mos-demo-"))
    folder.chmod(0o711)  # PostgreSQL may run as another user
    return settings.model_copy(update={"data_dir": folder}), True


def _play(seed: int, patience: float, begun: float) -> Then:
    async def play(stack: Stack) -> int:
        _tell_ready(begun)
        arguments = ["--seed", str(seed), "--patience", str(patience), "--begun", str(begun)]
        return await _beside(stack, "infra.demo.play", arguments)

    return play


def _guide(seed: int, begun: float) -> Then:
    async def guide(stack: Stack) -> None:
        _tell_ready(begun)
        await _beside(stack, "infra.demo.guide", ["--seed", str(seed), "--begun", str(begun)])

    return guide


def _tell_ready(begun: float) -> None:
    """The wait as a person has it: make hands over the moment it was called, so its set-up is counted too."""
    typer.echo(f"from the command to ready: {time.time() - begun:.1f} s")


async def _beside(stack: Stack, module: str, arguments: Sequence[str]) -> int:
    """Run a module of the demo in a process of its own, on this terminal; its exit code."""
    data = str(stack.ground.folder.root)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, "--data", data, *arguments),
        env=child_environment({"PYTHONPATH": str(_ROOT), "PYTHONUNBUFFERED": "1"}),
    )
    try:
        return await process.wait()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        return _INTERRUPTED
