"""How an SMS reads, for many messages of one shape: the words around the values are rendered once.

A message with holes for its values goes through the template; then the values are put into the holes as the template
would print them. A message of which that is not certain is rendered itself.
"""

import re
from collections.abc import Iterator, Sized
from functools import lru_cache

from domain.asking.messages import Choice, Fact, Input, Message, MessageKind, OptionCard
from domain.rosters.people import ChannelName
from templates.render import MAX_ITEMS, capped, has_own, in_full, one_line, printed, unshortened

_FIRST = 0xE000  # of Unicode's private use: nobody writes these characters
_HOLE = re.compile(f"[{chr(_FIRST)}-{chr(0xF8FF)}]")
_TITLE = 40  # characters that the template takes of an option's title in a sentence
_IN_SENTENCE = 100


def unshortened_alike(message: Message) -> str:
    """What `templates.render.unshortened` gives. Raises ConfigError."""
    lists: tuple[Sized, ...] = (
        message.body,
        message.facts,
        message.choices,
        message.options,
        *(one.figures for one in message.options),
    )
    more = message.kind is MessageKind.REPLY or message.values or message.otherwise or message.gaps
    bare = message.options and not message.choices  # then the options' titles stand where figures do
    if (
        more
        or bare
        or max(len(one) for one in lists) > MAX_ITEMS
        or has_own(ChannelName.SMS, message.definition, message.step)
    ):
        return unshortened(message)
    values = list(_values(message))
    if None in values:
        return unshortened(message)
    between, holes = _frame(_hollow(message))
    if holes.count(0) != 1 or len(set(holes)) != len(holes):
        return unshortened(message)  # the template does more with a value than printing it
    filled = [part for hole, after in zip(holes, between[1:], strict=True) for part in (values[hole] or "", after)]
    return in_full("".join([between[0], *filled]))


def _values(message: Message) -> Iterator[str | None]:
    """As they are printed, in the order of `_hollow`; None for what is not printed by itself."""
    yield _line(message.title)
    yield from (_line(text) for text in message.body)
    for fact in message.facts:
        yield from (_line(fact.label), _line(fact.value))
    for option in message.options:
        yield from (_line(part) for figure in option.figures for part in (figure.label, figure.value))
    titles = {option.id: option.title for option in message.options}
    for choice in message.choices:
        value = choice.verb.partition(":")[2]
        yield _word((titles.get(value) or choice.label or value)[:_TITLE]) if value else ""
    yield from (_word(one.label.lower()) for one in message.inputs)
    if len({choice.verb for choice in message.choices}) != len(message.choices):
        yield None


def _line(value: str) -> str | None:
    return None if _HOLE.search(value) else one_line(capped(value))


def _word(value: str) -> str | None:
    """Within a sentence, which is made one line as a whole."""
    sound = 0 < len(value) <= _IN_SENTENCE and value == value.strip() and not value.startswith("-")
    return one_line(value) if sound and not _HOLE.search(value) else None


def _hollow(message: Message) -> str:
    """The message as JSON with holes, and without what no SMS shows."""
    hole = map(chr, range(_FIRST, _FIRST + 6_000))
    hollow = {
        "title": next(hole),
        "body": [next(hole) for _ in message.body],
        "facts": [Fact(label=next(hole), value=next(hole)) for _ in message.facts],
        "options": [
            OptionCard(id="", title="", figures=[Fact(label=next(hole), value=next(hole)) for _ in option.figures])
            for option in message.options
        ],
        "choices": [_nameless(index, choice, next(hole)) for index, choice in enumerate(message.choices)],
        "inputs": [Input(name="", label=next(hole), kind=one.kind) for one in message.inputs],
    }
    return message.model_copy(update={**hollow, "definition": "any", "step": "any"}).model_dump_json()


def _nameless(index: int, choice: Choice, hole: str) -> Choice:
    root, _, value = choice.verb.partition(":")
    verb, label = (f"{root}:{index}", hole) if value else (choice.verb, "")
    return Choice(verb=verb, label=label, more=choice.more, asks=[Input(name="")] if choice.asks else [])


@lru_cache(maxsize=1024)
def _frame(hollow: str) -> tuple[list[str], list[int]]:
    """What stands around the holes, and which hole is where; of the parts that are never left out."""
    text = "\n---".join(printed(Message.model_validate_json(hollow), ChannelName.SMS).split("\n---")[:3])
    return _HOLE.split(text), [ord(hole) - _FIRST for hole in _HOLE.findall(text)]
