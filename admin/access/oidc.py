"""Log-in at the company's identity provider: OpenID Connect Core 1.0, code flow with PKCE (RFC 7636), state and nonce.

Who somebody is, is the pair issuer and subject, which an administrator bound to a person. A verified e-mail that is a
person's own only proposes that binding: mail addresses are given away again, subjects are not.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

from admin.access.facts import fact
from admin.access.sealing import Sealer
from admin.access.sessions import token_hash
from admin.actors import Actor, FourEyesError, may
from domain.errors import AuthError, NotFoundError, TransientError
from domain.rosters.people import ChannelName, ContactMethod, Person
from domain.values import Json
from store.db import Database
from store.read.access import identity as read
from store.tables import IdentityRow
from store.write.access import oidc as write
from store.write.books import ledger

MANAGE = "manage_roster"
_FLOW = timedelta(minutes=10)
_LEEWAY_S = 60
_KEEP_KEYS = timedelta(hours=1)
_ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]  # public keys only: neither `none` nor a shared secret
_OVER = "This log-in is over or was begun in another window. Begin again."


class NotBoundError(AuthError):
    """The provider says who it is, and no administrator has said which person that is."""

    code = "mos.not_bound"


class Calls(Protocol):
    """How the provider is called; both raise TransientError when it does not answer."""

    async def get(self, url: str) -> Json: ...

    async def post(self, url: str, form: Mapping[str, str], who: tuple[str, str]) -> tuple[int, Json]: ...


@dataclass(frozen=True)
class Provider:
    """The identity provider and our registration with it. `redirect_uri`: our callback, as registered."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str


@dataclass(frozen=True)
class _Metadata:
    """What discovery said (OpenID Connect Discovery 1.0), and the provider's keys."""

    authorize: str
    token: str
    keys: KeySet
    read_at: datetime


