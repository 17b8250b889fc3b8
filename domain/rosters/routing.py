"""Whom to ask of those who fit: those with room before those who have enough to do. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from domain.rosters.people import Person

PAGES_WINDOW = timedelta(minutes=10)
"""ISA-18.2 and EEMUA 191 count the alarms of an operator in spans of ten minutes."""


@dataclass(frozen=True)
class Load:
    """By person: `tasks` accepted and not done, `asked` open ones of any standing, `pages` of the last ten minutes."""

    tasks: Mapping[str, int]
    asked: Mapping[str, int]
    pages: Mapping[str, int]

    def over(self, person: str, tasks: int, pages: int) -> bool:
        """Has this person as much as the budget allows, or more? 0 = no such budget."""
        return bool(tasks and self.tasks.get(person, 0) >= tasks) or bool(pages and self.pages.get(person, 0) >= pages)


def preferred(fitting: Sequence[Person], load: Load, *, tasks: int, pages: int, at_most: int) -> list[Person]:
    """Those within the budget; when there is none, all of them, since somebody has to be asked. With `at_most` the few
    with the least to do: open tasks, then pages, then id."""
    within = [person for person in fitting if not load.over(person.id, tasks, pages)] or list(fitting)
    if not at_most:
        return within
    return sorted(within, key=lambda one: (load.asked.get(one.id, 0), load.pages.get(one.id, 0), one.id))[:at_most]
