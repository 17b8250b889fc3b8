"""How a scenario's people act: their sentences, and the script that the simulator asks."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from authoring.scenarios import sentences
from authoring.scenarios.naming import Names, Reader
from authoring.scenarios.sentences import VERBS, Said
from authoring.simulator.cast import Deed, Page, Unasked


@dataclass(frozen=True)
class Part:
    """What one person does about one task. `at`: at that moment, asked or not."""

    person: str
    task: str
    deeds: tuple[Deed, ...]
    at: datetime | None = None

    def unasked(self) -> Unasked | None:
        return Unasked(self.at, self.person, self.task, self.deeds) if self.at else None


class Script:
    """The simulator's cast. Several parts of one person for one task are for the first, second, ... time that the
    person is asked; the last one stays."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._times: Counter[tuple[str, str]] = Counter()

    def fresh(self) -> "Script":
        """For another run."""
        return Script(self._parts)

    def asked(self, page: Page) -> Sequence[Deed]:
        key = (page.person, page.task)
        own = [part for part in self._parts if (part.person, part.task) == key]
        if not own or page.kind == "notify":
            return ()
        time = self._times[key]
        self._times[key] += 1
        return own[min(time, len(own) - 1)].deeds


def parts_of(
    answers: Mapping[str, Sequence[str]], names: Names, moment: Callable[[str], datetime], reader: Reader
) -> list[Part]:
    """Every sentence as a part; what is wrong is told to the reader."""
    found = []
    for person, texts in answers.items():
        reader.known("person", person, names.people, "answers", person)
        for index, text in enumerate(texts):
            path = ("answers", person, index)
            try:
                found.append(_part(person, text, names, moment))
            except UnknownTaskError as error:
                reader.known("task or approval", error.name, names.asked, *path)
            except ValueError as error:
                reader.wrong(str(error), *path)
    return found


class UnknownTaskError(ValueError):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def _part(person: str, text: str, names: Names, moment: Callable[[str], datetime]) -> Part:
    every_ask = {ask for task in names.asked for ask in names.asks(task)}
    said = sentences.deeds(text, lambda word: word in every_ask)
    task = _task(said, names)
    for one in said:
        unknown = sorted(set(one.fields) - names.asks(task))
        if unknown:
            raise ValueError(f"'{task}' does not ask for '{unknown[0]}'")
    at = moment(said[0].at) if said[0].at else None
    deeds = [_deed(one, task, moment, first=index == 0) for index, one in enumerate(said)]
    return Part(person, task, tuple(deeds), at)


def _task(said: Sequence[Said], names: Names) -> str:
    """The one that a deed names; where the definition asks only one thing it needs no name."""
    for one in said:
        for word in one.words[:1]:
            if word in names.asked:
                return word
    named = [word for one in said for word in one.words[:1]]
    if len(names.asked) == 1:
        return next(iter(names.asked))
    if named:
        raise UnknownTaskError(named[0])
    raise ValueError(f"say which: {', '.join(sorted(names.asked))}")


def _deed(said: Said, task: str, moment: Callable[[str], datetime], *, first: bool) -> Deed:
    verb = VERBS[said.verb]
    words = [word for word in said.words if word != task]
    if words and verb != "approve":
        raise ValueError(f"'{words[0]}' can't be read here")
    if verb == "approve" and words:
        verb = f"approve:{words[0]}"
    return Deed(
        verb=verb,
        after=said.after,
        at=moment(said.at) if said.at and not first else None,
        fields=dict(said.fields),
        channel=said.via,
    )
