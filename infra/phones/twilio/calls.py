"""The Calls API on the wire: what a call may ask for, lists, and taking a call back.

Rules: twilio.com/docs/voice/api/call-resource; shapes: specs/twilio_calls.json.
"""

import re
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from infra.phones.faults import Orders
from infra.phones.state import Call, Json, State
from infra.phones.twilio.account import rfc2822
from infra.phones.twilio.call import TwilioRefusal, is_number, is_url, not_found, read_form, read_query
from infra.phones.twilio.door import TwilioDoor
from infra.phones.twilio.pages import aware, page_of
from infra.phones.twilio.twiml import twiml_verbs
from infra.phones.twilio.voice import FINAL, Voice

_LIST = "/2010-04-01/Accounts/{AccountSid}/Calls.json"
_ONE = "/2010-04-01/Accounts/{AccountSid}/Calls/{Sid}.json"
_EVENTS = {"initiated", "ringing", "answered", "completed"}
_TIMEOUT = 600
_OWN_CODES = {"Timeout": 21208, "Method": 21209, "StatusCallbackMethod": 21209, "FallbackMethod": 21209}


class TwilioCalls:
    """Twilio's side of the Calls API."""

    def __init__(self, door: TwilioDoor, state: State, orders: Orders, voice: Voice) -> None:
        self.state, self.orders, self.voice = state, orders, voice
        door.serve("Calls.create", "POST", _LIST, self._create)
        door.serve("Calls.list", "GET", _LIST, self._list)
        door.serve("Calls.fetch", "GET", _ONE, self._fetch)
        door.serve("Calls.update", "POST", _ONE, self._update)
        door.serve("Calls.delete", "DELETE", _ONE, self._delete)

    async def _create(self, request: Request) -> Response:
        given = await _form(request, _LIST)
        to, sender = self._ends(given)
        _check_instructions(given)
        _check_rest(given)
        now, fallback = time.time(), given.get("FallbackUrl")
        call = Call(
            sid="CA" + secrets.token_hex(16),
            sender=sender,
            to=to,
            status="queued",
            created=now,
            updated=now,
            detect="MachineDetection" in given,
            url=given.get("Url"),
            method=given.get("Method", "POST"),
            twiml=given.get("Twiml"),
            fallback=(fallback, given.get("FallbackMethod", "POST")) if fallback else None,
            timeout=given.get("Timeout", 60),
            status_callback=given.get("StatusCallback"),
            status_method=given.get("StatusCallbackMethod", "POST"),
            events=given.get("StatusCallbackEvent", ["completed"]),
        )
        self.state.calls.put(call.sid, call)
        body = self._json(call)
        self.voice.place(call)
        return JSONResponse(body, 201)

    def _ends(self, given: Json) -> tuple[str, str]:
        to, sender = given.get("To", ""), given.get("From", "")
        if not to:
            raise TwilioRefusal(21201, "No 'To' number is specified")
        if not is_number(to):
            raise TwilioRefusal(21211, f"The phone number you are attempting to call, {to}, is not valid.")
        if code := self.orders.take_refusal(to, "voice"):
            raise TwilioRefusal(code, f"Refused on order with {code}", kind="state")
        if not sender:
            raise TwilioRefusal(21213, "No 'From' number is specified")
        if not is_number(sender):
            raise TwilioRefusal(21212, f"The 'From' number {sender} is not a valid phone number")
        if sender not in self.state.config.twilio.from_numbers:
            raise TwilioRefusal(21210, f"The source phone number provided, {sender}, is not verified for your account.")
        return to, sender

    async def _list(self, request: Request) -> Response:
        given = read_query(request, _LIST)
        found = sorted((c for c in self.state.calls if _matches(c, given)), key=lambda c: c.created, reverse=True)
        return JSONResponse(page_of(request, given, "calls", [self._json(call) for call in found]))

    async def _fetch(self, request: Request) -> Response:
        return JSONResponse(self._json(self._found(request)))

    async def _update(self, request: Request) -> Response:
        call = self._found(request)
        given = await _form(request, _ONE)
        status = given.get("Status")
        if call.status in FINAL or (status == "canceled" and call.status == "in-progress"):
            raise TwilioRefusal(21220, "Call is not in-progress. Cannot redirect.", kind="state")
        if status:
            self.voice.end(call, "canceled" if call.status != "in-progress" else "completed")
        elif given.get("Url") or given.get("Twiml"):
            if call.status != "in-progress":
                raise TwilioRefusal(21220, "Call is not in-progress. Cannot redirect.", kind="state")
            _check_instructions(given)
            self.voice.redirect(call, given.get("Url"), given.get("Method", "POST"), given.get("Twiml"))
        return JSONResponse(self._json(call))

    async def _delete(self, request: Request) -> Response:
        call = self._found(request)
        if call.status not in FINAL:
            raise TwilioRefusal(20009, "Cannot delete this resource before it is complete", status=409, kind="state")
        self.state.calls.remove(call.sid)
        return Response(status_code=204)

    def _found(self, request: Request) -> Call:
        call = self.state.calls.get(request.path_params["Sid"])
        if call is None:
            raise not_found(request)
        return call

    def _json(self, call: Call) -> Json:
        account = self.state.config.twilio.account_sid
        uri = f"/2010-04-01/Accounts/{account}/Calls/{call.sid}"
        took = None if call.ended is None else str(int(call.ended - (call.started or call.ended)))
        dates = {"date_created": call.created, "date_updated": call.updated}
        dates |= {"start_time": call.started or call.ended, "end_time": call.ended}  # type: ignore[dict-item]
        return {
            "sid": call.sid,
            "account_sid": account,
            "to": call.to,
            "to_formatted": call.to,
            "from": call.sender,
            "from_formatted": call.sender,
            "status": call.status,
            "direction": "outbound-api",
            "answered_by": call.answered_by if call.detect else None,
            **{name: rfc2822(at) for name, at in dates.items()},
            "duration": took,
            "queue_time": "0",
            "price": None,
            "price_unit": "USD",
            "api_version": "2010-04-01",
            **dict.fromkeys(("parent_call_sid", "phone_number_sid", "forwarded_from", "group_sid", "trunk_sid")),
            "caller_name": None,
            "uri": f"{uri}.json",
            "subresource_uris": {"notifications": f"{uri}/Notifications.json", "recordings": f"{uri}/Recordings.json"},
        }


