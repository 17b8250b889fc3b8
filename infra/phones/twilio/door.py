"""What every REST call of Twilio goes through: ordered faults, credentials, the rate, and the record of it."""

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from infra.phones.faults import Dropped, Fault, Orders
from infra.phones.rates import Rates
from infra.phones.records import Records
from infra.phones.state import State
from infra.phones.twilio.call import TwilioRefusal, check_account, not_found

PREFIX = "/twilio"
Handler = Callable[[Request], Awaitable[Response]]


class TwilioDoor:
    """Serves handlers under `/twilio`; a handler answers, or raises TwilioRefusal."""

    def __init__(self, state: State, orders: Orders, records: Records) -> None:
        self.state, self.orders, self.records = state, orders, records
        self.rates = Rates()
        self.router = APIRouter(prefix=PREFIX)

    def serve(self, name: str, verb: str, path: str, handler: Handler) -> None:
        """Answer `verb path` with `handler`; `name` is what faults and records call it."""

        async def endpoint(request: Request) -> Response:
            return await self._handle(name, handler, request)

        self.router.add_api_route(path, endpoint, methods=[verb], name=name)

    async def unknown(self, request: Request) -> Response:
        """20404 for every other path."""
        return self._refused("unknown", not_found(request), None)

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
        twilio = self.state.config.twilio
        given = request.path_params
        # Content has no account in its paths: the credentials alone say whose it is.
        sid = given.get("AccountSid", given["Sid"] if name == "Account.fetch" else twilio.account_sid)
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
            body = TwilioRefusal(20429, "Too Many Requests", status=429).body()
            return JSONResponse(body, 429, {"Retry-After": str(fault.retry_after)})
        return JSONResponse(TwilioRefusal(20500, "Internal Server Error", status=500).body(), 500)
