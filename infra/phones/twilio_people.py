"""What a person does with SMS: reply, and say STOP, START or HELP."""

from infra.phones.config import Person
from infra.phones.slack_inputs import CannotDo
from infra.phones.state import Json
from infra.phones.twilio_account import Account
from infra.phones.twilio_callbacks import TwilioCallbacks


class TwilioPeople:
    """The hands on the stand-in phones."""

    def __init__(self, account: Account, callbacks: TwilioCallbacks) -> None:
        self.account, self.callbacks = account, callbacks

    async def text(self, person: Person, body: str, to: str | None) -> Json:
        """Send an SMS to one of the account's numbers: `to`, else the one that wrote last."""
        if not person.phone:
            raise CannotDo(f"{person.name} has no phone number")
        number = to or self._last_sender(person.phone)
        if number not in self._own_numbers():
            raise CannotDo(f"{number} is not a number of this account")
        sms = self.account.add("inbound", person.phone, number, body, status="received")
        said = self.account.keyword(person.phone, number, body)
        if said:
            own = self.account.add("outbound-reply", number, person.phone, said, status="queued", itself=True)
            self.callbacks.deliver(own)
        answer = await self.callbacks.inbound(sms)
        content = answer.content.decode("utf-8", "replace")
        return {
            "ok": answer.error is None,
            "status": answer.status,
            "error": answer.error,
            "answer": content,
            "sid": sms.sid,
        }

    def _own_numbers(self) -> set[str]:
        twilio = self.account.state.config.twilio
        return {*twilio.from_numbers, *(n for s in twilio.messaging_services for n in s.senders)}

    def _last_sender(self, phone: str) -> str:
        wrote = [sms.sender for sms in self.account.state.sms if sms.to == phone]
        return wrote[-1] if wrote else self.account.state.config.twilio.from_numbers[0]
