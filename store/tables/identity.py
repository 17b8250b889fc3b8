"""Who may come in and how we know them: second factors, other log-ins, tokens, enrolments, limits."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Column, Index, LargeBinary, Text
from sqlmodel import Field, SQLModel

from domain.values import Json
from store.tables.columns import document, when


class LimitRow(SQLModel, table=True):
    """How often something happened to somebody: `hits` until `until`, after which it counts from the beginning. One row
    a subject, so that guessing fills no table."""

    __tablename__ = "rate_limit"

    kind: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    hits: int
    until: datetime = when(nullable=False, index=True)


class TotpRow(SQLModel, table=True):
    """A person's authenticator. The secret is encrypted with a key made from the session secret."""

    __tablename__ = "totp"

    person: str = Field(primary_key=True)
    secret: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    begun_at: datetime = when(nullable=False)
    confirmed_at: datetime | None = when()  # before the first right code it asks nothing of anybody
    last_step: int = 0  # the time step of the last code taken: none is taken twice


class RecoveryCodeRow(SQLModel, table=True):
    """A code for who has lost the authenticator, hashed; it is deleted when it is used."""

    __tablename__ = "recovery_code"

    code_hash: str = Field(primary_key=True)
    person: str = Field(index=True)


class IdentityRow(SQLModel, table=True):
    """An account at another identity provider. Only a `bound` one signs in; `proposed` waits for an administrator."""

    __tablename__ = "identity"

    issuer: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    person: str = Field(index=True)
    standing: str  # proposed | bound
    email: str = ""  # verified at the provider, for the administrator to look at
    proposed_at: datetime = when(nullable=False)
    bound_at: datetime | None = when()
    bound_by: str = ""


class OidcFlowRow(SQLModel, table=True):
    """A log-in that came back from the provider: none does so twice."""

    __tablename__ = "oidc_flow"

    state_hash: str = Field(primary_key=True)
    expires_at: datetime = when(nullable=False)


class ApiTokenRow(SQLModel, table=True):
    """A program's key, hashed; it may do what its scopes say, until it expires or is revoked."""

    __tablename__ = "api_token"

    id: str = Field(primary_key=True)
    token_hash: str = Field(unique=True)
    title: str
    person: str = Field(index=True)  # who made it and answers for it
    scopes: Json = document()
    created_at: datetime = when(nullable=False)
    expires_at: datetime = when(nullable=False)
    last_used_at: datetime | None = when()
    revoked_at: datetime | None = when()


class EnrolmentRow(SQLModel, table=True):
    """An address on its way to a person. sent -> verified | failed | expired. `removed`: one that was taken away."""

    __tablename__ = "enrolment"
    __table_args__: ClassVar[Any] = (Index("enrolment_standing", "standing", "expires_at"),)

    id: str = Field(primary_key=True)
    person: str = Field(index=True)
    channel: str
    address: str  # of a Slack account that is to write to us: empty until it did
    code_hash: str
    standing: str = "sent"
    tries: int = 0
    replaces: str = ""  # the verified address that it takes the place of
    begun_by: str
    begun_at: datetime = when(nullable=False)
    expires_at: datetime = when(nullable=False)
    ended_at: datetime | None = when()
    ended_by: str = ""


class UnknownSenderRow(SQLModel, table=True):
    """An address that wrote to us and is nobody's."""

    __tablename__ = "unknown_sender"

    channel: str = Field(primary_key=True)
    address: str = Field(primary_key=True)
    times: int = 1
    first_at: datetime = when(nullable=False)
    last_at: datetime = when(nullable=False, index=True)
    answered_at: datetime | None = when()
    text: str = Field(default="", sa_column=Column(Text, nullable=False))  # what it wrote last, cut short
