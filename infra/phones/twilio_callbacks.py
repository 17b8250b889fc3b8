"""Twilio's webhooks: signed forms for inbound SMS and for each status, and what TwiML answers do."""

import asyncio
import base64
import hashlib
import hmac
import secrets
import time
from urllib.parse import urlencode
from xml.etree import ElementTree

from infra.phones.callbacks import Answer, Caller, Outgoing
from infra.phones.faults import Orders, SabotageKind
from infra.phones.records import Records
from infra.phones.sms_text import segments
from infra.phones.state import Sms
from infra.phones.twilio_account import Account
from infra.phones.twilio_call import TwilioRefusal

_TWIML_TYPES = ("text/xml", "application/xml", "text/html")
_FINAL = ("delivered", "undelivered", "failed", "canceled", "received", "read")


class TwilioCallbacks:
    """Delivers messages in the background, and tells the product what happened."""

    def __init__(self, account: Account, caller: Caller, orders: Orders, records: Records) -> None:
        self.account, self.caller, self.orders, self.records = account, caller, orders, records
        self._running: set[asyncio.Task[None]] = set()

    def resume(self) -> None:
        """Go on with the messages that were under way when the process ended."""
        for sms in self.account.state.sms:
            if sms.direction != "inbound" and sms.status not in _FINAL:
                self.deliver(sms)

    async def close(self) -> None:
        """Stop the deliveries under way; they resume at the next start."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def deliver(self, sms: Sms) -> None:
        """Take an accepted message through queued, sent and delivered."""
        task = asyncio.create_task(self._deliver(sms))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _deliver(self, sms: Sms) -> None:
        if sms.send_at:
            await asyncio.sleep(max(0.0, sms.send_at - time.time()))
        order = self.orders.take_outcome(sms.to)
        last = (order.status if order else None) or "delivered"
        way = [s for s in ("queued", "sent", last) if s != "sent" or last in ("delivered", "undelivered", "sent")]
        for status in dict.fromkeys(way):
            if sms.status == "canceled":
                return
            if sms.status == status == "sent":
                continue
            failed = order.error_code if order and status in ("undelivered", "failed") else None
            self.account.move(sms, status, failed)
            await self._status_callback(sms)
            await asyncio.sleep(self.account.state.config.twilio.status_delay_seconds)

    async def _status_callback(self, sms: Sms) -> None:
        if not sms.status_callback:
            return
        form = {"MessageSid": sms.sid, "SmsSid": sms.sid, "MessageStatus": sms.status, "SmsStatus": sms.status}
        form |= {"To": sms.to, "From": sms.sender, **self._common()}
        if sms.service_sid:
            form["MessagingServiceSid"] = sms.service_sid
        if sms.error_code:
            form["ErrorCode"] = str(sms.error_code)
        answer = await self._send("status", sms.status_callback, form)
        if answer.error:
            self.records.violation("twilio", "status", "answer", "11200", f"status callback: {answer.error}")

    async def inbound(self, sms: Sms) -> Answer:
        """Tell the product of an SMS from a person, and do what its answer says."""
        url = self.account.state.config.twilio.inbound_url
        if not url:
            return Answer(None, error="no_url_configured")
        answer = await self._send("inbound", url, self._inbound_form(sms))
        if answer.error:
            code = "11200" if answer.status or answer.error != "operation_timeout" else "11205"
            self.records.violation("twilio", "inbound", "answer", code, answer.error)
        elif answer.content.strip():
            self._follow(sms, answer)
        return answer

    def _inbound_form(self, sms: Sms) -> dict[str, str]:
        form = dict.fromkeys(("MessageSid", "SmsSid", "SmsMessageSid"), sms.sid)
        form |= {"From": sms.sender, "To": sms.to, "Body": sms.body, "SmsStatus": "received", **self._common()}
        form |= {"NumMedia": "0", "NumSegments": str(segments(sms.body))}
        for end in ("From", "To"):
            form |= {f"{end}{part}": "" for part in ("City", "State", "Zip", "Country")}
        return form

    def _common(self) -> dict[str, str]:
        return {"AccountSid": self.account.state.config.twilio.account_sid, "ApiVersion": "2010-04-01"}

    def _follow(self, sms: Sms, answer: Answer) -> None:
        text = answer.content.decode("utf-8", "replace")
        if answer.content_type == "text/plain":
            self._reply(sms, text)  # as Twilio does: the person reads it
        elif answer.content_type not in _TWIML_TYPES:
            detail = f"Content-Type {answer.content_type or 'missing'} is no TwiML"
            self.records.violation("twilio", "inbound", "answer", "12300", detail)
        else:
            try:
                replies = _twiml_messages(text)
            except TwilioRefusal as refusal:
                self.records.violation("twilio", "inbound", "answer", str(refusal.code), refusal.message)
                return
            for reply in replies:
                self._reply(sms, reply)

    def _reply(self, sms: Sms, body: str) -> None:
        if not body.strip() or len(body) > 1600:
            code = "21602" if not body.strip() else "21617"
            self.records.violation("twilio", "inbound", "answer", code, "the reply's body is empty or too long")
        elif self.account.opted_out(sms.sender, sms.to):
            self.records.violation("twilio", "inbound", "state", "21610", "the person has opted out")
        else:
            self.deliver(self.account.add("outbound-reply", sms.to, sms.sender, body, status="queued"))

    async def _send(self, kind: str, url: str, form: dict[str, str]) -> Answer:
        sabotage = self.orders.take_sabotage("twilio", kind)
        if sabotage == "wrong_account":
            form = {**form, "AccountSid": "AC" + "0" * 32}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "TwilioProxy/1.1"}
        headers |= signature_headers(self.account.state.config.twilio.auth_token, url, form, sabotage)
        headers["I-Twilio-Idempotency-Token"] = secrets.token_hex(16)
        if sabotage == "tampered":
            form = {**form, "Body": form.get("Body", "") + "!"}
        patience = self.account.state.config.twilio.webhook_seconds
        body = urlencode(form).encode()
        return await self.caller.send(Outgoing("twilio", kind, url, body, headers, patience, sabotage))


def signature_headers(
    token: str, url: str, form: dict[str, str], sabotage: SabotageKind | None = None
) -> dict[str, str]:
    """X-Twilio-Signature: base64 HMAC-SHA1 over the URL and the sorted parameters; spoiled when ordered."""
    if sabotage == "unsigned":
        return {}
    key = token + ("-wrong" if sabotage == "wrong_secret" else "")
    signed = url + "".join(name + form[name] for name in sorted(form))
    digest = hmac.new(key.encode(), signed.encode(), hashlib.sha1).digest()
    return {"X-Twilio-Signature": base64.b64encode(digest).decode()}


def _twiml_messages(text: str) -> list[str]:
    """The texts of the <Message> verbs of a TwiML document; raises TwilioRefusal (12100, 12200)."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise TwilioRefusal(12100, "Document parse failure: no document type is allowed")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - entities were refused above
    except ElementTree.ParseError:
        raise TwilioRefusal(12100, "Document parse failure") from None
    if root.tag != "Response":
        raise TwilioRefusal(12200, "Schema validation warning: the root must be Response")
    found = []
    for verb in root:
        if verb.tag not in ("Message", "Sms"):
            raise TwilioRefusal(12200, f"Schema validation warning: {verb.tag} is not a verb for messages")
        bodies = [body.text or "" for body in verb.findall("Body")]
        found.append("".join(bodies) if bodies else verb.text or "")
    return found
