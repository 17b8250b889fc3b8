"""From what a template printed to a channel's payload. Pure; the words are the template's, only layout happens here.

Lines of three dashes divide what is printed: what it is, details, how to answer, and (SMS) the same in fewer words.
"""

from html import escape

from domain.asking.messages import Message, MessageKind, Standing
from domain.values import Json
from templates.gsm import clip, normalise, plain, segments
from templates.keypad import menus
from templates.words import say

MAX_SEGMENTS = 3  # never more
FEW_SEGMENTS = 2  # beyond, it is said in fewer words first
_TEXT_LIMITS = (200, 450, 250)  # of a WhatsApp template's three texts: its body may hold 1,024 characters
_WHATSAPP_LIMIT = 1600
_MAX_OPTIONS = 7
_CODE = "code"
_BUTTONS = {"task": ("accept", "decline"), "yours": ("arrived", "done")}
_KEYS = {"accept": "1", "decline": "2", "arrived": "3", "done": "4"}
_KEYS_BESIDE_NUMBERS = {"arrived": "7", "reject": "8", "done": "8"}
_MAX_NUMBER = 6
_SUBJECT = 150


def parts(text: str) -> list[list[str]]:
    """The four parts, each as its lines."""
    found = [[line.strip() for line in part.split("\n") if line.strip()] for part in plain(text).split("\n---")]
    return [*found, [], [], [], []][:4]


def sms(text: str, message: Message) -> dict[str, Json]:
    """`{"body"}`. Letters lose their diacritics only when that saves a segment (GSM-7 has 160 characters, all else 70);
    details are left out from the end when it is too long."""
    rich, bare = _fitted(parts(text)), _fitted(parts(normalise(text)))
    return {"body": rich if segments(rich) <= segments(bare) and normalise(rich) == bare else bare}


def economical(text: str) -> str:
    """The text as it is, or without diacritics where that saves a segment."""
    bare = normalise(text)
    return bare if segments(bare) < segments(text) else text


def _fitted(printed: list[list[str]]) -> str:
    head, details, foot, short = printed
    if short and segments("\n".join(head + details + foot)) > FEW_SEGMENTS:
        foot = short
    while details and segments("\n".join(head + details + foot)) > MAX_SEGMENTS:
        details = details[:-1]
    body = "\n".join(head + details + foot)
    while head and len(head[0]) > 40 and segments(body) > MAX_SEGMENTS:
        head = [head[0][:-8].rstrip() + "...", *head[1:]]
        body = "\n".join(head + foot)
    return clip(body, MAX_SEGMENTS)


def whatsapp(text: str, message: Message) -> dict[str, Json]:
    """`{"body", "language", "content", "texts", "buttons", "task"}`: free text for an open session, and what an
    approved template of that name is filled with. `content` is empty for a reply, which has none."""
    head, details, foot, _ = parts(text)
    body = "\n".join(head + details + foot)
    name, verbs = _content(message)
    texts = [_cut(" · ".join(lines), limit) for lines, limit in zip((head, details, foot), _TEXT_LIMITS, strict=True)]
    texts = [message.code] if name == _CODE else texts
    return {
        "body": _cut(body, _WHATSAPP_LIMIT),
        "language": message.language[:2],
        "content": name,
        "texts": texts,
        "buttons": [{"verb": verb} for verb in verbs],
        "task": message.task,
    }


def _content(message: Message) -> tuple[str, tuple[str, ...]]:
    """Which template, and the verbs of its buttons. A template's buttons are fixed: a verb that is not offered now is
    refused when it is pressed."""
    if message.kind is MessageKind.REPLY:
        return (_CODE if message.reply_code == "enrol_code" else ""), ()
    offered = {choice.verb for choice in message.choices}
    options = tuple(choice.verb for choice in message.choices if choice.verb.startswith("approve:"))
    if message.standing is Standing.OPEN and 0 < len(options) <= _MAX_OPTIONS:
        return f"approve{len(options)}", (*options, "reject")
    for name, standing in (("task", Standing.OPEN), ("yours", Standing.YOURS)):
        if message.standing is standing and offered & set(_BUTTONS[name]):
            return name, _BUTTONS[name]
    return "notify", ()


def keys(message: Message) -> dict[str, str]:
    """Verb -> key of the phone. A verb keeps its key; options are 1 to 6, and then the others stand at 7 and 8. What
    needs words, and what is not offered (high risk), has none."""
    if message.kind is MessageKind.REPLY or message.standing not in (Standing.OPEN, Standing.YOURS):
        return {}
    asked = [choice for choice in message.choices if not any(one.required for one in choice.asks)]
    numbered = [choice.verb for choice in message.choices if ":" in choice.verb][:_MAX_NUMBER]
    fixed = _KEYS_BESIDE_NUMBERS if numbered else _KEYS
    named = {choice.verb: fixed[choice.verb] for choice in asked if choice.verb in fixed}
    return {verb: str(n) for n, verb in enumerate(numbered, 1) if "," not in verb} | named


def voice(text: str, message: Message) -> dict[str, Json]:
    """`{"say", "language", "keys", "menus", "task", "received", "unclear", "bye"}`; `keys`: digit -> verb; `menus`: see
    templates.keypad."""
    said, menu, rest, _ = parts(text)
    received, unclear, bye = [*rest, "", "", ""][:3]
    first = keys(message)
    more = menus(message, first)
    return {
        "say": " ".join(said + menu + ([say(message.language, "voice.more", {})] if more else [])),
        "language": message.language[:2],
        "keys": {digit: verb for verb, digit in first.items()},
        "menus": more,
        "task": message.task,
        "received": received,
        "unclear": unclear,
        "bye": bye,
    }


def email(text: str, message: Message) -> dict[str, Json]:
    """`{"subject", "text", "html"}`: the same lines twice; the only link is the console's, which asks who you are."""
    head, details, foot, _ = parts(text)
    lines = head + details + foot
    return {
        "subject": _cut(lines[0] if lines else "", _SUBJECT),
        "text": "\n".join(lines),
        "html": _html(message, lines),
    }


def _html(message: Message, lines: list[str]) -> str:
    link = escape(message.link) if message.link.startswith(("https://", "http://")) else ""
    said = [escape(line) for line in lines]
    linked = [line.replace(link, f'<a href="{link}">{link}</a>') if link else line for line in said]
    body = "\n".join(f"<p>{line}</p>" for line in linked)
    return f'<!doctype html>\n<html lang="{escape(message.language)}">\n<body>\n{body}\n</body>\n</html>\n'


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 3].rstrip() + "..."
