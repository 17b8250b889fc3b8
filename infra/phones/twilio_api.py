"""The Twilio REST API on the wire: messages under /twilio/2010-04-01/Accounts/<sid>/."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from infra.phones.faults import Dropped, Fault, Orders
from infra.phones.rates import Rates
from infra.phones.records import Records
from infra.phones.state import Json, Sms
from infra.phones.twilio_account import Account
from infra.phones.twilio_call import TwilioRefusal, check_account, not_found, read_form, read_query
from infra.phones.twilio_callbacks import TwilioCallbacks

_LIST = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
_ONE = "/2010-04-01/Accounts/{AccountSid}/Messages/{Sid}.json"
_ACCOUNT = "/2010-04-01/Accounts/{Sid}.json"
_PREFIX = "/twilio"
Handler = Callable[[Request], Awaitable[Response]]


class TwilioApi:
    """Twilio's side of the Messages API: authenticate, check, do, answer, and record each refusal."""

    def __init__(self, account: Account, callbacks: TwilioCallbacks, orders: Orders, records: Records) -> None:
        self.account, self.callbacks, self.orders, self.records = account, callbacks, orders, records
        self.rates = Rates()
        self.router = APIRouter(prefix=_PREFIX)
        self._serve("Messages.create", "POST", _LIST, self._create)
        self._serve("Messages.list", "GET", _LIST, self._list)
        self._serve("Messages.fetch", "GET", _ONE, self._fetch)
        self._serve("Messages.update", "POST", _ONE, self._update)
        self._serve("Messages.delete", "DELETE", _ONE, self._delete)
        self._serve("Account.fetch", "GET", _ACCOUNT, self._fetch_account)

    async def unknown(self, request: Request) -> Response:
        """20404 for every other path."""
        return self._refused("unknown", not_found(request), None)

    def _serve(self, name: str, verb: str, path: str, handler: Handler) -> None:
        async def endpoint(request: Request) -> Response:
            return await self._handle(name, handler, request)

        self.router.add_api_route(path, endpoint, methods=[verb], name=name)

    async def _handle(self, name: str, handler: Handler, request: Request) -> Response:
        faults = self.orders.take_faults("twilio", name)
        for delay in (f for f in faults if f.kind == "delay"):
            await asyncio.sleep(delay.seconds)
        failure = next((f for f in faults if f.kind != "delay"), None)
        if failure and failure.kind != "drop_after":
            return self._failed(name, failure)
        response = await self._answer(name, handler, request, failure)
        return Dropped() if failure else response

    async def _answer(self, name: str, handler: Handler, request: Request, fault: Fault | None) -> Response:
        twilio = self.account.state.config.twilio
        sid = request.path_params.get("AccountSid", request.path_params["Sid"] if name == "Account.fetch" else "")
        try:
            check_account(request, sid, twilio)
            if self.rates.take("calls", twilio.calls_per_second, twilio.calls_per_second) is not None:
                raise TwilioRefusal(20429, "Too Many Requests", status=429, kind="rate")
            response = await handler(request)
        except TwilioRefusal as refusal:
            return self._refused(name, refusal, fault)
        self.records.call("twilio", name, response.status_code, fault=fault.kind if fault else None)
        return response

    def _refused(self, name: str, refusal: TwilioRefusal, fault: Fault | None) -> Response:
        self.records.violation("twilio", name, refusal.kind, str(refusal.code), refusal.message)
        self.records.call("twilio", name, refusal.status, str(refusal.code), fault.kind if fault else None)
        return JSONResponse(refusal.body(), refusal.status)

    def _failed(self, name: str, fault: Fault) -> Response:
        status = {"rate_limit": 429, "server_error": 500}.get(fault.kind, 0)
        self.records.call("twilio", name, status, fault=fault.kind)
        if fault.kind == "drop_before":
            return Dropped()
        if fault.kind == "rate_limit":
            return JSONResponse(TwilioRefusal(20429, "Too Many Requests", status=429).body(), 429)
        return JSONResponse(TwilioRefusal(20500, "Internal Server Error", status=500).body(), 500)

    async def _create(self, request: Request) -> Response:
        sms = self.account.create(await read_form(request, _LIST))
        body = self.account.message_json(sms)
        self.callbacks.deliver(sms)
        return JSONResponse(body, 201)

    async def _fetch(self, request: Request) -> Response:
        return JSONResponse(self.account.message_json(self._found(request)))

    async def _update(self, request: Request) -> Response:
        sms = self._found(request)
        given = await read_form(request, _ONE)
        if given.get("Status") == "canceled":
            if sms.status != "scheduled":
                raise TwilioRefusal(30409, "Only a scheduled message can be canceled", status=409, kind="state")
            self.account.move(sms, "canceled")
        if "Body" in given:
            if given["Body"]:
                raise TwilioRefusal(20422, "Invalid parameter: Body can only be made empty")
            sms.body = ""
            self.account.state.sms.put(sms.sid, sms)
        return JSONResponse(self.account.message_json(sms))

    async def _delete(self, request: Request) -> Response:
        sms = self._found(request)
        if sms.status in ("queued", "accepted", "sending", "scheduled"):
            raise TwilioRefusal(20009, "Cannot delete this resource before it is complete", status=409, kind="state")
        self.account.state.sms.remove(sms.sid)
        return Response(status_code=204)

    async def _fetch_account(self, request: Request) -> Response:
        sid = self.account.state.config.twilio.account_sid
        uris = {"messages": f"/2010-04-01/Accounts/{sid}/Messages.json"}
        body = {"sid": sid, "friendly_name": "Plant", "status": "active", "type": "Full", "owner_account_sid": sid}
        return JSONResponse({**body, "uri": f"/2010-04-01/Accounts/{sid}.json", "subresource_uris": uris})

    async def _list(self, request: Request) -> Response:
        given = read_query(request, _LIST)
        found = [sms for sms in self.account.state.sms if _matches(sms, given)]
        found.sort(key=lambda sms: sms.created, reverse=True)
        return JSONResponse(self._page(request, found, given))

    def _page(self, request: Request, found: list[Sms], given: Json) -> Json:
        size, number = given.get("PageSize", 50), given.get("Page", 0)
        start = size * number
        if given.get("PageToken"):  # the sid of the last message of the page before
            sids = [f"PA{sms.sid}" for sms in found]
            if given["PageToken"] not in sids:
                raise TwilioRefusal(20422, "Invalid parameter: PageToken")
            start = sids.index(given["PageToken"]) + 1
        page = found[start : start + size]
        more = len(found) > start + size
        following = self._uri(request, size, number + 1, f"PA{page[-1].sid}") if more else None
        return {
            "messages": [self.account.message_json(sms) for sms in page],
            "page": number,
            "page_size": size,
            "start": start,
            "end": max(start, start + len(page) - 1),
            "uri": self._uri(request, size, number),
            "first_page_uri": self._uri(request, size, 0),
            "next_page_uri": following,
            "previous_page_uri": None,
        }

    def _uri(self, request: Request, size: int, number: int, token: str = "") -> str:
        kept = [(k, v) for k, v in request.query_params.multi_items() if k not in ("PageSize", "Page", "PageToken")]
        kept += [("PageSize", str(size)), ("Page", str(number))] + ([("PageToken", token)] if token else [])
        return f"{request.url.path.removeprefix(_PREFIX)}?{urlencode(kept)}"

    def _found(self, request: Request) -> Sms:
        sms = self.account.state.sms.get(request.path_params["Sid"])
        if sms is None:
            raise not_found(request)
        return sms


def _matches(sms: Sms, given: Json) -> bool:
    if given.get("To") not in (None, sms.to) or given.get("From") not in (None, sms.sender):
        return False
    # A message that is still queued has no DateSent; it is found by its creation, as its DateSent can only be later.
    at = datetime.fromtimestamp(int(sms.sent or sms.created), UTC)
    day: datetime | None = given.get("DateSent")
    if day is not None and not _aware(day) <= at < _aware(day) + timedelta(days=1):
        return False
    before, after = given.get("DateSent<"), given.get("DateSent>")
    return (before is None or at <= _aware(before)) and (after is None or at >= _aware(after).replace(microsecond=0))


def _aware(value: Any) -> datetime:
    moment: datetime = value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
