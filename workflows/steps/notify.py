"""`notify`: people know something; nothing to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.language.definition import NotifyStep
from workflows.engine import asking

if TYPE_CHECKING:
    from workflows.engine.frame import Place


async def run(place: Place, step: NotifyStep) -> None:
    """One message to everybody who fits. The result has `told`, their names."""
    await asking.notify(place, step)
