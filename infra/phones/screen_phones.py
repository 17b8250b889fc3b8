"""What is on a person's phone beside Slack: SMS, WhatsApp, calls and mail."""

from infra.phones.config import Person
from infra.phones.state import Call, Json, Sms, State

_UNDER_WAY = ("queued", "ringing", "in-progress")


def number_that_rings(person: Person) -> str | None:
    """The number of voice calls."""
    return person.voice or person.phone


def shown_texts(state: State, person: Person) -> list[Json]:
    """SMS and WhatsApp messages; what WhatsApp or the carrier never brought is marked by its status."""
    mine = {person.phone, f"whatsapp:{person.whatsapp}"} - {None}
    return [_text(state, sms, sent=sms.sender in mine) for sms in state.sms if mine & {sms.to, sms.sender}]


def _text(state: State, sms: Sms, *, sent: bool) -> Json:
    via = "whatsapp" if sms.to.startswith("whatsapp:") else "sms"
    ends = {"from": sms.sender, "to": sms.to, "direction": "sent" if sent else "received"}
    status = {"status": sms.status, "error_code": sms.error_code, "by_twilio": sms.itself, "media": sms.media}
    files = [f"/control/media/{m.sid}" for m in state.media if m.message_sid == sms.sid]
    about = {"files": files, "actions": sms.actions, "content_sid": sms.content_sid}
    return {"via": via, "at": f"{sms.created:.6f}", "sid": sms.sid, **ends, "text": sms.body, **status, **about}


def shown_calls(state: State, person: Person) -> list[Json]:
    """Calls, with what was said and pressed."""
    return [_call(call) for call in state.calls if call.to == number_that_rings(person)]


def current_call(state: State, person: Person) -> Json | None:
    """The call that rings or is spoken now."""
    calls = [c for c in state.calls if c.to == number_that_rings(person) and c.status in ("ringing", "in-progress")]
    return _call(calls[-1]) if calls else None


def _call(call: Call) -> Json:
    text = "\n".join(line["text"] for line in call.said if line["who"] == "app")
    ends = {"from": call.sender, "to": call.to, "direction": "received"}
    state = {"status": call.status, "gathering": call.gathering, "answered_by": call.answered_by}
    return {
        "via": "voice",
        "at": f"{call.created:.6f}",
        "sid": call.sid,
        **ends,
        "text": text,
        "said": call.said,
        **state,
    }


def shown_mail(state: State, person: Person) -> list[Json]:
    """The mailbox; `times` tells how often the same Message-ID came."""
    address = (person.email or "").lower()
    found = [mail for mail in state.mail if mail.to == address]
    return [
        {
            "via": "email",
            "at": f"{mail.created:.6f}",
            "sid": mail.id,
            "direction": "received",
            "from": mail.sender,
            "to": mail.to,
            **mail.model_dump(include={"subject", "text", "html", "message_id", "times", "headers"}),
        }
        for mail in found
    ]


def count_phones(state: State, person: Person) -> Json:
    """How much the product sent by each way."""
    texts = [s for s in state.sms if s.direction != "inbound"]
    to_phone = [s for s in texts if s.to == person.phone]
    return {
        "sms": len([s for s in to_phone if not s.itself]),
        "sms_by_twilio": len([s for s in to_phone if s.itself]),
        "whatsapp": len([s for s in texts if s.to == f"whatsapp:{person.whatsapp}"]),
        "calls": len([c for c in state.calls if c.to == number_that_rings(person)]),
        "mail": sum(m.times for m in state.mail if m.to == (person.email or "").lower()),
    }