async def _form(request: Request, path: str) -> Json:
    """The checked form; some parameters of calls have codes of their own."""
    try:
        return await read_form(request, path)
    except TwilioRefusal as refusal:
        name = refusal.message.removeprefix("Invalid parameter: ")
        if refusal.code == 20422 and name in _OWN_CODES:
            raise TwilioRefusal(_OWN_CODES[name], f"Invalid {name}") from None
        raise


def _check_instructions(given: Json) -> None:
    if given.get("ApplicationSid"):
        raise TwilioRefusal(21218, "Invalid ApplicationSid")
    if given.get("Twiml"):
        twiml_verbs(given["Twiml"])
    elif not given.get("Url"):
        raise TwilioRefusal(21205, "Url parameter is required.")
    for name in ("Url", "FallbackUrl"):
        if given.get(name) and not is_url(given[name]):
            raise TwilioRefusal(21205, f"{name} is not a valid URL: {given[name]}")


def _check_rest(given: Json) -> None:
    if given.get("StatusCallback") and not is_url(given["StatusCallback"]):
        raise TwilioRefusal(21609, f"The 'StatusCallback' URL {given['StatusCallback']} is not a valid URL.")
    if unknown := set(given.get("StatusCallbackEvent", [])) - _EVENTS:
        raise TwilioRefusal(21626, f"Invalid StatusCallbackEvent: {', '.join(sorted(unknown))}")
    if not 1 <= given.get("Timeout", 1) <= _TIMEOUT:
        raise TwilioRefusal(21208, f"Invalid Timeout: 1 to {_TIMEOUT} seconds")
    if "SendDigits" in given and not re.fullmatch(r"[0-9*#wW]+", given["SendDigits"]):
        raise TwilioRefusal(21206, "Invalid SendDigits")
    if given.get("MachineDetection", "Enable") not in ("Enable", "DetectMessageEnd"):
        raise TwilioRefusal(21234, "Invalid Machine Detection configuration value")


def _matches(call: Call, given: Json) -> bool:
    wanted = {"To": call.to, "From": call.sender, "Status": call.status}
    if any(given.get(name) not in (None, value) for name, value in wanted.items()):
        return False
    if "ParentCallSid" in given:
        return False
    return _at(call.started or call.created, given, "StartTime") and (
        call.ended is None or _at(call.ended, given, "EndTime")
    )


def _at(moment: float, given: dict[str, Any], name: str) -> bool:
    at, day = datetime.fromtimestamp(int(moment), UTC), given.get(name)
    if day is not None and not aware(day) <= at < aware(day) + timedelta(days=1):
        return False
    before, after = given.get(f"{name}<"), given.get(f"{name}>")
    return (before is None or at <= aware(before)) and (after is None or at >= aware(after).replace(microsecond=0))
