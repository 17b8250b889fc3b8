"""Every message of every step as people would get it: written with ordinary and with long values, in each language."""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from authoring.check.asked import SPEAKING, chains, people
from authoring.check.facts import manifest_of
from authoring.check.looking import Look, Placed, Proof
from authoring.check.samples import long_value, ordinary
from domain.asking.messages import Choice, Fact, Input, Message, MessageKind, OptionCard, Standing
from domain.asking.task_choices import choices, inputs
from domain.asking.tasks import LiveTask
from domain.errors import ConfigError
from domain.language.definition import ApproveStep, NotifyStep, TaskStep, step_kind, step_name
from domain.language.definition_rules import Problem
from domain.language.texts import fact_texts, nearest, pick
from domain.language.texts import languages as spoken
from domain.rosters.people import ChannelName
from domain.typing.tree import ListOf, Record, Type
from domain.values import Json
from templates.gsm import segments
from templates.render import MAX_LINE, MAX_SEGMENTS, has_own, render, unshortened
from templates.sms_frames import unshortened_alike
from templates.text import render_once

_CODE, _BROKEN = "mos.message.too_long", "mos.message.render"
_CHANNELS = ("slack", "sms")
_OPTIONS = 4  # as many as a planner proposes
_LINK = "https://mos.example.com/exceptions/exc_" + "0" * 26


def messages(look: Look) -> Proof:
    """Texts that a channel would cut short. With long values that is only noted where nobody who is asked reads it."""
    languages = look.site.languages if look.site else ("en",)
    for placed in look.steps:
        if isinstance(placed.step, SPEAKING):
            yield from _step(look, placed, languages)


def _step(look: Look, placed: Placed, languages: tuple[str, ...]) -> Proof:
    try:
        long = _worst(look, placed, languages, _CHANNELS, long=True)
        usual = _worst(look, placed, languages, tuple(long), long=False) if long else {}
    except ConfigError as error:
        yield Problem(placed.at, f"this message can't be written: {error.message}", _BROKEN)
        return
    read = _read_by(look, placed) if long else frozenset()
    for channel, told in long.items():
        if channel in usual:
            yield Problem(placed.at, f"{usual[channel]} with ordinary values", _CODE, "warning", _ADVICE[channel])
        else:
            severity = "warning" if channel in read else "note"
            yield Problem(placed.at, f"{told} with long values", _CODE, severity, _ADVICE[channel])


def _worst(
    look: Look, placed: Placed, languages: tuple[str, ...], channels: tuple[str, ...], *, long: bool
) -> dict[str, str]:
    """Channel -> what is over. A plain text reads the same whatever language the words around it are in."""
    told: dict[str, str] = {}
    own = sorted({nearest(_spoken(look, placed.step), language) for language in languages} - {""})
    for language in own or [""]:
        around = tuple(one for one in languages if not own or nearest([language], one)) or languages
        told = dict(_over(list(_written(look, placed, language, long=long)), around, channels)) | told
    return told


def _spoken(look: Look, step: TaskStep | NotifyStep | ApproveStep) -> set[str]:
    """The languages in which the step is written."""
    facts = [text for _, label, value in fact_texts(step.facts) for text in (label, value)]
    return spoken(step.title or look.definition.title, step.text, *facts)


_ADVICE: Mapping[str, str] = {
    "sms": "shorten it: the last lines are left out of the message",
    "slack": "shorten it: what is beyond is cut off",
}


def _read_by(look: Look, placed: Placed) -> frozenset[str]:
    """On which channels those who may be asked get their messages; all, when that is not known."""
    site = look.site
    if site is None:
        return frozenset()
    asked = [person for chain in chains(look, site, placed) for person in people(site, chain)]
    return frozenset(person.contacts[0].channel.value for person in asked if person.contacts)


