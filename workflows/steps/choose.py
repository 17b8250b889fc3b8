"""`if` and `switch`: one of several sequences; what is not known yet does not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.language.definition import IfStep, SwitchStep
from domain.values import Json
from workflows.engine.stepping import run_steps

if TYPE_CHECKING:
    from workflows.engine.frame import Place


async def run_if(place: Place, step: IfStep) -> None:
    """The condition is looked at once, when the step is reached."""
    if "chosen" not in place.kept:
        place.kept["chosen"] = "then" if place.frame.holds(step.if_) else "else"
    chosen = place.kept["chosen"]
    await run_steps(place.frame, place.engine, step.then if chosen == "then" else step.else_, place.inside(chosen))


async def run_switch(place: Place, step: SwitchStep) -> None:
    """The expression's value as text names the case; without such a case it is `else`."""
    if "chosen" not in place.kept:
        place.kept["chosen"] = _text(place.frame.resolve(f"={step.switch.removeprefix('=')}"))
    case = place.kept["chosen"]
    label = f"case:{case}" if case in step.cases else "else"
    await run_steps(place.frame, place.engine, step.cases.get(case, step.else_), place.inside(label))


def _text(value: Json) -> str:
    """true, false and whole numbers as an author writes them."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
