"""`notify`: people know something; nothing to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.definition import NotifyStep
from workflows.engine import asking

if TYPE_CHECKING:
    from workflows.engine.interpreter import Interpreter


async def run(engine: Interpreter, step: NotifyStep, path: str) -> None:
    """One message to everybody who fits."""
    await asking.notify(engine, step, path)
