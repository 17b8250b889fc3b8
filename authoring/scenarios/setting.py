"""Where scenarios play: a site, its people, and what its systems answer when nothing else is said."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from authoring.simulator.plant import Question
from domain.rosters.people import Roster
from domain.site import Site
from domain.values import Json

Answers = Mapping[str, Mapping[str, Json | Question]]


def nothing(_: datetime) -> Answers:
    """Systems that have no answer to anything."""
    return {}


@dataclass(frozen=True)
class Setting:
    """`answers`: system -> query -> answer, for a scenario that starts at that moment."""

    site: Site
    roster: Roster
    answers: Callable[[datetime], Answers] = nothing