def _over(written: list[Message], languages: tuple[str, ...], channels: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Channel and how much is over, the worst for each channel. What counts on Slack is the same in each language."""
    for channel in channels:
        if channel == "slack":
            worst = max(_slack(message) for message in written)
        else:
            worst = max(
                _sms(message.model_copy(update={"language": _wordiest(message, languages)})) for message in written
            )
        if worst[1]:
            yield channel, worst[1]


def _wordiest(message: Message, languages: tuple[str, ...]) -> str:
    """In which language it is longest: the values are the same in each, so that depends on the words around them."""
    return languages[0] if len(languages) == 1 else _longest(_skeleton(message, ChannelName.SMS), languages)


@lru_cache(maxsize=512)
def _longest(skeleton: str, languages: tuple[str, ...]) -> str:
    message = Message.model_validate_json(skeleton)
    lengths = {one: len(unshortened(message.model_copy(update={"language": one}))) for one in languages}
    return max(languages, key=lambda one: lengths[one])


def _sms(message: Message) -> tuple[float, str]:
    count, longest = segments(unshortened_alike(message)), max((len(text) for text in _values(message)), default=0)
    if longest > MAX_LINE:
        return longest, f"SMS ({message.language}): a text of {longest} characters, at most {MAX_LINE} are shown"
    told = f"SMS ({message.language}): {count} segments, at most {MAX_SEGMENTS} are sent"
    return (count / MAX_SEGMENTS, told) if count > MAX_SEGMENTS else (0.0, "")


def _values(message: Message) -> Iterator[str]:
    """What is shown on one line each."""
    yield message.title
    yield from message.body
    yield from (fact.value for fact in message.facts)


def _slack(message: Message) -> tuple[float, str]:
    """What the template shortens itself, and what Slack's own limits would."""
    limits = manifest_of("slack").limits
    sizes = [
        ("the title", len(message.title), limits["header"]),
        ("the text", len("\n".join(message.body)), limits["text"] - 100),
        ("blocks", _blocks(_skeleton(message, ChannelName.SLACK)), limits["blocks"]),
        ("buttons", len(message.choices), limits["buttons"]),
        *(("a fact", len(fact.value), limits["field"] - len(fact.label) - 10) for fact in message.facts),
        *(("a button", len(choice.label), limits["button"]) for choice in message.choices),
    ]
    over = max(sizes, key=lambda one: one[1] / one[2])
    what, size, limit = over
    told = f"Slack: {what} of {size}, at most {limit} are shown"
    return (size / limit, told) if size > limit else (0.0, "")


def _skeleton(message: Message, channel: ChannelName) -> str:
    """The message without its values: on this alone depends how many blocks it has and which words stand around them. A
    step with a template of its own keeps its name."""
    own = has_own(channel, message.definition, message.step)
    names = {} if own else {"definition": "any", "step": "any"}
    told: dict[str, Json] = {
        "title": "t",
        "body": ["b" for _ in message.body],
        "facts": [Fact(label="f", value="v") for _ in message.facts],
        "options": [OptionCard(id="o", title="t", summary=one.summary[:1]) for one in message.options],
        "choices": [_nameless(choice, index) for index, choice in enumerate(message.choices)],
        "inputs": [Input(name=f"i{index}", label="i", kind=one.kind) for index, one in enumerate(message.inputs)],
    }
    return message.model_copy(update={**names, **told, "by": "b"}).model_dump_json()


def _nameless(choice: Choice, index: int) -> Choice:
    """What is answered by a word keeps it; a value has a number only."""
    root, _, value = choice.verb.partition(":")
    return Choice(verb=f"{root}:{index}" if value else root)


@lru_cache(maxsize=512)
def _blocks(skeleton: str) -> int:
    blocks: list[Json] = render(Message.model_validate_json(skeleton), ChannelName.SLACK)["blocks"]
    return len(blocks)


# -- writing it as the engine would ------------------------------------------------------------------------------------


def _written(look: Look, placed: Placed, language: str, *, long: bool) -> Iterator[Message]:
    """As it asks; a task also as it stands for the one who accepted. Raises ConfigError."""
    step, scope = placed.step, look.scopes.at(placed.path)
    labelled = [(pick(label, language), pick(value, language)) for _, label, value in fact_texts(step.facts)]
    texts = [pick(step.title or look.definition.title, language), pick(step.text, language)]
    texts += [text for label, value in labelled for text in (label, value)]
    values = look.values(scope, texts, long=long)
    title, text, *facts = [render_once(one, values) for one in texts]
    body = text.strip()
    asked = Message(
        kind=MessageKind(str(step_kind(step))),
        definition=look.definition.definition,
        exception_id="exc_" + "0" * 26,
        step=step_name(step),
        title=title,
        priority="high",
        body=[body] if body else [],
        facts=[Fact(label=label, value=value) for label, value in zip(facts[::2], facts[1::2], strict=True)],
        task="" if isinstance(step, NotifyStep) else "tsk_" + "0" * 26 + ":1",
        code="" if isinstance(step, NotifyStep) else "K7QP",
        link=_LINK,
    )
    if isinstance(step, NotifyStep):
        yield asked
        return
    task = LiveTask("tsk", step_name(step), placed.path, step)
    options = _options(look, placed, long=long) if isinstance(step, ApproveStep) else []
    task.options = [option.read_in(language) for option in options]
    link_only = getattr(step, "risk", "") == "high"
    deadline = "22 Nov 14:05"
    offered = {"options": task.options, "deadline": deadline, "choices": choices(task, mine=False)}
    yield asked.model_copy(update=offered | ({"choices": []} if link_only else {}))
    if isinstance(step, TaskStep):
        mine = {"choices": choices(task, mine=True), "inputs": inputs(task, mine=True)}
        yield asked.model_copy(
            update=mine | {"standing": Standing.YOURS, "by": "Maximiliane Musterfrau", "at": deadline}
        )


def _options(look: Look, placed: Placed, *, long: bool) -> list[OptionCard]:
    step: ApproveStep = placed.step
    if isinstance(step.options, list):
        cards = [one for one in step.options if isinstance(one, dict)]
        return [OptionCard.model_validate({**_plain(one), "id": str(one.get("id", ""))}) for one in cards]
    found: Type = look.scopes.type_of(step.options, look.scopes.at(placed.path))
    item = found.item if isinstance(found, ListOf) and isinstance(found.item, Record) else Record()
    card: dict[str, Json] = long_value(item) if long else ordinary(item)
    named = {name: card[name] for name in ("title", "summary", "figures") if name in card}
    return [OptionCard.model_validate({"title": "", **named, "id": f"option-{index}"}) for index in range(_OPTIONS)]


def _plain(card: Mapping[str, Json]) -> dict[str, Json]:
    known = {name: card[name] for name in ("title", "summary", "figures") if name in card}
    return {"title": "", **{name: value for name, value in known.items() if isinstance(value, str | list | dict)}}
