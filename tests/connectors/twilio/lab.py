"""A Twilio in this process (create and list messages) and signed webhooks, after twilio.com/docs."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import urlencode

from aiohttp import web

from connectors.roles import CallbackRequest, ChannelMessage
from connectors.twilio.config import TwilioConfig
from connectors.twilio.connector import TwilioChannel, build
from domain.values import Json
from tests.conformance.channel.recorder import HASTY_S, PATIENT_S, Call, Fault, Recorder, served

ACCOUNT, TOKEN = "AC" + "a1" * 16, "very-secret-auth-token"
OURS, PERSON = "+420910000001", "+420601000001"
PUBLIC = "https://mos.example.com"
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
FORM = "application/x-www-form-urlencoded"


@dataclass
class Account:
    """Messages, oldest first; a trial account puts `prefix` before each body."""

    messages: list[dict[str, Json]] = field(default_factory=list)
    prefix: str = ""

    calls: list[dict[str, Json]] = field(default_factory=list)

    def answer(self, call: Call) -> tuple[int, Json]:
        if call.path.endswith("/Calls.json"):
            return (201, self.dial(call)) if call.method == "POST" else (200, self.dialled(call))
        return (201, self.create(call)) if call.method == "POST" else (200, self.list(call))

    def dial(self, call: Call) -> Json:
        """A call as the Calls API tells it: nothing in it names our key."""
        now = format_datetime(datetime.now(UTC))
        made = {"sid": f"CA{len(self.calls):032x}", "to": call.data["To"], "from": call.data["From"]}
        made |= {"account_sid": ACCOUNT, "status": "queued", "date_created": now, "start_time": None}
        self.calls.append(made | {"asked": call.data})
        return made

    def dialled(self, call: Call) -> Json:
        found = [one for one in self.calls[::-1] if one["to"] == call.query["To"]]
        told = [{name: value for name, value in one.items() if name != "asked"} for one in found]
        return {"calls": told, "page": 0, "page_size": 50, "next_page_uri": None}

    def create(self, call: Call) -> Json:
        now = format_datetime(datetime.now(UTC))
        message = {"sid": f"SM{len(self.messages):032x}", "account_sid": ACCOUNT, "status": "queued", "date_sent": None}
        message |= {"to": call.data["To"], "body": self.prefix + _text(call.data)}
        self.messages.append(message | {"date_created": now, "date_updated": now, "num_segments": "1"})
        return self.messages[-1]

    def list(self, call: Call) -> Json:
        """Two a page, newest first. A DateSent filter leaves out what is still queued."""
        dated = any(name.startswith("DateSent") for name in call.query)
        newest = [m for m in self.messages[::-1] if m["to"] == call.query["To"] and (not dated or m["date_sent"])]
        page = int(call.query.get("Page", 0))
        path = call.path + "?" + urlencode({**call.query, "Page": page + 1})
        more = path if len(newest) > 2 * page + 2 else None
        return {"messages": newest[2 * page : 2 * page + 2], "page": page, "page_size": 2, "next_page_uri": more}


def _text(data: dict[str, Json]) -> str:
    """The body, or that of the template: its texts between fixed words."""
    if "ContentSid" not in data:
        return str(data["Body"])
    given = json.loads(data["ContentVariables"])
    return f"mos: {' / '.join(given[name] for name in ('1', '2', '3') if name in given)} (mos)"


def refuse(fault: Fault) -> web.Response:
    if fault is Fault.REFUSED_RATE:
        body = {"code": 20429, "message": "Too Many Requests", "status": 429}
        return web.json_response(body, status=429, headers={"Retry-After": "7"})
    if fault is Fault.REFUSED_AUTH:
        return web.json_response({"code": 20003, "message": "Authenticate", "status": 401}, status=401)
    return web.json_response({"code": 21211, "message": "Invalid 'To' Phone Number", "status": 400}, status=400)


def config(api_base: str, **more: Json) -> TwilioConfig:
    settings = {
        "account_sid": ACCOUNT,
        "auth_token": TOKEN,
        "numbers": [OURS],
        "public_url": PUBLIC,
        "api_base": api_base,
    }
    return TwilioConfig.model_validate({**settings, "timeout": PATIENT_S, **more})


def sms(**changes: str) -> dict[str, str]:
    """The parameters of an incoming message."""
    fields = {"MessageSid": "SM" + "b2" * 16, "AccountSid": ACCOUNT, "From": PERSON, "To": OURS, "Body": "K7QP ok"}
    return {**fields, "NumMedia": "0", "NumSegments": "1", "FromCity": "", "SmsStatus": "received", **changes}


def delivery(**changes: str) -> dict[str, str]:
    """The parameters of a status callback."""
    sid = "SM" + "c3" * 16
    fields = {"MessageSid": sid, "SmsSid": sid, "MessageStatus": "delivered", "SmsStatus": "delivered"}
    return {**fields, "AccountSid": ACCOUNT, "From": OURS, "To": PERSON, "ApiVersion": "2010-04-01", **changes}


def signature(url: str, fields: Mapping[str, str], secret: str = TOKEN, algorithm: str = "sha1") -> str:
    """base64(HMAC(auth token, URL followed by each parameter's name and value, sorted by name))."""
    text = url + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), algorithm).digest()).decode()