class Oidc:
    """Log-ins at one provider."""

    def __init__(
        self,
        database: Database,
        provider: Provider,
        secret: bytes,
        randomness: Callable[[int], bytes],
        calls: Calls,
    ) -> None:
        self._database, self._provider, self._secret = database, provider, secret
        self._randomness, self._calls = randomness, calls
        self._sealer = Sealer(secret, "oidc")
        self._known: _Metadata | None = None

    async def begin(self, going_to: str, now: datetime) -> tuple[str, str]:
        """The provider's URL to go to, and what the browser keeps in a cookie meanwhile. Nothing is written: a page
        that merely fetches links begins no log-in."""
        found = await self._metadata(now)
        state, nonce, verifier = (_unpadded(self._randomness(32)) for _ in range(3))
        over = int((now + _FLOW).timestamp())
        kept = {"state": state, "nonce": nonce, "verifier": verifier, "next": going_to, "over": over}
        asked = {
            "response_type": "code",
            "client_id": self._provider.client_id,
            "redirect_uri": self._provider.redirect_uri,
            "scope": "openid email profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": _unpadded(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        url = f"{found.authorize}{'&' if '?' in found.authorize else '?'}{urlencode(asked)}"
        return url, self._sealer.seal(json.dumps(kept)).decode()

    async def finish(self, cookie: str, state: str, code: str, now: datetime) -> tuple[str, str]:
        """Who came back, and where they wanted to go. A log-in under way is taken once, by the browser that began it.
        Raises AuthError (refused), NotBoundError, TransientError."""
        kept = self._kept(cookie)
        if not hmac.compare_digest(str(kept.get("state", "")).encode(), state.encode()) or not state:
            raise AuthError(_OVER)
        async with self._database.transaction() as session:
            over = datetime.fromtimestamp(kept["over"], UTC)
            first = await write.take_flow(session, token_hash(self._secret, state), over, now)
        if not first or over <= now:
            raise AuthError(_OVER)
        claims = await self._claims(code, kept, now)
        return await self._person(claims, now), kept["next"]

    def _kept(self, cookie: str) -> Json:
        try:
            return json.loads(self._sealer.open(cookie.encode()))
        except AuthError:
            return {}

    async def _claims(self, code: str, kept: Json, now: datetime) -> Json:
        found = await self._metadata(now)
        answer = await self._exchange(found, code, kept["verifier"])
        try:
            token = jwt.decode(str(answer.get("id_token", "")), found.keys, algorithms=_ALGORITHMS)
            rules = JWTClaimsRegistry(
                now=int(now.timestamp()),
                leeway=_LEEWAY_S,
                iss={"essential": True, "value": self._provider.issuer},
                aud={"essential": True, "value": self._provider.client_id},
                nonce={"essential": True, "value": kept["nonce"]},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
            )
            rules.validate(token.claims)
        except (JoseError, ValueError) as error:
            self._known = None  # perhaps the provider changed its keys
            raise AuthError("The provider's answer is not good. Begin again.", detail=type(error).__name__) from error
        claims: Json = token.claims
        other = claims.get("azp", self._provider.client_id) != self._provider.client_id
        if other or (isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and "azp" not in claims):
            raise AuthError("The provider's answer is for another application. Begin again.")
        return claims

    async def _exchange(self, found: _Metadata, code: str, verifier: str) -> Json:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._provider.redirect_uri,
            "code_verifier": verifier,
        }
        who = (self._provider.client_id, self._provider.client_secret)
        status, told = await self._calls.post(found.token, form, who)
        if status != 200 or not isinstance(told, dict):
            raise AuthError("The provider refused the log-in. Begin again.")
        return told

    async def _metadata(self, now: datetime) -> _Metadata:
        known = self._known
        if known is not None and now - known.read_at < _KEEP_KEYS:
            return known
        told = await self._calls.get(f"{self._provider.issuer.rstrip('/')}/.well-known/openid-configuration")
        try:
            if told["issuer"] != self._provider.issuer:
                raise AuthError("The identity provider calls itself otherwise than MOS_OIDC_ISSUER.")
            keys = KeySet.import_key_set(await self._calls.get(told["jwks_uri"]))
            self._known = _Metadata(told["authorization_endpoint"], told["token_endpoint"], keys, now)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise TransientError("The identity provider's own description can't be read.") from error
        return self._known

    async def _person(self, claims: Json, now: datetime) -> str:
        subject, email = str(claims["sub"])[:255], ""
        if claims.get("email_verified") is True:
            email = str(claims.get("email", ""))[:254]
        async with self._database.transaction() as session:
            row = await read.identity(session, self._provider.issuer, subject)
            if row is not None and row.standing == "bound":
                return row.person
            proposed = row.person if row else _the_one(await read.active_people(session), email)
            if row is None and proposed:
                made = IdentityRow(
                    issuer=self._provider.issuer,
                    subject=subject,
                    person=proposed,
                    standing="proposed",
                    email=email,
                    proposed_at=now,
                )
                await write.propose(session, made)
                await ledger.audit(
                    session, fact(now, "account_proposed", proposed, issuer=made.issuer, account=subject)
                )
        if not proposed:
            raise NotBoundError("This account belongs to nobody here. Ask an administrator.")
        raise NotBoundError("An administrator has to confirm that this account is yours. Ask one, then sign in again.")


def _the_one(people: list[Person], email: str) -> str:
    """Who alone has this mail address on the roster."""
    wanted = email.casefold()
    mail = [(person.id, one.address.casefold()) for person in people for one in person.contacts if _is_mail(one)]
    owners = {person for person, address in mail if wanted and address == wanted}
    return owners.pop() if len(owners) == 1 else ""


def _is_mail(contact: ContactMethod) -> bool:
    return contact.channel is ChannelName.EMAIL


async def bind(database: Database, account: tuple[str, str], actor: Actor, now: datetime, *, person: str = "") -> None:
    """Bind an account (issuer, subject) to the person it was proposed for, or to the one named. Needs the authority
    `manage_roster`, and somebody else than the person. Raises NotAllowedError, NotFoundError."""
    async with database.transaction() as session:
        await may(session, actor, MANAGE)
        row = await read.identity(session, *account)
        bound = person or (row.person if row else "")
        if not bound or bound not in {one.id for one in await read.active_people(session)}:
            raise NotFoundError("There is no such account or person.")
        if bound == actor.id and actor.signed_in:
            raise FourEyesError("Somebody else has to confirm your own account.")
        made = IdentityRow(
            issuer=account[0],
            subject=account[1],
            person=bound,
            standing="bound",
            email=row.email if row else "",
            proposed_at=row.proposed_at if row else now,
            bound_at=now,
            bound_by=actor.id,
        )
        await write.put_identity(session, made)
        await ledger.audit(
            session, fact(now, "account_bound", bound, by=actor.id, issuer=account[0], account=account[1])
        )


async def unbind(database: Database, account: tuple[str, str], actor: Actor, now: datetime) -> None:
    """The account signs nobody in any more. Raises NotAllowedError."""
    async with database.transaction() as session:
        await may(session, actor, MANAGE)
        person = await write.drop_identity(session, *account)
        await ledger.audit(
            session, fact(now, "account_unbound", person, by=actor.id, issuer=account[0], account=account[1])
        )


def _unpadded(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")
