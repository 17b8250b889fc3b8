"""Pictures and other files of messages: kept, and handed out behind basic auth by way of another host."""

import base64
import secrets
import time

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from infra.phones.records import Records
from infra.phones.state import Json, Medium, State
from infra.phones.twilio.account import rfc2822
from infra.phones.twilio.call import not_found
from infra.phones.twilio.door import TwilioDoor
from infra.phones.twilio.pages import page_of

_LIST = "/2010-04-01/Accounts/{AccountSid}/Messages/{MessageSid}/Media.json"
_ONE = "/2010-04-01/Accounts/{AccountSid}/Messages/{MessageSid}/Media/{Sid}.json"
_FILE = "/2010-04-01/Accounts/{AccountSid}/Messages/{MessageSid}/Media/{Sid}"


class TwilioMedia:
    """Twilio's side of media. The file itself lies on a host that knows no credentials."""

    def __init__(self, door: TwilioDoor, state: State, records: Records, base_url: str) -> None:
        self.state, self.records, self.base_url = state, records, base_url
        door.serve("Media.list", "GET", _LIST, self._list)
        door.serve("Media.fetch", "GET", _ONE, self._fetch)
        door.serve("Media.delete", "DELETE", _ONE, self._delete)
        door.serve("Media.file", "GET", _FILE, self._redirect)
        self.host = APIRouter()
        self.host.add_api_route("/media-host/{ticket}", self._file, methods=["GET"])

    def keep(self, message_sid: str, content_type: str, data: str) -> Medium:
        """Keep a file (base64)."""
        sid, ticket = "ME" + secrets.token_hex(16), secrets.token_urlsafe(24)
        record = Medium(
            sid=sid, message_sid=message_sid, content_type=content_type, data=data, created=time.time(), ticket=ticket
        )
        return self.state.media.put(sid, record)

    def url(self, medium: Medium) -> str:
        """The address that an inbound message names."""
        twilio = self.state.config.twilio
        base = twilio.base_url or f"{self.base_url}/twilio"
        return f"{base}/2010-04-01/Accounts/{twilio.account_sid}/Messages/{medium.message_sid}/Media/{medium.sid}"

    async def _list(self, request: Request) -> Response:
        found = [m for m in self.state.media if m.message_sid == request.path_params["MessageSid"]]
        return JSONResponse(page_of(request, {}, "media_list", [self._json(m) for m in found]))

    async def _fetch(self, request: Request) -> Response:
        return JSONResponse(self._json(self._found(request)))

    async def _delete(self, request: Request) -> Response:
        self.state.media.remove(self._found(request).sid)
        return Response(status_code=204)

    async def _redirect(self, request: Request) -> Response:
        medium = self._found(request)
        elsewhere = self.state.config.twilio.media_url or self.base_url.replace("127.0.0.1", "localhost")
        return RedirectResponse(f"{elsewhere}/media-host/{medium.ticket}", 307)

    async def _file(self, ticket: str, request: Request) -> Response:
        medium = next((m for m in self.state.media if m.ticket == ticket), None)
        if "authorization" in request.headers:
            self.records.violation("twilio", "Media.host", "request", "credentials_sent", "the media host takes none")
            return Response("Only one auth mechanism allowed", 400)
        if medium is None:
            return Response(status_code=404)
        return Response(base64.b64decode(medium.data), media_type=medium.content_type)

    def _found(self, request: Request) -> Medium:
        medium = self.state.media.get(request.path_params["Sid"])
        if medium is None or medium.message_sid != request.path_params["MessageSid"]:
            raise not_found(request)
        return medium

    def _json(self, medium: Medium) -> Json:
        account = self.state.config.twilio.account_sid
        at = rfc2822(medium.created)
        uri = f"/2010-04-01/Accounts/{account}/Messages/{medium.message_sid}/Media/{medium.sid}.json"
        about = {"sid": medium.sid, "parent_sid": medium.message_sid, "content_type": medium.content_type}
        return {**about, "account_sid": account, "date_created": at, "date_updated": at, "uri": uri}
