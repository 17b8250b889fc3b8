"""Log-in at the company's provider: only what it signed, for us, now, in this browser; and only for the person whom an
administrator bound the account to."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update
from sqlmodel import col

from admin.access import oidc
from admin.access.oidc import Provider
from admin.actors import Actor, FourEyesError, NotAllowedError
from infra.provider_calls import HttpCalls
from store.db import Database
from store.tables import AuditRow, IdentityRow, PersonRow, SessionRow
from tests.api.seeding import NOW, PEOPLE, PLANNER, QUALITY, TECHNICIAN
from tests.api.site import PUBLIC, Browser, application, browser, dependencies, fingerprint
from tests.support.issuer import CLIENT, ISSUER, SECRET, Issuer, by_another_key, by_the_public_key, unsigned

ACCOUNT = (ISSUER, "sub-1")


@pytest.fixture
def issuer() -> Issuer:
    return Issuer(now=lambda: NOW)


@pytest.fixture
async def somebody(database: Database, issuer: Issuer) -> AsyncIterator[Browser]:
    provider = Provider(ISSUER, CLIENT, SECRET, f"{PUBLIC}/login/callback")
    app = application(dependencies(database, provider=provider, provider_calls=HttpCalls(issuer.client)))
    async with browser(app) as found:
        yield found


async def put(database: Database, person: str, **changes: Any) -> None:
    known = next(one for one in PEOPLE if one.id == person)
    data = known.model_dump(mode="json") | changes
    async with database.transaction() as session:
        await session.execute(update(PersonRow).where(col(PersonRow.id) == person).values(data=data))


async def bound(database: Database, person: str = PLANNER) -> None:
    await put(database, QUALITY, authorities=["manage_roster"])
    await oidc.bind(database, ACCOUNT, Actor(QUALITY), NOW, person=person)


async def sign_in(somebody: Browser, issuer: Issuer) -> httpx.Response:
    away = await somebody.get("/login/oidc?next=/ledger")
    back = issuer.authorise(away.headers["location"])
    return await somebody.get(f"/login/callback?{httpx.QueryParams(back)}")


async def test_a_bound_account_signs_in_and_goes_on(somebody: Browser, database: Database, issuer: Issuer) -> None:
    await bound(database)
    assert "company account" in (await somebody.get("/login")).text
    answer = await sign_in(somebody, issuer)
    assert (answer.status_code, answer.headers["location"]) == (303, "/ledger")
    assert (await somebody.get("/ledger")).status_code == 200
    async with database.transaction() as session:
        assert (await session.scalar(select(col(SessionRow.person)))) == PLANNER


BAD: list[tuple[str, dict[str, Any]]] = [
    ("wrong issuer", {"claims": {"iss": "https://id.evil.example"}}),
    ("wrong audience", {"claims": {"aud": "another-app"}}),
    ("another party's", {"claims": {"aud": [CLIENT, "other"], "azp": "other"}}),
    ("many audiences, no party", {"claims": {"aud": [CLIENT, "other"]}}),
    ("wrong nonce", {"claims": {"nonce": "n"}}),
    ("no nonce", {"claims": {"nonce": None}}),
    ("expired", {"claims": {"exp": int(NOW.timestamp()) - 120}}),
    ("no end", {"claims": {"exp": None}}),
    ("of tomorrow", {"claims": {"iat": int(NOW.timestamp()) + 86_400}}),
    ("nobody", {"claims": {"sub": None}}),
    ("unsigned", {"sign": unsigned}),
    ("another key", {"sign": by_another_key}),
    ("the public key as a secret", {"sign": by_the_public_key}),
    ("rubbish", {"sign": lambda *_: "a.b.c"}),
]


@pytest.mark.parametrize("bent", [how for _, how in BAD], ids=[name for name, _ in BAD])
async def test_what_is_not_good_signs_nobody_in(
    somebody: Browser, database: Database, issuer: Issuer, bent: dict[str, Any]
) -> None:
    await bound(database)
    for name, value in bent.items():
        setattr(issuer, name, value)
    answer = await sign_in(somebody, issuer)
    assert answer.status_code == 401
    assert "mos" not in somebody.client.cookies
    async with database.transaction() as session:
        assert (await session.scalars(select(SessionRow))).all() == []


async def test_a_used_code_signs_in_no_second_time(somebody: Browser, database: Database, issuer: Issuer) -> None:
    await bound(database)
    away = await somebody.get("/login/oidc")
    back = issuer.authorise(away.headers["location"])
    kept = somebody.client.cookies["mos_oidc"]
    path = f"/login/callback?{httpx.QueryParams(back)}"
    assert (await somebody.get(path)).status_code == 303
    somebody.client.cookies.clear()
    somebody.client.cookies.set("mos_oidc", kept)
    issuer.codes[back["code"]] = dict(httpx.QueryParams(away.headers["location"].partition("?")[2]))
    assert (await somebody.get(path)).status_code == 401, "not even when the provider would take it again"


async def test_mixed_states_and_other_browsers(somebody: Browser, database: Database, issuer: Issuer) -> None:
    await bound(database)
    first = issuer.authorise((await somebody.get("/login/oidc")).headers["location"])
    second = issuer.authorise((await somebody.get("/login/oidc")).headers["location"])
    mixed = httpx.QueryParams({"state": first["state"], "code": second["code"]})
    assert (await somebody.get(f"/login/callback?{mixed}")).status_code == 401
    somebody.client.cookies.clear()
    assert (await somebody.get(f"/login/callback?{httpx.QueryParams(first)}")).status_code == 401
    for query in ("", "?state=&code=", "?error=access_denied"):
        assert (await somebody.get(f"/login/callback{query}")).status_code == 401


async def test_c16_going_to_the_provider_writes_nothing(somebody: Browser, database: Database) -> None:
    before = await fingerprint(database)
    assert (await somebody.get("/login/oidc")).status_code == 303
    assert await fingerprint(database) == before


async def test_c8_a_matching_verified_mail_only_proposes(somebody: Browser, database: Database, issuer: Issuer) -> None:
    contacts = [{"channel": "email", "address": "petr@example.com", "verified": True}]
    await put(database, PLANNER, contacts=contacts)
    await put(database, QUALITY, authorities=["manage_roster"])
    issuer.claims = {"email": "Petr@Example.com", "email_verified": False}
    assert (await sign_in(somebody, issuer)).status_code == 401
    async with database.transaction() as session:
        assert (await session.scalars(select(IdentityRow))).all() == [], "not verified: not even a proposal"
    issuer.claims = {"email": "Petr@Example.com", "email_verified": True}
    for _ in range(2):
        answer = await sign_in(somebody, issuer)
        assert answer.status_code == 401
        assert "administrator has to confirm" in answer.text
    with pytest.raises(NotAllowedError):
        await oidc.bind(database, ACCOUNT, Actor(TECHNICIAN), NOW)
    await oidc.bind(database, ACCOUNT, Actor(QUALITY), NOW)
    assert (await sign_in(somebody, issuer)).status_code == 303
    async with database.transaction() as session:
        kinds = list(await session.scalars(select(col(AuditRow.kind)).order_by(col(AuditRow.id))))
    assert kinds == ["account_proposed", "account_bound", "signed_in"]


async def test_nobody_confirms_an_account_of_their_own(database: Database) -> None:
    await put(database, QUALITY, authorities=["manage_roster"])
    with pytest.raises(FourEyesError):
        await oidc.bind(database, ACCOUNT, Actor(QUALITY), NOW, person=QUALITY)


async def test_an_account_that_was_taken_away_or_whose_person_left_opens_nothing(
    somebody: Browser, database: Database, issuer: Issuer
) -> None:
    await bound(database)
    await put(database, PLANNER, active=False)
    assert (await sign_in(somebody, issuer)).status_code == 401
    await put(database, PLANNER, active=True)
    await oidc.unbind(database, ACCOUNT, Actor(QUALITY), NOW)
    assert (await sign_in(somebody, issuer)).status_code == 401


async def test_a_provider_that_is_away_leaves_the_password(somebody: Browser, issuer: Issuer) -> None:
    issuer.down = True
    answer = await somebody.get("/login/oidc")
    assert answer.status_code == 503
    assert (await somebody.sign_in(PLANNER)).status_code == 303
