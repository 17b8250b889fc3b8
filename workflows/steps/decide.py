"""`decide`: a decision table gives values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.language.definition import DecideStep
from domain.values import Json

if TYPE_CHECKING:
    from workflows.engine.frame import Place


async def run(place: Place, step: DecideStep) -> None:
    """`first`: the values of the first rule that holds, with its number as `rule` (0: none did, `otherwise`).
    `collect`: `all`, a list of the values of every rule that holds."""
    found: list[dict[str, Json]] = []
    for number, rule in enumerate(step.table(), 1):
        if place.frame.holds(rule.when):
            found.append({**place.frame.resolve(rule.then), "rule": number})
            if step.hit == "first":
                break
    nothing = {**place.frame.resolve(step.otherwise), "rule": 0}
    value: Json = {"all": found} if step.hit == "collect" else (found[0] if found else nothing)
    place.frame.put(step.decide, value)
    place.engine.note("decided_by_table", place.path, task=step.decide, values=value)
