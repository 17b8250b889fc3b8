"""TwiML as Twilio reads it, for messages and for calls: well-formed, known verbs, known attributes with legal values.

Rules: twilio.com/docs/messaging/twiml, twilio.com/docs/voice/twiml; codes: twilio.com/docs/api/errors.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.etree import ElementTree

from infra.phones.twilio.call import TwilioRefusal

_URL = re.compile(r"(https?://[^\s]+|/?[^\s:]*)")
_METHOD = re.compile("GET|POST")
_WHOLE, _POSITIVE = re.compile(r"\d+"), re.compile(r"[1-9]\d*")
_VOICE = re.compile(r"man|woman|alice|Polly\.[\w-]+|Google\.[\w-]+")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})*")
_ANY = re.compile(r".*", re.DOTALL)
_SAY_LIMIT = 4096

# verb -> attribute -> (pattern, code of a value that is not one)
_ATTRIBUTES: dict[str, dict[str, tuple[re.Pattern[str], int]]] = {
    "Say": {"voice": (_VOICE, 13511), "language": (_LANGUAGE, 12200), "loop": (_WHOLE, 13510)},
    "Play": {"loop": (_WHOLE, 13410), "digits": (re.compile(r"[0-9w*#]+"), 12200)},
    "Pause": {"length": (_POSITIVE, 12200)},
    "Hangup": {},
    "Redirect": {"method": (_METHOD, 13710)},
    "Gather": {
        "action": (_URL, 11100),
        "method": (_METHOD, 13312),
        "timeout": (_POSITIVE, 13313),
        "numDigits": (_POSITIVE, 13314),
        "finishOnKey": (re.compile(r"[0-9#*]?"), 13310),
        "input": (re.compile(r"dtmf( speech)?|speech( dtmf)?"), 12200),
        "language": (_LANGUAGE, 12200),
        "actionOnEmptyResult": (re.compile("true|false"), 12200),
        "hints": (_ANY, 12200),
        "speechTimeout": (re.compile(r"auto|[1-9]\d*"), 12200),
        "bargeIn": (re.compile("true|false"), 12200),
    },
}
_NESTED = {"Say", "Play", "Pause"}


@dataclass
class Verb:
    """One verb of a call's document."""

    name: str
    text: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    inside: list["Verb"] = field(default_factory=list)

    def seconds(self, word_seconds: float) -> float:
        """How long it is heard."""
        if self.name == "Pause":
            return float(self.attributes.get("length", "1"))
        times = max(1, int(self.attributes.get("loop", "1")))
        return times * word_seconds * len(self.text.split()) if self.name == "Say" else 0.0


def twiml_messages(text: str) -> list[str]:
    """The texts of the <Message> verbs; raises TwilioRefusal (12100, 12200)."""
    found = []
    for verb in _root(text):
        if verb.tag not in ("Message", "Sms"):
            raise TwilioRefusal(12200, f"Schema validation warning: {verb.tag} is not a verb for messages")
        bodies = [body.text or "" for body in verb.findall("Body")]
        found.append("".join(bodies) if bodies else verb.text or "")
    return found


def twiml_verbs(text: str) -> list[Verb]:
    """The verbs of a call's document, in order; raises TwilioRefusal with the warning Twilio would log."""
    root = _root(text)
    _no_loose_text(root)
    return [_verb(element, nested=False) for element in root]


def _verb(element: ElementTree.Element, *, nested: bool) -> Verb:
    name = element.tag
    if nested and name not in _NESTED:
        raise TwilioRefusal(13320, f"Gather: Invalid nested verb {name}")
    if name not in _ATTRIBUTES:
        raise TwilioRefusal(12200, f"Schema validation warning: {name} is not a verb for calls that is played here")
    for attribute, value in element.attrib.items():
        _check(name, attribute, value)
    verb = Verb(name, (element.text or "").strip(), dict(element.attrib))
    if name == "Gather":
        _no_loose_text(element)
        verb.text, verb.inside = "", [_verb(inner, nested=True) for inner in element]
    elif len(element):
        raise TwilioRefusal(12200, f"Schema validation warning: {name} holds no other verb")
    _CONTENT.get(name, _nothing_inside)(verb)
    return verb


def _check(name: str, attribute: str, value: str) -> None:
    if attribute not in _ATTRIBUTES[name]:
        raise TwilioRefusal(12200, f"Schema validation warning: {name} has no attribute {attribute}")
    pattern, code = _ATTRIBUTES[name][attribute]
    if not pattern.fullmatch(value):
        raise TwilioRefusal(code, f"{name}: Invalid {attribute} value {value!r}")


def _check_say(verb: Verb) -> None:
    if not verb.text or len(verb.text) > _SAY_LIMIT:
        raise TwilioRefusal(13520, "Say: Invalid text")


def _check_redirect(verb: Verb) -> None:
    if not verb.text or not _URL.fullmatch(verb.text):
        raise TwilioRefusal(11100, f"Invalid URL format: {verb.text!r}")


def _nothing_inside(verb: Verb) -> None:
    if verb.text:
        raise TwilioRefusal(12200, f"Schema validation warning: {verb.name} holds no text")


_CONTENT: dict[str, Callable[[Verb], None]] = {"Say": _check_say, "Redirect": _check_redirect, "Play": lambda _: None}


def _no_loose_text(element: ElementTree.Element) -> None:
    loose = (element.text or "") + "".join(inner.tail or "" for inner in element)
    if loose.strip():
        raise TwilioRefusal(12200, f"Schema validation warning: text between the verbs of {element.tag}")


def _root(text: str) -> ElementTree.Element:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise TwilioRefusal(12100, "Document parse failure: no document type is allowed")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - entities were refused above
    except ElementTree.ParseError:
        raise TwilioRefusal(12100, "Document parse failure") from None
    if root.tag != "Response" or root.attrib:
        raise TwilioRefusal(12200, "Schema validation warning: the root must be a plain Response")
    return root
