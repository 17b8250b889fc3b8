"""What the site says about log-ins and about pictures: the groups `console` and `pictures` of its parameters."""

from datetime import timedelta
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.errors import ConfigError, NotFoundError
from domain.language import misfits
from domain.rosters.people import Person
from domain.values import Json, duration
from store.read import site as site_read


def _span(value: object) -> object:
    return duration(value) if isinstance(value, str) else value


Span = Annotated[timedelta, BeforeValidator(_span)]

_Policy = TypeVar("_Policy", bound=BaseModel)


class ConsolePolicy(BaseModel):
    """`idle`: a log-in that nobody used so long is over (NIST SP 800-63B-4, 2.2.3: at most an hour; a
    site may say otherwise). `cooling`: how long a changed address decides nothing above low risk (C9)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    second_factor_roles: list[str] = []
    idle: Span = timedelta(hours=1)
    cooling: Span = timedelta(hours=24)

    def forces(self, person: Person) -> bool:
        """Does this person need an authenticator?"""
        return bool(set(self.second_factor_roles) & set(person.roles))


class PicturePolicy(BaseModel):
    """`keep`: how long after its exception has closed a picture is kept; `most`, `most_bytes`: how many one exception
    (or one person in a day, where they belong to none) may have, and how large all of them together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keep: Span = timedelta(days=3650)
    most: int = Field(default=40, ge=0, le=1000)
    most_bytes: int = Field(default=40_000_000, ge=0)


def checked(content: Json) -> ConsolePolicy:
    """The policy of a site document. Raises ConfigError naming what is wrong in it."""
    _group(content, "pictures", PicturePolicy)
    return _group(content, "console", ConsolePolicy)


def _group(content: Json, name: str, model: type[_Policy]) -> _Policy:
    try:
        return model.model_validate((content.get("parameters") or {}).get(name) or {})
    except ValidationError as error:
        raise ConfigError(f"site document: parameters.{name}: {misfits.first(error, model)}") from None


async def console_policy(session: AsyncSession) -> ConsolePolicy:
    """What is in force; before the first push, the defaults."""
    return _group(await _parameters(session), "console", ConsolePolicy)


async def picture_policy(session: AsyncSession) -> PicturePolicy:
    """What is in force; before the first push, the defaults."""
    return _group(await _parameters(session), "pictures", PicturePolicy)


async def _parameters(session: AsyncSession) -> Json:
    try:
        return {"parameters": (await site_read.site(session)).parameters}
    except NotFoundError:
        return {}
