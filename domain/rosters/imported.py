"""What an export of another system says about people and schedules, and whom its users are here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from domain.rosters.model import Absence, Schedule
from domain.rosters.people import ChannelName, Person
from domain.values import Json


@dataclass(frozen=True)
class PersonFields:
    """What is said of one person: only these fields change. `where` names the place in the file."""

    id: str
    fields: Mapping[str, Json]
    where: str = ""


@dataclass
class Imported:
    """`problems` say what can't be taken over, and where it stands."""

    people: list[PersonFields] = field(default_factory=list)
    schedules: list[Schedule] = field(default_factory=list)
    absences: list[Absence] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Directory:
    """Finds people by what other systems call them: id, e-mail address, name. Upper and lower case are the same; what
    fits two people fits nobody."""

    def __init__(self, people: Iterable[Person]) -> None:
        self._known: dict[str, set[str]] = {}
        for person in people:
            mails = (one.address for one in person.contacts if one.channel is ChannelName.EMAIL)
            for word in (person.id, person.name, *mails):
                self._known.setdefault(_word(word), set()).add(person.id)

    def find(self, *words: object) -> str | None:
        """The one person whom the first fitting word means."""
        for word in words:
            found = self._known.get(_word(str(word))) if word else None
            if found and len(found) == 1:
                return next(iter(found))
        return None


def _word(text: str) -> str:
    return " ".join(text.casefold().removeprefix("mailto:").split())


def slug(text: str) -> str:
    """An id from a title: letters, digits, underscores."""
    kept = "".join(one if one.isascii() and one.isalnum() else "_" for one in text.casefold())
    return "_".join(part for part in kept.split("_") if part)[:60] or "imported"
