"""The people's phones, used as people use them: read the screen, press a button, type an SMS."""

import re
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from infra.demo.play.patience import NotHappenedError
from infra.demo.play.peers import Peers
from infra.plant.loopback import LOOPBACK

_LINK = re.compile(r"/exceptions/([\w-]+)")
_SIGN = re.compile(r"/tasks/[\w-]+/sign")
_SHORT = re.compile(r"^\w+: (\w{4}) \+ (.+)$", re.MULTILINE)
_WORD = {"accept": "OK", "decline": "NO"}
_TIMEOUT_S = 30.0
_FORM = "form:"  # such a button opens a form; the answer is given with the form
_OPENS_S = 10.0


@dataclass(frozen=True)
class Message:
    """What one phone shows once. `at`: epoch seconds of its arrival; `exception`: from its link, if it has one; `sign`:
    the console's page where it is decided and signed; `forms`: the buttons that open a form first."""

    id: str
    via: str
    at: float
    text: str
    channel: str
    buttons: tuple[str, ...]
    exception: str
    sign: str = ""
    forms: frozenset[str] = frozenset()

    def reply_for(self, meaning: str) -> str:
        """What to type for a meaning, as the SMS itself explains it: `QNAF OK = accept`, or, where room is short,
        `Reply: QNAF + OK / NO` with `1 = ...` above for a choice. Raises NotHappenedError."""
        short = _SHORT.search(self.text)
        for line in self.text.splitlines():
            reply, equals, explained = line.partition(" = ")
            if equals and meaning in explained:
                return f"{short[1]} {reply.strip()}" if short else reply.strip()
        if short and _WORD.get(meaning) in short[2].split(" / "):
            return f"{short[1]} {_WORD[meaning]}"
        raise NotHappenedError(f"This SMS does not say how to answer '{meaning}':\n{self.text}")


def message_of(shown: dict[str, Any]) -> Message:
    """A message of the phones' control API."""
    everything = str(shown.get("blocks") or shown["text"])
    link, sign = _LINK.search(everything), _SIGN.search(everything)
    actions = [str(button["action_id"]) for button in shown.get("buttons", [])]
    return Message(
        id=shown.get("ts") or shown["sid"],
        via=shown["via"],
        at=float(shown["at"]),
        text=shown["text"],
        channel=shown.get("channel", ""),
        buttons=tuple(action.removeprefix(_FORM) for action in actions),
        exception=link[1] if link else "",
        sign=sign[0] if sign else "",
        forms=frozenset(action.removeprefix(_FORM) for action in actions if action.startswith(_FORM)),
    )


class Phones:
    """All phones. People are named by their first name, as in the roster's ids."""

    def __init__(self, peers: Peers) -> None:
        self._http = httpx.Client(
            base_url=f"{peers.phones}/control", timeout=_TIMEOUT_S, trust_env=False, verify=LOOPBACK
        )
        self._names = {person["name"].split()[0].lower(): person["name"] for person in self._get("/people")}

    @property
    def people(self) -> list[str]:
        return list(self._names)

    def full_name(self, who: str) -> str:
        return str(self._names[who])

    def received(self, who: str) -> list[Message]:
        """What the product sent to this person, oldest first."""
        screen = self._get(f"/people/{quote(self._names[who])}")
        return [message_of(m) for m in screen["messages"] if m.get("direction") == "received" or m["from"] == "app"]

    def all_received(self) -> dict[str, list[Message]]:
        """The same for everybody."""
        return {who: self.received(who) for who in self._names}

    def press(self, who: str, message: Message, button: str, inputs: dict[str, str] | None = None) -> None:
        """Press a Slack button as the message shows it now, and fill in the form if it opens one. Raises
        NotHappenedError."""
        now = next((shown for shown in self.received(who) if shown.id == message.id), message)
        action = _FORM + button if button in now.forms else button
        body = {"ts": message.id, "channel": message.channel, "action_id": action}
        self._act(who, "press", body | {"inputs": {} if button in now.forms else inputs or {}}, f"pressed '{button}'")
        if button in now.forms:
            self._fill_in(who, button, inputs or {})

    def _fill_in(self, who: str, button: str, inputs: dict[str, str]) -> None:
        until = time.monotonic() + _OPENS_S
        while True:
            modals = self._get(f"/people/{quote(self._names[who])}")["modals"]
            view = next((modal["view_id"] for modal in modals if modal["callback_id"] == button), None)
            if view is not None:
                break
            if time.monotonic() > until:
                raise NotHappenedError(f"{who} pressed '{button}' on Slack, and no form opened")
            time.sleep(0.05)
        answer = self._act(who, "submit", {"view_id": view, "inputs": inputs}, f"sent the form '{button}'")
        if answer["result"] not in ("closed", "cleared"):
            raise NotHappenedError(f"{who} sent the form '{button}', and it stayed open: {answer}")

    def text(self, who: str, words: str) -> None:
        """Send an SMS to the product. Raises NotHappenedError."""
        self._act(who, "sms", {"body": words}, f"sent the SMS '{words}'")

    def violations(self) -> list[dict[str, Any]]:
        """Calls and answers of the product that Slack or Twilio would refuse."""
        found: list[dict[str, Any]] = self._get("/violations")
        return found

    def _act(self, who: str, what: str, body: dict[str, Any], told: str) -> dict[str, Any]:
        response = self._http.post(f"/people/{quote(self._names[who])}/{what}", json=body)
        if response.is_error:
            raise NotHappenedError(f"{who} could not have {told}: {response.text}")
        answer: dict[str, Any] = response.json()
        if not answer["ok"]:
            raise NotHappenedError(f"{who} {told}, and the product's door refused it: {answer['error']}")
        return answer

    def _get(self, path: str) -> Any:
        try:
            return self._http.get(path).raise_for_status().json()
        except httpx.HTTPError as error:
            raise NotHappenedError(f"The stand-in phones do not answer {path}: {error!r}") from error
