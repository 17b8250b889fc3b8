"""An OpenID Connect provider that signs with a real RSA key: discovery, keys, code flow with PKCE. A test bends it."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey

ISSUER = "https://id.example.com/plant"
CLIENT, SECRET = "mos-console", "very-secret-client-secret"


def unpadded(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")


@dataclass
class Issuer:
    """`claims` are laid over the right ones; `header` over the right header; `down`: it does not answer."""

    now: Any
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"}))
    subject: str = "sub-1"
    claims: dict[str, Any] = field(default_factory=dict)
    sign: Any = None
    down: bool = False
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def authorise(self, url: str) -> dict[str, str]:
        """The person signs in at the provider: what comes back in the query of our callback."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert url.startswith(f"{ISSUER}/authorize?")
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert asked["client_id"] == CLIENT
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return {"state": asked["state"], "code": code}

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("no route", request=request)
        path = str(request.url).removeprefix(ISSUER)
        if path == "/.well-known/openid-configuration":
            names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            return httpx.Response(200, json={"issuer": ISSUER} | {k: f"{ISSUER}/{v}" for k, v in names.items()})
        if path == "/keys":
            return httpx.Response(200, json={"keys": [self.key.as_dict(private=False)]})
        if path == "/token":
            return self._token(request)
        return httpx.Response(404)

    def _token(self, request: httpx.Request) -> httpx.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        basic = httpx.BasicAuth(CLIENT, SECRET)._auth_header
        asked = self.codes.pop(form.get("code", ""), None)
        if request.headers.get("authorization") != basic or asked is None:
            return httpx.Response(400, json={"error": "invalid_grant"})
        challenge = unpadded(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if challenge != asked["code_challenge"] or form.get("redirect_uri") != asked["redirect_uri"]:
            return httpx.Response(400, json={"error": "invalid_grant"})
        return httpx.Response(200, json={"access_token": "a", "token_type": "Bearer", "id_token": self._id(asked)})

    def _id(self, asked: dict[str, str]) -> str:
        at = int(self.now().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": CLIENT,
            "sub": self.subject,
            "iat": at,
            "exp": at + 300,
            "nonce": asked["nonce"],
        }
        claims = {name: value for name, value in (claims | self.claims).items() if value is not None}
        if self.sign is not None:
            made: str = self.sign(self, claims)
            return made
        return jwt.encode({"alg": "RS256", "kid": "k1"}, claims, self.key)


def unsigned(_: Issuer, claims: dict[str, Any]) -> str:
    """`alg: none`."""
    parts = ({"alg": "none"}, claims)
    return ".".join(unpadded(json.dumps(part).encode()) for part in parts) + "."


def by_another_key(_: Issuer, claims: dict[str, Any]) -> str:
    other = RSAKey.generate_key(2048, {"kid": "k1"})
    return jwt.encode({"alg": "RS256", "kid": "k1"}, claims, other)


def by_the_public_key(issuer: Issuer, claims: dict[str, Any]) -> str:
    """The public key taken for a shared secret (HS256)."""
    import hmac

    head = unpadded(json.dumps({"alg": "HS256", "kid": "k1"}).encode())
    text = f"{head}.{unpadded(json.dumps(claims).encode())}"
    return f"{text}.{unpadded(hmac.new(issuer.key.as_pem(private=False), text.encode(), hashlib.sha256).digest())}"