def signed(
    fields: Mapping[str, str],
    path: str = "/twilio/inbound",
    *,
    signed_url: str = "",
    secret: str = TOKEN,
    algorithm: str = "sha1",
) -> CallbackRequest:
    url = PUBLIC + path
    headers = {"content-type": FORM, "x-twilio-signature": signature(signed_url or url, fields, secret, algorithm)}
    return CallbackRequest(path.partition("?")[0], url, headers, urlencode(fields).encode(), NOW)


def signed_json(body: bytes, *, claimed: bytes | None) -> CallbackRequest:
    """A JSON callback; `claimed` is the body that bodySHA256 was made of, None leaves the parameter out."""
    path = "/twilio/inbound" + ("" if claimed is None else "?bodySHA256=" + hashlib.sha256(claimed).hexdigest())
    headers = {"content-type": "application/json", "x-twilio-signature": signature(PUBLIC + path, {})}
    return CallbackRequest("/twilio/inbound", PUBLIC + path, headers, body, NOW)


@dataclass
class TwilioLab:
    """See tests.conformance.channel.suite.Lab."""

    patient: TwilioChannel
    hasty: TwilioChannel
    account: Account
    recorder: Recorder
    secrets: list[str] = field(
        default_factory=lambda: [TOKEN, base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()]
    )

    @property
    def channel(self) -> TwilioChannel:
        return self.hasty if Fault.SILENT in self.recorder.faults else self.patient

    def message(self, key: str, text: str = "K7QP Lathe 1 is down") -> ChannelMessage:
        return ChannelMessage(key, PERSON, {"body": text})

    def delivered(self) -> list[str]:
        return [str(message["body"]) for message in self.account.messages]

    def fail(self, *faults: Fault) -> None:
        self.recorder.faults.extend(faults)

    def unreachable(self) -> TwilioChannel:
        return build(config("http://127.0.0.1:1"))

    def press(self) -> CallbackRequest:
        return signed(sms())

    def elsewhere(self) -> list[CallbackRequest]:
        other_account = signed(sms(AccountSid="AC" + "f" * 32))
        other_number = signed(sms(To="+420999999999"))
        foreign_status = signed(delivery(From="+420999999999"), "/twilio/status?key=msg_1")
        return [other_account, other_number, foreign_status]


@asynccontextmanager
async def twilio_lab() -> AsyncIterator[TwilioLab]:
    account = Account()
    recorder = Recorder(account.answer, lambda call: call.method == "POST", refuse)
    async with served(recorder):
        patient, hasty = build(config(recorder.url)), build(config(recorder.url, timeout=HASTY_S))
        yield TwilioLab(patient, hasty, account, recorder)
        await patient.close()
        await hasty.close()
