"""The Twilio account: its messages, who opted out, and the checks of a new message that the schema cannot state."""

import secrets
import time
from datetime import UTC, datetime
from email.utils import format_datetime

from infra.phones.faults import Orders
from infra.phones.state import Json, OptOut, Sms, State
from infra.phones.twilio.call import TwilioRefusal, is_number, is_url
from infra.phones.twilio.contents import Written
from infra.phones.twilio.sms_text import segments

_BODY_LIMIT = 1600
_OPT_OUT_WORDS = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
_OPT_IN_WORDS = {"START", "YES", "UNSTOP"}
_HELP_WORDS = {"HELP", "INFO"}
_STOPPED = "You have successfully been unsubscribed. You will not receive any more messages from this number."
_STARTED = "You have successfully been re-subscribed to messages from this number."
_HELP = "Reply STOP to unsubscribe. Msg&Data Rates May Apply."


class Account:
    """Twilio's records, read and written in Twilio's terms."""

    def __init__(self, state: State, orders: Orders) -> None:
        self.state, self.orders = state, orders

    def create(self, given: Json) -> Sms:
        """Accept a message asked for by the API; raises TwilioRefusal."""
        to = self._to(given)
        sender = self._sender(given, is_whatsapp(to))
        body, more = self._body(given)
        media = given.get("MediaUrl", [])
        self._check_media(media)
        self._check_callback(given.get("StatusCallback"))
        send_at = self._send_at(given)
        if to == sender:
            raise TwilioRefusal(21266, "'To' and 'From' number cannot be the same")
        if self.opted_out(to, sender):
            raise TwilioRefusal(21610, "Attempt to send to unsubscribed recipient", kind="state")
        more |= {"status_callback": given.get("StatusCallback"), "service_sid": given.get("MessagingServiceSid")}
        status = "scheduled" if send_at else "accepted" if more["service_sid"] else "queued"
        return self.add("outbound-api", sender, to, body, status=status, media=media, send_at=send_at, **more)

    def add(self, direction: str, sender: str, to: str, body: str, *, status: str, **more: object) -> Sms:
        """Keep a new message under a fresh sid."""
        sid = ("MM" if more.get("media") else "SM") + secrets.token_hex(16)
        now = time.time()
        record = {"sid": sid, "direction": direction, "sender": sender, "to": to, "body": body, "status": status}
        return self.state.sms.put(sid, Sms.model_validate({**record, "created": now, "updated": now, **more}))

    def move(self, sms: Sms, status: str, error_code: int | None = None) -> Sms:
        """Give a message its next status; one that was forgotten meanwhile stays forgotten."""
        if self.state.sms.get(sms.sid) is None:
            return sms
        sms.status, sms.updated, sms.error_code = status, time.time(), error_code
        if sms.sent is None and status in ("sent", "delivered", "undelivered", "read"):
            sms.sent = sms.updated
        return self.state.sms.put(sms.sid, sms)

    def opted_out(self, phone: str, sender: str) -> bool:
        """Whether this number said STOP to that sender."""
        return self.state.opt_outs.get(f"{phone}>{sender}") is not None

    def keyword(self, phone: str, sender: str, body: str) -> str | None:
        """Do what Twilio itself does on STOP, START or HELP by SMS; the text it answers with."""
        if is_whatsapp(phone):
            return None
        word, key = body.strip().upper(), f"{phone}>{sender}"
        if word in _OPT_OUT_WORDS:
            self.state.opt_outs.put(key, OptOut(phone=phone, sender=sender))
            return _STOPPED
        if word in _OPT_IN_WORDS and self.opted_out(phone, sender):
            self.state.opt_outs.remove(key)
            return _STARTED
        return _HELP if word in _HELP_WORDS else None

    def message_json(self, sms: Sms) -> Json:
        """A message resource."""
        account = self.state.config.twilio.account_sid
        uri = f"/2010-04-01/Accounts/{account}/Messages/{sms.sid}"
        dates = {"date_created": sms.created, "date_updated": sms.updated, "date_sent": sms.sent}
        return {
            "sid": sms.sid,
            "account_sid": account,
            "messaging_service_sid": sms.service_sid,
            "from": sms.sender,
            "to": sms.to,
            "body": sms.body,
            "status": sms.status,
            "direction": sms.direction,
            "num_segments": str(segments(sms.body)),
            "num_media": str(len(sms.media)),
            **{name: rfc2822(at) for name, at in dates.items()},
            "error_code": sms.error_code,
            "error_message": None,
            "price": None,
            "price_unit": "USD",
            "api_version": "2010-04-01",
            "uri": f"{uri}.json",
            "subresource_uris": {"media": f"{uri}/Media.json"},
        }

    def _to(self, given: Json) -> str:
        to = str(given.get("To", ""))
        if not to:
            raise TwilioRefusal(21604, "A 'To' phone number is required.")
        channel, number = ("whatsapp" if is_whatsapp(to) else "sms"), number_of(to)
        if not is_number(number):
            raise TwilioRefusal(21211, f"The 'To' number {to} is not a valid phone number.")
        outcome = self.orders.take_refusal(number, channel)
        if outcome:
            raise TwilioRefusal(outcome, f"Refused on order with {outcome}", kind="state")
        lines = [p.line for p in self.state.config.people if p.phone == number]
        if channel == "sms" and "landline" in lines:
            raise TwilioRefusal(21614, f"'To' number {to} is not a valid mobile number", kind="state")
        return to

    def _sender(self, given: Json, by_whatsapp: bool) -> str:
        twilio = self.state.config.twilio
        if not given.get("From") and not given.get("MessagingServiceSid"):
            raise TwilioRefusal(21603, "A 'From' phone number is required.")
        if given.get("From") and is_whatsapp(given["From"]) != by_whatsapp:
            raise TwilioRefusal(21910, "Invalid 'From' and 'To' pair. They should be of the same channel")
        if by_whatsapp:
            if number_of(str(given.get("From", ""))) not in twilio.whatsapp_senders:
                raise TwilioRefusal(63007, "Twilio could not find a Channel with the specified From address")
            return str(given["From"])
        if sid := given.get("MessagingServiceSid"):
            service = next((s for s in twilio.messaging_services if s.sid == sid), None)
            if service is None:
                raise TwilioRefusal(21701, "The Messaging Service resource does not exist")
            if not service.senders:
                raise TwilioRefusal(21703, "The Messaging Service does not contain any phone numbers")
            if given.get("From", service.senders[0]) not in service.senders:
                raise TwilioRefusal(21712, "'From' phone number is not in the Messaging Service's sender pool")
            return str(given.get("From", service.senders[0]))
        if not is_number(given["From"]):
            raise TwilioRefusal(21212, f"The 'From' number {given['From']} is not a valid phone number.")
        if given["From"] not in twilio.from_numbers:
            raise TwilioRefusal(
                21606,
                f"The 'From' phone number {given['From']} is not a valid, message-capable number of this account.",
            )
        return str(given["From"])

    def _body(self, given: Json) -> tuple[str, Json]:
        """The text, and what else a template says of the message."""
        if sid := given.get("ContentSid"):
            written = Written(self.state, sid, given.get("ContentVariables", "{}"))
            about = {"approved": written.approved, "missing": written.missing, "actions": written.actions}
            return written.text, {"content_sid": sid, **about}
        if "ContentVariables" in given:
            raise TwilioRefusal(21655, "The ContentSid is required with ContentVariables")
        body = str(given.get("Body", ""))
        if not body.strip() and not given.get("MediaUrl"):
            raise TwilioRefusal(21602, "Message body is required.")
        if len(body) > _BODY_LIMIT:
            raise TwilioRefusal(21617, "The concatenated message body exceeds the 1600 character limit.")
        return body, {}

    def _check_media(self, media: list[str]) -> None:
        if len(media) > 10:
            raise TwilioRefusal(21623, "Number of media files exceeds allowed limit")
        if not all(is_url(url) for url in media):
            raise TwilioRefusal(21620, "Invalid media URL(s)")

    def _check_callback(self, url: str | None) -> None:
        if url is not None and not is_url(url):
            raise TwilioRefusal(21609, f"The 'StatusCallback' URL {url} is not a valid URL.")

    def _send_at(self, given: Json) -> float | None:
        if "ScheduleType" not in given and "SendAt" not in given:
            return None
        if not given.get("MessagingServiceSid"):
            raise TwilioRefusal(35118, "MessagingServiceSid is required to schedule a message")
        if "ScheduleType" not in given or "SendAt" not in given:
            raise TwilioRefusal(35111, "SendAt and ScheduleType are both required to schedule a message")
        ahead: float = given["SendAt"].timestamp() - time.time()
        if not 300 <= ahead <= 35 * 86_400:
            raise TwilioRefusal(35114, "SendAt must be between 5 minutes and 35 days ahead")
        return float(given["SendAt"].timestamp())


def is_whatsapp(address: str) -> bool:
    """Whether a To or From is a WhatsApp address."""
    return address.startswith("whatsapp:")


def number_of(address: str) -> str:
    """The number of a To or From, without its channel."""
    return address.removeprefix("whatsapp:")


def rfc2822(at: float | None) -> str | None:
    return None if at is None else format_datetime(datetime.fromtimestamp(int(at), UTC))
