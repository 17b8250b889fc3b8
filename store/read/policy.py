"""What the site says about log-ins: the group `console` of its parameters."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.errors import ConfigError, NotFoundError
from domain.rosters.people import Person
from domain.values import Json, duration
from store.read import site as site_read


def _span(value: object) -> object:
    return duration(value) if isinstance(value, str) else value


Span = Annotated[timedelta, BeforeValidator(_span)]


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


def checked(content: Json) -> ConsolePolicy:
    """The policy of a site document. Raises ConfigError naming what is wrong in it."""
    try:
        return ConsolePolicy.model_validate((content.get("parameters") or {}).get("console") or {})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"site document: parameters.console.{where}: {first['msg']}") from None


async def console_policy(session: AsyncSession) -> ConsolePolicy:
    """What is in force; before the first push, the defaults."""
    try:
        site = await site_read.site(session)
    except NotFoundError:
        return ConsolePolicy()
    return checked({"parameters": site.parameters})
