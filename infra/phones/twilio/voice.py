"""A call from ringing to hanging up: the app's TwiML is fetched, played and obeyed, and digits go back to it."""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Literal
from urllib.parse import urljoin

from infra.phones.callbacks import Answer
from infra.phones.faults import Orders
from infra.phones.records import Records
from infra.phones.state import Call, State
from infra.phones.twilio.call import TwilioRefusal
from infra.phones.twilio.callbacks import TwilioCallbacks
from infra.phones.twilio.twiml import Verb, twiml_verbs

FINAL = ("completed", "busy", "failed", "no-answer", "canceled")
_XML = ("text/xml", "application/xml", "text/html")
_DOCUMENTS = 100  # a call that is redirected more often goes round in circles
Act = Literal["answer", "decline"]


class HungUp(Exception):
    """The call is over."""


@dataclass
class _Line:
    """What the person does reaches the call through these."""

    answered: asyncio.Future[Act]
    keys: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    answered_by: str = "human"
    task: asyncio.Task[None] | None = None
    next: tuple[str | None, str, str | None] | None = None  # redirected by the API: URL, method, TwiML


class Voice:
    """All calls under way."""

    def __init__(self, state: State, callbacks: TwilioCallbacks, orders: Orders, records: Records) -> None:
        self.state, self.callbacks, self.orders, self.records = state, callbacks, orders, records
        self._lines: dict[str, _Line] = {}
        self._last: set[asyncio.Task[None]] = set()

    def resume(self) -> None:
        """A call does not outlive the process: it has failed."""
        for call in self.state.calls:
            if call.status not in FINAL:
                self._background(self._finish(call, "failed"))

    async def close(self) -> None:
        """Drop all calls."""
        running = [line.task for line in self._lines.values() if line.task] + list(self._last)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def place(self, call: Call) -> None:
        """Let it ring."""
        line = _Line(asyncio.get_running_loop().create_future())
        self._lines[call.sid] = line
        line.task = asyncio.create_task(self._run(call, line))

    def ringing(self, number: str) -> Call | None:
        """The call that rings or is spoken on this number."""
        found = [c for c in self.state.calls if c.to == number and c.status in ("ringing", "in-progress")]
        return found[-1] if found else None

    def pick_up(self, call: Call, act: Act, answered_by: str = "human") -> bool:
        """Answer or decline; False when it does not ring any more."""
        line = self._lines.get(call.sid)
        if line is None or line.answered.done() or call.status != "ringing":
            return False
        line.answered_by = answered_by
        line.answered.set_result(act)
        return True

    def press(self, call: Call, digits: str) -> bool:
        """Press keys; False when nobody is on the line."""
        line = self._lines.get(call.sid)
        if line is None or call.status != "in-progress":
            return False
        for digit in digits:
            line.keys.put_nowait(digit)
        call.gathering = False  # until the line asks again: nobody takes the old question for the next
        self._say(call, "person", f"pressed {digits}")
        return True

    def end(self, call: Call, status: str) -> None:
        """Hang up, by either side."""
        line = self._lines.pop(call.sid, None)
        if line and line.task:
            line.task.cancel()
        self._move(call, status)
        self._background(self._finish(call, status))

    def redirect(self, call: Call, url: str | None, method: str, twiml: str | None) -> None:
        """Go on with other instructions."""
        line = self._lines.get(call.sid)
        if line and line.task:
            line.task.cancel()
            line.task = asyncio.create_task(self._speak(call, line, url, method, twiml))

    async def _run(self, call: Call, line: _Line) -> None:
        delay = self.state.config.twilio.call_delay_seconds
        await self._report(call, "initiated", "initiated")
        await asyncio.sleep(delay)
        order = self.orders.take_outcome(call.to, "voice")
        if order and order.status:
            await self._over(call, order.status)
            return
        self._move(call, "ringing")
        await self._report(call, "ringing", "ringing")
        owners = [p for p in self.state.config.people if call.to in (p.voice, p.phone)]
        reachable = any(p.reachable for p in owners)
        if order and order.answered_by:
            line.answered_by = order.answered_by
            line.answered.set_result("answer")
        patience = self.state.config.twilio.ring_seconds or call.timeout
        try:
            act = await asyncio.wait_for(line.answered, patience if reachable else min(patience, 5.0))
        except TimeoutError:
            await self._over(call, "no-answer")
            return
        if act == "decline":
            await self._over(call, "busy")
            return
        call.started, call.answered_by = time.time(), line.answered_by
        self._move(call, "in-progress")
        await self._report(call, "answered", "in-progress")
        await self._speak(call, line, call.url, call.method, call.twiml)

    async def _speak(self, call: Call, line: _Line, url: str | None, method: str, twiml: str | None) -> None:
        """Play documents until one ends, a verb hangs up, or one cannot be used."""
        here = url or ""
        more: dict[str, str] = {}
        try:
            for _ in range(_DOCUMENTS):
                text = twiml if twiml is not None else await self._fetch(call, here, method, more)
                step = await self._play(call, line, twiml_verbs(text), here)
                if step is None:
                    break
                (here, method, more), twiml = step, None
        except TwilioRefusal as refusal:
            self.records.violation("twilio", "voice", "answer", str(refusal.code), refusal.message)
            self._say(call, "app", "An application error has occurred. Goodbye.")
        except HungUp:
            pass
        await self._over(call, "completed")

    async def _fetch(self, call: Call, url: str, method: str, more: dict[str, str]) -> str:
        answer = await self.callbacks.send("voice", url, self._form(call) | more, method)
        if answer.error and call.fallback:
            reason = {"ErrorCode": "11200", "ErrorUrl": url}
            answer = await self.callbacks.send("voice", call.fallback[0], self._form(call) | reason, call.fallback[1])
        return _document(answer)

    async def _play(
        self, call: Call, line: _Line, verbs: list[Verb], here: str
    ) -> tuple[str, str, dict[str, str]] | None:
        """The next document to fetch (URL, method, parameters), or None at the end."""
        for verb in verbs:
            if verb.name == "Hangup":
                raise HungUp
            if verb.name == "Redirect":
                return urljoin(here, verb.text), verb.attributes.get("method", "POST"), {}
            if verb.name == "Gather":
                pressed = await self._gather(call, line, verb)
                if pressed is not None:
                    action = urljoin(here, verb.attributes.get("action", ""))
                    return action, verb.attributes.get("method", "POST"), pressed
                continue
            await self._hear(call, verb)
        return None

    async def _hear(self, call: Call, verb: Verb) -> None:
        if verb.name == "Say":
            self._say(call, "app", verb.text)
        await asyncio.sleep(verb.seconds(self.state.config.twilio.word_seconds))

    async def _gather(self, call: Call, line: _Line, verb: Verb) -> dict[str, str] | None:
        """What was pressed, as the action gets it; None = nothing, and the document goes on."""
        while not line.keys.empty():
            line.keys.get_nowait()  # keys that were pressed before are not meant
        given = verb.attributes
        most, finish = int(given.get("numDigits", "1000")), given.get("finishOnKey", "#")
        own = self.state.config.twilio.gather_seconds
        silence = own if own is not None else float(given.get("timeout", "5"))
        call.gathering = True
        self._keep(call)
        heard = asyncio.create_task(self._prompt(call, verb))
        digits, last = "", ""
        try:
            while len(digits) < most:
                if not call.gathering:
                    call.gathering = True
                    self._keep(call)
                last = await _key(line.keys, heard, silence)
                if not last or last == finish:
                    break
                digits += last
                heard.cancel()  # whoever presses a key interrupts the prompt
        finally:
            heard.cancel()
            call.gathering = False
            self._keep(call)
        if not digits and last != finish and given.get("actionOnEmptyResult") != "true":
            return None
        ended = {"FinishedOnKey": last} if last and last == finish else {}
        return {"Digits": digits, "msg": "Gather End", **ended}

    async def _prompt(self, call: Call, verb: Verb) -> None:
        for inner in verb.inside:
            await self._hear(call, inner)

    async def _over(self, call: Call, status: str) -> None:
        self._lines.pop(call.sid, None)
        await self._finish(call, status)

    async def _finish(self, call: Call, status: str) -> None:
        call.ended = time.time()
        self._move(call, status)
        await self._report(call, "completed", status)

    async def _report(self, call: Call, event: str, status: str) -> None:
        """One status callback, when it was asked for."""
        if not call.status_callback or event not in call.events or self.state.calls.get(call.sid) is None:
            return
        now = format_datetime(datetime.now(UTC))
        form = self._form(call) | {"CallStatus": status, "Timestamp": now, "SequenceNumber": str(call.sequence)}
        form["CallbackSource"] = "call-progress-events"
        if event == "completed":
            took = int((call.ended or 0) - (call.started or call.ended or 0))
            form |= {"CallDuration": str(took), "Duration": str(-(-took // 60))}
        call.sequence += 1
        self._keep(call)
        answer = await self.callbacks.send("call_status", call.status_callback, form, call.status_method)
        if answer.error not in (None, "lost on order"):
            self.records.violation("twilio", "call_status", "answer", "11200", f"status callback: {answer.error}")

    def _form(self, call: Call) -> dict[str, str]:
        ends = {"To": call.to, "From": call.sender, "Called": call.to, "Caller": call.sender}
        form = {"CallSid": call.sid, "CallStatus": call.status, "Direction": "outbound-api", **ends}
        form |= {"AccountSid": self.state.config.twilio.account_sid, "ApiVersion": "2010-04-01"}
        return form | ({"AnsweredBy": call.answered_by} if call.detect and call.answered_by else {})

    def _keep(self, call: Call) -> None:
        if self.state.calls.get(call.sid) is not None:  # a call that was forgotten meanwhile stays forgotten
            self.state.calls.put(call.sid, call)

    def _move(self, call: Call, status: str) -> None:
        call.status, call.updated, call.gathering = status, time.time(), False
        self._keep(call)

    def _say(self, call: Call, who: str, text: str) -> None:
        call.said.append({"at": time.time(), "who": who, "text": text})
        self._keep(call)

    def _background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._last.add(task)
        task.add_done_callback(self._last.discard)


async def _key(keys: asyncio.Queue[str], heard: asyncio.Task[None], silence: float) -> str:
    """The next key; empty after so much silence, which begins when the prompt has been heard."""
    pressed = asyncio.create_task(keys.get())
    try:
        await asyncio.wait({pressed, heard}, return_when=asyncio.FIRST_COMPLETED)
        if not pressed.done():
            await asyncio.wait({pressed}, timeout=silence)
        return pressed.result() if pressed.done() else ""
    finally:
        pressed.cancel()


def _document(answer: Answer) -> str:
    if answer.error:
        raise TwilioRefusal(11200, f"HTTP retrieval failure: {answer.error}")
    text = answer.content.decode("utf-8", "replace")
    if answer.content_type == "text/plain":  # Twilio reads it out and hangs up
        raise TwilioRefusal(12300, "Invalid Content-Type: text/plain is read out to the person")
    if answer.content_type not in _XML:
        raise TwilioRefusal(12300, f"Invalid Content-Type: {answer.content_type or 'missing'}")
    return text
