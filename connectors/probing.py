"""What a connection may do, tried without changing anything: said when somebody connects a system."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from domain.errors import AuthError, MosError, NotFoundError, TransientError


@dataclass(frozen=True)
class Finding:
    """One thing that was tried. `advice`: what to do when it is missing; `blocks`: without it nothing can be posted."""

    what: str
    ok: bool
    advice: str = ""
    blocks: bool = True


@runtime_checkable
class Probing(Protocol):
    """A System that can be asked what of its permissions and fields is there. Changes nothing."""

    async def probe(self) -> list[Finding]:
        """Raises TransientError when nobody answers; refusals are findings."""
        ...


async def tried(what: str, call: Awaitable[object], *, advice: str = "", blocks: bool = True) -> Finding:
    """A finding of one call: AuthError and other refusals are told with the advice, or with what the system said.
    Raises TransientError."""
    try:
        await call
    except TransientError:
        raise
    except AuthError as error:
        return Finding(what, False, advice or error.message, blocks)
    except NotFoundError as error:
        return Finding(what, False, advice or f"{error.message} {error.detail}".strip(), blocks)
    except MosError as error:
        return Finding(what, False, f"{error.message} {error.detail}".strip(), blocks)
    return Finding(what, True)
