"""A 500 that the system's own framework told: it has rolled the call back, so nothing is unknown."""

from collections.abc import Awaitable, Callable

import httpx

from domain.values import Json

_SERVER_ERROR, _REFUSED = 500, 422


def told(response: httpx.Response) -> Json:
    """What a refusal says, if it says it in JSON; else nothing."""
    try:
        return response.json()
    except ValueError:
        return {}


def rolled_back(field: str) -> Callable[[httpx.Response], Awaitable[None]]:
    """A response hook for frameworks in which one call is one transaction: a 500 whose JSON names the exception in
    `field` is read as a refusal. A 500 without it (of a proxy, say) stays what it is: nobody knows."""

    async def hook(response: httpx.Response) -> None:
        if response.status_code != _SERVER_ERROR:
            return
        await response.aread()
        try:
            said = response.json()
        except ValueError:
            return
        if isinstance(said, dict) and said.get(field):
            response.status_code = _REFUSED

    return hook
