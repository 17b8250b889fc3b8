"""The Content API: templates, their judgement by WhatsApp, and what a message made from one says.

Rules: twilio.com/docs/content (types, limits, variables), specs/twilio_content.json (shapes).
"""

import json
import re
import secrets
import time
from datetime import UTC, datetime

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from infra.phones.state import Content, Json, State
from infra.phones.twilio.call import TwilioRefusal, not_found
from infra.phones.twilio.door import TwilioDoor
from infra.phones.twilio.schema import read_json

_ALL = "/v1/Content"
_ONE = "/v1/Content/{Sid}"
_JUDGED = "/v1/Content/{Sid}/ApprovalRequests"
_JUDGE = "/v1/Content/{Sid}/ApprovalRequests/whatsapp"
_VARIABLE = re.compile(r"\{\{(\w+)\}\}")
_EDGE = re.compile(r"^\s*\{\{\w+\}\}|\{\{\w+\}\}\s*$|\{\{\w+\}\}\s*\{\{\w+\}\}")
_CATEGORIES = ("UTILITY", "MARKETING", "AUTHENTICATION")
_BODY_LIMITS = {"twilio/quick-reply": 1024, "twilio/text": 1600}
_ACTIONS, _TITLE, _PAYLOAD = 10, 25, 200


class TwilioContents:
    """Twilio's side of the Content API."""

    def __init__(self, door: TwilioDoor, state: State) -> None:
        self.state = state
        door.serve("Contents.create", "POST", _ALL, self._create)
        door.serve("Contents.list", "GET", _ALL, self._list)
        door.serve("Contents.fetch", "GET", _ONE, self._fetch)
        door.serve("Contents.delete", "DELETE", _ONE, self._delete)
        door.serve("Contents.judge", "POST", _JUDGE, self._judge)
        door.serve("Contents.judged", "GET", _JUDGED, self._judged)

    async def _create(self, request: Request) -> Response:
        body = await read_json(request, "ContentCreateRequest")
        _check_types(body["types"])
        kept = {name: body[name] for name in ("friendly_name", "variables", "language", "types") if body.get(name)}
        content = Content(sid="HX" + secrets.token_hex(16), created=time.time(), **kept)
        self.state.contents.put(content.sid, content)
        return JSONResponse(self._json(request, content), 201)

    async def _list(self, request: Request) -> Response:
        url = str(request.url)
        meta = {"page": 0, "page_size": 50, "first_page_url": url, "previous_page_url": None, "next_page_url": None}
        found = [self._json(request, content) for content in self.state.contents]
        return JSONResponse({"contents": found, "meta": {**meta, "url": url, "key": "contents"}})

    async def _fetch(self, request: Request) -> Response:
        return JSONResponse(self._json(request, self._found(request)))

    async def _delete(self, request: Request) -> Response:
        self.state.contents.remove(self._found(request).sid)
        return Response(status_code=204)

    async def _judge(self, request: Request) -> Response:
        content = self._found(request)
        body = await read_json(request, "ContentApprovalRequest")
        if not re.fullmatch(r"[a-z0-9_]+", body["name"]):
            raise TwilioRefusal(20422, "Invalid parameter: name may hold lower-case letters, digits and underscores")
        if body["category"] not in _CATEGORIES:
            raise TwilioRefusal(20422, f"Invalid parameter: category must be one of {', '.join(_CATEGORIES)}")
        if content.approval:
            raise TwilioRefusal(20409, "Content is submitted for approval already", status=409, kind="state")
        content.approval = {"name": body["name"], "category": body["category"], "submitted": time.time()}
        self.state.contents.put(content.sid, content)
        return JSONResponse(_approval(self.state, content), 201)

    async def _judged(self, request: Request) -> Response:
        content = self._found(request)
        account = self.state.config.twilio.account_sid
        whatsapp = {"type": "whatsapp", **_approval(self.state, content)} if content.approval else {}
        return JSONResponse({"sid": content.sid, "account_sid": account, "whatsapp": whatsapp, "url": str(request.url)})

    def _found(self, request: Request) -> Content:
        content = self.state.contents.get(request.path_params["Sid"])
        if content is None:
            raise not_found(request)
        return content

    def _json(self, request: Request, content: Content) -> Json:
        moment = datetime.fromtimestamp(content.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        url = f"{str(request.base_url).rstrip('/')}{request.url.path.partition('/v1/')[0]}/v1/Content/{content.sid}"
        fields = content.model_dump(include={"sid", "friendly_name", "language", "variables", "types"})
        dates = {"date_created": moment, "date_updated": moment}
        links = {"approval_create": f"{url}/ApprovalRequests/whatsapp", "approval_fetch": f"{url}/ApprovalRequests"}
        return {**fields, **dates, "account_sid": self.state.config.twilio.account_sid, "url": url, "links": links}


class Written:
    """What a message made from a template says: text, quick replies, and whether WhatsApp approved it."""

    def __init__(self, state: State, sid: str, variables: str) -> None:
        """Raises TwilioRefusal (21655: no such content, 21656: bad variables)."""
        values = _values(variables)
        content = _content(state, sid)
        if content is None:
            raise TwilioRefusal(21655, "The ContentSid is Invalid")
        self.approved = content.approval is not None and _approval(state, content)["status"] == "approved"
        kind, part = _shown(content.types)
        values = content.variables | values
        used = [n for n in _VARIABLE.findall(json.dumps(part)) if n not in values]
        self.missing = sorted(set(used))
        self.text = _filled(str(part.get("body", "")), values)
        actions = part.get("actions", []) if kind == "twilio/quick-reply" else []
        self.actions = [
            {"id": _filled(a.get("id") or a["title"], values), "title": _filled(a["title"], values)} for a in actions
        ]


def _content(state: State, sid: str) -> Content | None:
    plain = state.config.twilio.contents.get(sid)
    if plain is None:
        return state.contents.get(sid)
    approval = {"name": "configured", "category": "UTILITY", "submitted": 0.0}
    return Content(sid=sid, created=0.0, language="en", types={"twilio/text": {"body": plain}}, approval=approval)


def _values(variables: str) -> dict[str, str]:
    try:
        values = json.loads(variables)
    except ValueError:
        values = None
    texts = isinstance(values, dict) and all(isinstance(v, str) and v.strip() for v in values.values())
    if not texts or any(re.search(r"[\n\t]", v) for v in values.values()):
        raise TwilioRefusal(21656, "The ContentVariables Parameter is invalid")
    found: dict[str, str] = values
    return found


def _shown(types: Json) -> tuple[str, Json]:
    for kind in ("twilio/quick-reply", "twilio/text"):
        if types.get(kind):
            return kind, types[kind]
    return next((kind, part) for kind, part in types.items() if part)


def _filled(text: str, values: dict[str, str]) -> str:
    return _VARIABLE.sub(lambda m: values.get(m[1], m[0]), text)


def _approval(state: State, content: Content) -> Json:
    """`received`, then what WhatsApp thinks of it: a variable at an edge or beside another, or without a sample."""
    approval = content.approval or {}
    kind, part = _shown(content.types)
    answer = {"name": approval.get("name"), "category": approval.get("category"), "content_type": kind}
    answer |= {"rejection_reason": "", "allow_category_change": True}
    if time.time() < approval.get("submitted", 0.0) + state.config.twilio.approval_seconds:
        return {**answer, "status": "received"}
    text = str(part.get("body", ""))
    without_sample = sorted(set(_VARIABLE.findall(json.dumps(part))) - set(content.variables))
    if approval.get("submitted") and (_EDGE.search(text) or without_sample):
        return {**answer, "status": "rejected", "rejection_reason": "INVALID_FORMAT"}
    return {**answer, "status": "approved"}


def _check_types(types: Json) -> None:
    if not any(types.values()):
        raise TwilioRefusal(20422, "Invalid parameter: types must hold at least one content type")
    for kind, part in types.items():
        if part and len(str(part.get("body", ""))) > _BODY_LIMITS.get(kind, 1600):
            raise TwilioRefusal(20422, f"Invalid parameter: the body of {kind} is too long")
    actions = (types.get("twilio/quick-reply") or {"actions": [{"title": "x"}]})["actions"]
    if not 1 <= len(actions) <= _ACTIONS:
        raise TwilioRefusal(20422, f"Invalid parameter: actions must hold 1 to {_ACTIONS} quick replies")
    if any(not a["title"].strip() or len(a["title"]) > _TITLE or len(a.get("id", "")) > _PAYLOAD for a in actions):
        raise TwilioRefusal(20422, f"Invalid parameter: a title has 1 to {_TITLE}, an id at most {_PAYLOAD} characters")
