"""From a message (facts and choices) to what a channel sends. Pure: the same message always gives the same payload."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, Template, TemplateError

from domain.asking.messages import Choice, Message, MessageKind, Standing
from domain.errors import ConfigError, InvariantError
from domain.rosters.people import ChannelName
from domain.values import Json
from templates import blocks, shapes
from templates.clock import local_changes
from templates.gsm import plain as plain_marks
from templates.sandbox import Sandbox, plain, run
from templates.words import has, say

FOLDER = Path(__file__).parent
MAX_SEGMENTS = shapes.MAX_SEGMENTS
MAX_LINE = 300  # characters of one value in an SMS
MAX_TEXT, MAX_ITEMS = 2_000, 50  # no channel shows more of one value or list; a message must never fail for its length
_SHAPES: Mapping[ChannelName, Callable[[str, Message], dict[str, Json]]] = {
    ChannelName.SMS: shapes.sms,
    ChannelName.WHATSAPP: shapes.whatsapp,
    ChannelName.VOICE: shapes.voice,
    ChannelName.EMAIL: shapes.email,
}
_WORDS = ("accept", "decline", "arrived", "done", "answer", "reject")  # the verbs with a short word of their own
_ANSWERABLE = (Standing.OPEN, Standing.YOURS)


def render(message: Message, channel: ChannelName, folder: Path = FOLDER) -> dict[str, Json]:
    """`{"text", "blocks"}` for Slack, `{"body"}` for SMS; for WhatsApp, voice and e-mail see `templates.shapes`.

    The template is the first of `<folder>/<channel>/<definition>.<step>.j2`, `<definition>.j2`, `_default.j2`; a reply
    always takes the default. Raises ConfigError when a template is at fault, InvariantError for the console.
    """
    text = printed(message, channel, folder)
    if channel is ChannelName.SLACK:
        return _slack(text, _template(channel, message, folder).name or "")
    return _SHAPES[channel](text, message)


@lru_cache(maxsize=4096)
def has_own(channel: ChannelName, definition: str, step: str, folder: Path = FOLDER) -> bool:
    """Is there a template for this definition or step, beside the default?"""
    return any((folder / channel / f"{name}.j2").is_file() for name in (f"{definition}.{step}", definition))


def unshortened(message: Message, folder: Path = FOLDER) -> str:
    """All that the SMS template says, before details are left out to fit. Raises ConfigError."""
    return in_full(printed(message, ChannelName.SMS, folder))


def printed(message: Message, channel: ChannelName, folder: Path = FOLDER) -> str:
    """What the channel's template prints, before anything is made of it. Raises ConfigError."""
    template = _template(channel, message, folder)
    return run(lambda scope: template.render(scope), scope_of(message), template.name or "template")


def in_full(text: str) -> str:
    """An SMS of what the template printed, without the short form."""
    return shapes.economical("\n".join(line for part in shapes.parts(text)[:3] for line in part))


def numbered(message: Message) -> list[str]:
    """The verbs that an SMS answers by number: the choices that name a value (`approve:<option>`), in their order."""
    return [choice.verb for choice in message.choices if ":" in choice.verb]


def _template(channel: ChannelName, message: Message, folder: Path) -> Template:
    names = ["_default"]
    if message.kind is not MessageKind.REPLY:
        names = [f"{message.definition}.{message.step}", message.definition, "_default"]
    try:
        return _environment(channel, folder).select_template([f"{name}.j2" for name in names])
    except TemplateError as error:
        raise ConfigError(
            f"{channel} template of {message.definition}: {error.message}", code="mos.template"
        ) from error


@lru_cache(maxsize=16)
def _environment(channel: ChannelName, folder: Path) -> Sandbox:
    loader = FileSystemLoader([folder / channel, FOLDER / channel])
    if channel in _SHAPES:
        return Sandbox(one_line, loader)
    if channel is not ChannelName.SLACK:
        raise InvariantError(f"{channel} has no message templates")
    return blocks.sandbox(loader)


def one_line(value: Any) -> str:
    """A value as texts on phones show it."""
    line = plain_marks(re.sub(r"\s+", " ", plain(value)[:MAX_LINE]))
    return f" {line}" if line.startswith("--") else line  # a value is never our dividing line


def scope_of(message: Message) -> dict[str, Any]:
    """The message's fields by name, plus `answers`, `keys`, `sentence`, `answerable` and `say(key, **more)`."""
    fields = {name: capped(value) for name, value in message.model_dump(mode="json").items()}
    fields["otherwise"] = fields["otherwise"] or _silence(message, partial(_say, message.language, fields))
    fields["options"] = local_changes(fields["options"], message.times.get("zone", ""), message.language)
    speak = partial(_say, message.language, fields)
    return fields | {
        "answerable": message.standing in _ANSWERABLE and message.kind is not MessageKind.REPLY,
        "answers": [_answer(message, choice, speak) for choice in message.choices],
        "sentence": _sentence(message, speak),
        "keys": shapes.keys(message),
        "say": speak,
    }


def capped(value: Json) -> Json:
    """As much of it as any channel may show."""
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT else value[: MAX_TEXT - 3] + "..."
    if isinstance(value, list):
        return [capped(item) for item in value[:MAX_ITEMS]]
    return {name: capped(item) for name, item in value.items()} if isinstance(value, dict) else value


def _say(language: str, fields: Mapping[str, Any], key: str, **more: Any) -> str:
    return say(language, key, {**fields, "n": "", "label": "", **more})


def _sentence(message: Message, speak: partial[str]) -> str:
    if message.kind is MessageKind.REPLY:
        return speak(f"replies.{message.reply_code}") if message.reply_code else ""
    if "trouble" in message.values:
        return speak(f"trouble.{message.values['trouble']}", reason=message.values.get("reason", ""))
    return "" if message.standing is Standing.OPEN else speak(f"standing.{message.standing}")


def _silence(message: Message, speak: partial[str]) -> str:
    """What happens when nobody answers, as the engine will do it."""
    found = message.values.get("silence")
    if not found:
        return ""
    role, at = str(found.get("role") or ""), message.time("next", message.language)
    who = speak(f"roles.{role}") if has(message.language, f"roles.{role}") else role.replace("_", " ")
    return speak(f"silence.{found['code']}", who=who or speak("roles.somebody"), at=at)


def _answer(message: Message, choice: Choice, speak: partial[str]) -> dict[str, Any]:
    """A choice with its number (0 when it has none), its title and its button label."""
    verbs = numbered(message)
    number = verbs.index(choice.verb) + 1 if choice.verb in verbs else 0
    root, _, value = choice.verb.partition(":")
    title = next((option.title for option in message.options if option.id == value), "") or choice.label or value
    known = has(message.language, f"verbs.{root}") and not (root == "answer" and value)
    label = choice.label or (speak(f"verbs.{root}", n=number) if known else title or root)
    found = {"verb": choice.verb, "root": root, "n": number, "title": title, "label": label, "style": choice.style}
    written = root == "answer" and any(one.verb == root and one.asks[:1] for one in message.choices)
    word = not number and (not choice.more or choice.verb == "answer") and root in _WORDS
    return found | {"asks": bool(choice.asks), "more": choice.more, "written": written, "word": word}


def _slack(text: str, name: str) -> dict[str, Json]:
    """The template prints JSON objects one after another: first `{"text": ...}`, then one a block."""
    values = blocks.objects(text, name)
    if not values or not isinstance(values[0].get("text"), str):
        raise ConfigError(f'slack/{name}: the first object must be {{"text": ...}}', code="mos.template")
    return {"text": values[0]["text"], "blocks": values[1:]}
