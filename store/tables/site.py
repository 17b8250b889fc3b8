"""Site documents, people, log-ins."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Identity
from sqlmodel import Field, SQLModel

from domain.values import Json
from store.tables.columns import document, when


class DocumentRow(SQLModel, table=True):
    """A version of a site document: `site`, `roster` or `connectors`. The newest of a kind is in force."""

    __tablename__ = "site_document"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    kind: str = Field(index=True)
    version: str
    content: Json = document()
    author: str
    published_at: datetime = when(nullable=False)


class PersonRow(SQLModel, table=True):
    """A person of the roster, as `domain.rosters.people.Person`, with the console's log-in."""

    __tablename__ = "person"

    id: str = Field(primary_key=True)
    data: Json = document()
    password_hash: str | None = None


class ContactRow(SQLModel, table=True):
    """A verified address of a person: the only way from a Slack user id or a phone number to a person."""

    __tablename__ = "contact"

    channel: str = Field(primary_key=True)
    address: str = Field(primary_key=True)
    person: str = Field(index=True)
    verified_at: datetime | None = when()  # by a code; None = whoever pushed the roster answers for it
    verified_by: str = ""
    usable_from: datetime | None = when()  # decisions above low risk count from here only (it was changed, C9)


class SessionRow(SQLModel, table=True):
    """A console log-in: the hash of its cookie's token. It opens pages only when its stage is `in`."""

    __tablename__ = "console_session"

    token_hash: str = Field(primary_key=True)
    person: str = Field(index=True)
    csrf: str
    created_at: datetime = when(nullable=False)
    expires_at: datetime = when(nullable=False)
    seen_at: datetime | None = when()
    stage: str = "in"  # in | second: a code is still to come | enrol: an authenticator is still to be set up
    by: str = "password"  # password | oidc
    number: str = ""  # how the list of log-ins names it
    browser: str = ""  # as it calls itself
    address: str = ""  # where it came from
    confirmed_at: datetime | None = when()  # when all components were last given for a signature
