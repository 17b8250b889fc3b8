"""Twilio's webhooks: signed forms for inbound SMS and for each status, and what TwiML answers do."""

import asyncio
import base64
import hashlib
import hmac
import secrets
import time
from urllib.parse import urlencode

from infra.phones.callbacks import Answer, Caller, Outgoing
from infra.phones.faults import Orders, SabotageKind
from infra.phones.records import Records
from infra.phones.state import Sms
from infra.phones.twilio.account import Account, is_whatsapp, number_of
from infra.phones.twilio.call import TwilioRefusal
from infra.phones.twilio.media import TwilioMedia
from infra.phones.twilio.sms_text import segments
from infra.phones.twilio.twiml import twiml_messages
from infra.phones.twilio.whatsapp import sms_failure, whatsapp_refusal

_TWIML_TYPES = ("text/xml", "application/xml", "text/html")
_FINAL = ("delivered", "undelivered", "failed", "canceled", "received", "read")


class TwilioCallbacks:
    """Delivers messages in the background, and tells the product what happened."""

    def __init__(self, account: Account, media: TwilioMedia, caller: Caller, orders: Orders, records: Records) -> None:
        self.account, self.media, self.caller, self.orders, self.records = account, media, caller, orders, records
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
        last, code = await self._fate(sms)
        way = [s for s in ("queued", "sent", last) if s != "sent" or last in ("delivered", "undelivered", "sent")]
        for status in dict.fromkeys(way):
            if sms.status == "canceled" or self.account.state.sms.get(sms.sid) is None:
                return
            if sms.status == status == "sent":
                continue
            self.account.move(sms, status, code if status in ("undelivered", "failed") else None)
            await self._status_callback(sms)
            await asyncio.sleep(self.account.state.config.twilio.status_delay_seconds)

    async def _fate(self, sms: Sms) -> tuple[str, int | None]:
        """The last status of an accepted message, and its error code."""
        channel = "whatsapp" if is_whatsapp(sms.to) else "sms"
        if order := self.orders.take_outcome(number_of(sms.to), channel):
            return order.status or "delivered", order.error_code
        if code := (whatsapp_refusal if channel == "whatsapp" else sms_failure)(self.account.state, sms):
            return ("failed" if channel == "whatsapp" else "undelivered"), code
        if sms.direction == "outbound-api" and not await self._fetched(sms):
            return "failed", 63019 if channel == "whatsapp" else 11200
        return "delivered", None

    async def _fetched(self, sms: Sms) -> bool:
        """Whether each MediaUrl could be fetched; what came is kept for the person."""
        for url in sms.media:
            patience = self.account.state.config.twilio.webhook_seconds
            call = Outgoing("twilio", "media", url, b"", {"User-Agent": "TwilioProxy/1.1"}, patience, method="GET")
            answer = await self.caller.send(call)
            if answer.error:
                return False
            self.media.keep(sms.sid, answer.content_type, base64.b64encode(answer.content).decode())
        return True

    async def read(self, sms: Sms) -> None:
        """The person has seen a WhatsApp message."""
        if sms.status == "delivered" and is_whatsapp(sms.to):
            self.account.move(sms, "read")
            await self._status_callback(sms)

    async def _status_callback(self, sms: Sms) -> None:
        if not sms.status_callback:
            return
        form = {"MessageSid": sms.sid, "SmsSid": sms.sid, "MessageStatus": sms.status, "SmsStatus": sms.status}
        form |= {"To": sms.to, "From": sms.sender, **self._common()}
        if is_whatsapp(sms.to):
            form |= {"ChannelPrefix": "whatsapp", "ChannelToAddress": sms.to.removeprefix("whatsapp:")}
        elif sms.status in ("delivered", "undelivered"):
            form["RawDlrDoneDate"] = time.strftime("%y%m%d%H%M", time.gmtime(sms.updated))
        if sms.service_sid:
            form["MessagingServiceSid"] = sms.service_sid
        if sms.error_code:
            form["ErrorCode"] = str(sms.error_code)
        answer = await self.send("status", sms.status_callback, form)
        if answer.error not in (None, "lost on order"):
            self.records.violation("twilio", "status", "answer", "11200", f"status callback: {answer.error}")

    async def inbound(self, sms: Sms, more: dict[str, str] | None = None) -> Answer:
        """Tell the product of a message from a person, and do what its answer says; `more`: WhatsApp's parameters."""
        url = self.account.state.config.twilio.inbound_url
        if not url:
            return Answer(None, error="no_url_configured")
        answer = await self.send("inbound", url, self._inbound_form(sms) | (more or {}))
        if answer.error not in (None, "lost on order"):
            code = "11200" if answer.status or answer.error != "operation_timeout" else "11205"
            self.records.violation("twilio", "inbound", "answer", code, answer.error)
        elif answer.content.strip():
            self._follow(sms, answer)
        return answer

    def _inbound_form(self, sms: Sms) -> dict[str, str]:
        form = dict.fromkeys(("MessageSid", "SmsSid", "SmsMessageSid"), sms.sid)
        form |= {"From": sms.sender, "To": sms.to, "Body": sms.body, "SmsStatus": "received", **self._common()}
        form |= {"NumMedia": str(len(sms.media)), "NumSegments": str(segments(sms.body))}
        for number, medium in enumerate(m for m in self.account.state.media if m.message_sid == sms.sid):
            form |= {f"MediaUrl{number}": self.media.url(medium), f"MediaContentType{number}": medium.content_type}
        for end in () if is_whatsapp(sms.to) else ("From", "To"):
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
                replies = twiml_messages(text)
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

    async def send(self, kind: str, url: str, form: dict[str, str], method: str = "POST") -> Answer:
        """One signed request to the app: a form, or for GET the same in the query."""
        sabotage = self.orders.take_sabotage("twilio", kind)
        if sabotage == "wrong_account":
            form = {**form, "AccountSid": "AC" + "0" * 32}
        if method == "GET":
            url, form = f"{url}{'&' if '?' in url else '?'}{urlencode(form)}", {}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "TwilioProxy/1.1"}
        headers |= signature_headers(self.account.state.config.twilio.auth_token, url, form, sabotage)
        headers["I-Twilio-Idempotency-Token"] = secrets.token_hex(16)
        if sabotage == "tampered":
            form = {**form, "Body": form.get("Body", "") + "!"}
        patience = self.account.state.config.twilio.webhook_seconds
        body = urlencode(form).encode()
        return await self.caller.send(Outgoing("twilio", kind, url, body, headers, patience, sabotage, method))


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
