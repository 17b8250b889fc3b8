"""What a person does with a phone: texts, pictures, quick replies, and STOP, START or HELP."""

from infra.phones.callbacks import Answer
from infra.phones.config import Person
from infra.phones.slack.inputs import CannotDo
from infra.phones.state import Json, Sms
from infra.phones.twilio.account import Account
from infra.phones.twilio.callbacks import TwilioCallbacks
from infra.phones.twilio.whatsapp import inbound_parameters

Attachments = list[tuple[str, str]]  # content type and base64


class TwilioPeople:
    """The hands on the stand-in phones."""

    def __init__(self, account: Account, callbacks: TwilioCallbacks) -> None:
        self.account, self.callbacks = account, callbacks

    async def text(self, person: Person, body: str, to: str | None, attached: Attachments) -> Json:
        """Send an SMS to one of the account's numbers: `to`, else the one that wrote last."""
        if not person.phone:
            raise CannotDo(f"{person.name} has no phone number")
        number = to or self._last_sender(person.phone) or self.account.state.config.twilio.from_numbers[0]
        if number not in self._own_numbers():
            raise CannotDo(f"{number} is not a number of this account")
        sms = self._write(person.phone, number, body, attached)
        said = self.account.keyword(person.phone, number, body)
        if said:
            own = self.account.add("outbound-reply", number, person.phone, said, status="queued", itself=True)
            self.callbacks.deliver(own)
        return _outcome(await self.callbacks.inbound(sms), sms)

    async def whatsapp(
        self, person: Person, body: str, attached: Attachments, *, forwarded: bool, reply_to: str | None
    ) -> Json:
        """Send a WhatsApp message; writing shows that everything before was read."""
        address, sender = self._whatsapp(person)
        await self.read(person)
        original = self._received(person, reply_to) if reply_to else None
        sms = self._write(address, sender, body, attached)
        more = inbound_parameters(person, sms, forwarded=forwarded, pressed=None, original=original)
        return _outcome(await self.callbacks.inbound(sms, more), sms)

    async def press(self, person: Person, sid: str, payload: str) -> Json:
        """Press a quick reply of the message `sid`."""
        address, sender = self._whatsapp(person)
        original = self._received(person, sid)
        pressed = next((action for action in original.actions if payload in (action["id"], action["title"])), None)
        if pressed is None:
            raise CannotDo(f"the message offers no quick reply {payload!r}")
        await self.read(person)
        sms = self._write(address, sender, pressed["title"], [])
        more = inbound_parameters(person, sms, forwarded=False, pressed=pressed, original=original)
        return _outcome(await self.callbacks.inbound(sms, more), sms)

    async def read(self, person: Person) -> Json:
        """Look at WhatsApp: every delivered message is read."""
        address, _ = self._whatsapp(person)
        unread = [m for m in self.account.state.sms if m.to == address and m.status == "delivered"]
        for sms in unread:
            await self.callbacks.read(sms)
        return {"read": len(unread)}

    def _write(self, sender: str, to: str, body: str, attached: Attachments) -> Sms:
        media = [kind for kind, _ in attached]
        sms = self.account.add("inbound", sender, to, body, status="received", media=media)
        for kind, data in attached:
            self.callbacks.media.keep(sms.sid, kind, data)
        return sms

    def _whatsapp(self, person: Person) -> tuple[str, str]:
        senders = self.account.state.config.twilio.whatsapp_senders
        if not person.whatsapp or not senders:
            raise CannotDo(f"{person.name} has no WhatsApp")
        address = f"whatsapp:{person.whatsapp}"
        return address, self._last_sender(address) or f"whatsapp:{senders[0]}"

    def _received(self, person: Person, sid: str) -> Sms:
        found = self.account.state.sms.get(sid)
        if found is None or found.to != f"whatsapp:{person.whatsapp}" or found.status not in ("delivered", "read"):
            raise CannotDo(f"{person.name} has no such message")
        return found

    def _own_numbers(self) -> set[str]:
        twilio = self.account.state.config.twilio
        return {*twilio.from_numbers, *(n for s in twilio.messaging_services for n in s.senders)}

    def _last_sender(self, address: str) -> str | None:
        wrote = [sms.sender for sms in self.account.state.sms if sms.to == address]
        return wrote[-1] if wrote else None


def _outcome(answer: Answer, sms: Sms) -> Json:
    content = answer.content.decode("utf-8", "replace")
    seen = {"ok": answer.error is None, "status": answer.status, "error": answer.error, "answer": content}
    return {**seen, "sid": sms.sid}
