"""Pictures that people sent, for whoever is signed in: made anew by us, so they are nothing but pictures."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.access.visitors import Visitor
from api.deps import ApiDeps, Deps
from domain.errors import NotFoundError
from store.read.evidence import media

router = APIRouter()


@router.get("/pictures/{name}")
async def whole(request: Request, deps: Deps, _: Visitor, name: str) -> Response:
    """As large as it is kept."""
    return await _shown(request, deps, name, small=False)


@router.get("/pictures/{name}/small")
async def thumbnail(request: Request, deps: Deps, _: Visitor, name: str) -> Response:
    """A thumbnail."""
    return await _shown(request, deps, name, small=True)


async def _shown(request: Request, deps: ApiDeps, name: str, *, small: bool) -> Response:
    """A browser that has it is told so, but only after we have seen that somebody is signed in."""
    found = await media.picture(deps.database, name)
    if found is None:
        raise NotFoundError("There is no such picture here, or its time is over.")
    tag = f'"{found.sha256[:32]}{"s" if small else ""}"'
    headers = {"etag": tag, "cache-control": "private, no-cache", "content-disposition": "inline"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(found.small if small else found.data, media_type=found.kind, headers=headers)
