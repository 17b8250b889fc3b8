"""What a carrier or WhatsApp does with an accepted message: codes of twilio.com/docs/api/errors, told by callback."""

import time

from infra.phones.config import Person
from infra.phones.state import Json, Sms, State
from infra.phones.twilio.account import number_of

_IN_SESSION_BUTTONS = 3  # twilio.com/docs/content/twilio-quick-reply: more need an approved template


def sms_failure(state: State, sms: Sms) -> int | None:
    """30003: the phone is switched off."""
    owners = [p for p in state.config.people if p.phone == sms.to]
    return 30003 if any(not p.reachable for p in owners) else None


def whatsapp_refusal(state: State, sms: Sms) -> int | None:
    """Why WhatsApp does not take the message: 63024 no such account, 63016 outside the session, 63028 variables."""
    if not any(p.whatsapp == number_of(sms.to) for p in state.config.people):
        return 63024
    if sms.missing:
        return 63028
    if sms.approved:
        return None
    if not in_session(state, sms.to, sms.sender):
        return 63016
    return 63013 if len(sms.actions) > _IN_SESSION_BUTTONS else None


def in_session(state: State, person: str, sender: str) -> bool:
    """Whether the person wrote to this sender within the session window."""
    since = time.time() - state.config.twilio.session_seconds
    return any(m.sender == person and m.to == sender and m.created > since for m in state.sms)


def inbound_parameters(
    person: Person, sms: Sms, *, forwarded: bool, pressed: Json | None, original: Sms | None
) -> Json:
    """What a WhatsApp message carries beside an SMS's parameters (twilio.com/docs/messaging/guides/webhook-request)."""
    kind = "image" if sms.media else "text"
    form = {"ProfileName": person.name, "WaId": number_of(sms.sender).lstrip("+"), "ReferralNumMedia": "0"}
    if forwarded:
        form |= {"Forwarded": "true", "FrequentlyForwarded": "false"}
    if original:
        form |= {"OriginalRepliedMessageSid": original.sid, "OriginalRepliedMessageSender": original.sender}
    if pressed:
        kind = "button" if original and original.approved else "interactive"
        form |= {"ButtonPayload": pressed["id"], "ButtonText": pressed["title"]}
    return {**form, "MessageType": kind}
