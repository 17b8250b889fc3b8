"""Programs that call with a bearer token (RFC 6750), and what each address of the API asks of one.

`PERMISSIONS` is the one table: who adds an address for programs adds a line. What stands in no line is refused.
"""

from dataclasses import dataclass

from fastapi import Request

from admin.access.sessions import Login
from admin.access.tokens import Bearer, ScopeError
from api.deps import ApiDeps
from domain.errors import AuthError
from domain.rosters.people import Person

_READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True)
class Permission:
    """What a token needs to read and to change at addresses that begin like this; empty: nobody may by token."""

    prefix: str
    reading: str
    changing: str


PERMISSIONS = (
    Permission("/api/signals", "", "signals:write"),
    Permission("/api/shelves", "exceptions:read", "shelves:write"),
    Permission("/api/exceptions", "exceptions:read", "exceptions:write"),
    Permission("/api/commands", "exceptions:read", ""),
    Permission("/api/channels", "exceptions:read", ""),
    Permission("/api/roster", "roster:read", "roster:write"),
)


def scope_for(method: str, path: str) -> str:
    """The scope that this call needs; empty when no token opens it."""
    for one in PERMISSIONS:
        if path == one.prefix or path.startswith(one.prefix + "/"):
            return one.reading if method in _READING else one.changing
    return ""


def given(request: Request) -> str:
    """The token of a program; empty for a browser. A page takes none: tokens are for addresses below /api/."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and request.url.path.startswith("/api/") else ""


async def program(request: Request, deps: ApiDeps, token: str) -> Bearer:
    """The program behind the token. Raises AuthError (unknown, over) and ScopeError (not for this)."""
    bearer = await deps.tokens.who(token, deps.now())
    if bearer is None:
        raise AuthError("This token is unknown, has expired or was revoked.")
    scope = scope_for(request.method, request.url.path)
    if not scope:
        raise ScopeError("No token may do that.")
    bearer.needs(scope)
    return bearer


async def log_in_of(request: Request, deps: ApiDeps, token: str) -> Login:
    """The person who answers for the program. No form was shown, so that it carries no token of one."""
    bearer = await program(request, deps, token)
    person = await deps.tokens.person_of(bearer) or Person(id="api_token", name="The installation's token", roles=[])
    return Login(person, csrf="", via=f"token {bearer.number}")
