"""What the API is given by the composition root; it reads no environment and no clock of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from admin.access.enrolment import Enrolments
from admin.access.oidc import Calls, Oidc, Provider
from admin.access.sessions import Sessions
from admin.access.tokens import Tokens
from admin.audit.keys import Trusted
from authoring.scenarios.setting import Answers, nothing
from domain.values import Json
from intake.doors import Doors
from store.read.changes import Changes
from store.read.console import Database

ErpPage = Callable[[], Awaitable[Mapping[str, Json]]]
"""What the ERP holds: section -> rows (one object a row, or one object for a section of its own). Raises MosError."""


@dataclass
class ApiDeps:
    """`now` gives aware UTC; `public_url` is how vendors and people reach us, without a slash at the end.

    `phones_url`: the page of the stand-in phones. `plant_url`, `plant_token`: its control (infra/plant/README.md).
    `erp_links`: model of a document -> URL with `{id}` and `{label}`. `login_note`: a sentence shown at the log-in.
    `scenario_answers`: what the systems answer in a scenario that does not say. `api_token`: the installation's own
    bearer token. `provider`: the company's identity provider, with what calls it. `audit_keys`:
    whose signatures on the audit count.
    """

    database: Database
    doors: Doors
    now: Callable[[], datetime]
    public_url: str
    session_secret: bytes
    randomness: Callable[[int], bytes]
    phones_url: str = ""
    plant_url: str = ""
    plant_token: str = ""
    erp_page: ErpPage | None = None
    erp_links: Mapping[str, str] = field(default_factory=dict)
    site_title: str = ""
    login_note: str = ""
    scenario_answers: Callable[[datetime], Answers] = nothing
    extra_routers: Sequence[APIRouter] = ()
    api_token: str = ""
    provider: Provider | None = None
    provider_calls: Calls | None = None
    audit_keys: Trusted = field(default_factory=lambda: Trusted(()))

    def __post_init__(self) -> None:
        self.public_url = self.public_url.rstrip("/")
        self.sessions = Sessions(self.database, self.session_secret, self.randomness)
        secrets = (self.database, self.session_secret, self.randomness)
        self.tokens, self.enrolments = Tokens(*secrets, self.api_token), Enrolments(*secrets)
        calls = self.provider_calls
        self.oidc = Oidc(self.database, self.provider, *secrets[1:], calls) if self.provider and calls else None
        self.changes = Changes(self.database)
        self.trial_turn = asyncio.Lock()  # checks and trials wait for one another, so that pages of others do not

    @property
    def secure(self) -> bool:
        """Are people on HTTPS? Then cookies never travel without it."""
        return self.public_url.startswith("https://")


def deps_of(request: Request) -> ApiDeps:
    deps: ApiDeps = request.app.state.deps
    return deps


Deps = Annotated[ApiDeps, Depends(deps_of)]
