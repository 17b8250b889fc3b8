"""The Messages API on the wire, under /twilio/2010-04-01/Accounts/<sid>/."""

from datetime import UTC, datetime, timedelta

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from infra.phones.state import Json, Sms
from infra.phones.twilio.account import Account
from infra.phones.twilio.call import TwilioRefusal, not_found, read_form, read_query
from infra.phones.twilio.callbacks import TwilioCallbacks
from infra.phones.twilio.door import TwilioDoor
from infra.phones.twilio.pages import aware, page_of

_LIST = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
_ONE = "/2010-04-01/Accounts/{AccountSid}/Messages/{Sid}.json"
_ACCOUNT = "/2010-04-01/Accounts/{Sid}.json"


class TwilioApi:
    """Twilio's side of the Messages API."""

    def __init__(self, door: TwilioDoor, account: Account, callbacks: TwilioCallbacks) -> None:
        self.account, self.callbacks = account, callbacks
        door.serve("Messages.create", "POST", _LIST, self._create)
        door.serve("Messages.list", "GET", _LIST, self._list)
        door.serve("Messages.fetch", "GET", _ONE, self._fetch)
        door.serve("Messages.update", "POST", _ONE, self._update)
        door.serve("Messages.delete", "DELETE", _ONE, self._delete)
        door.serve("Account.fetch", "GET", _ACCOUNT, self._fetch_account)

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
        return JSONResponse(page_of(request, given, "messages", [self.account.message_json(sms) for sms in found]))

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
    if day is not None and not aware(day) <= at < aware(day) + timedelta(days=1):
        return False
    before, after = given.get("DateSent<"), given.get("DateSent>")
    return (before is None or at <= aware(before)) and (after is None or at >= aware(after).replace(microsecond=0))
