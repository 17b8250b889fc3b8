"""The console as an app of a phone or desk: its manifest (W3C Web Application Manifest), and the worker that says when
the connection is gone. Neither needs a log-in, and neither holds anything of the plant but its name."""

from fastapi import APIRouter
from fastapi.responses import FileResponse, JSONResponse, Response

from api.deps import Deps
from api.rendering import STATIC

router = APIRouter()
COLOUR = "#0f4c5c"
_SHORT = 12  # characters that a home screen shows


@router.get("/manifest.webmanifest")
async def manifest(deps: Deps) -> Response:
    """It opens at one's own tasks."""
    title = f"mos · {deps.site_title}" if deps.site_title else "mos"
    icons = [
        {"src": "/static/icon.svg", "sizes": "any", "type": "image/svg+xml"},
        *({"src": f"/static/icon-{size}.png", "sizes": f"{size}x{size}", "type": "image/png"} for size in (192, 512)),
        {"src": "/static/icon-maskable-512.png", "sizes": "512x512", "type": "image/png", "purpose": "maskable"},
    ]
    told = {
        "id": "/",
        "name": title,
        "short_name": title if len(title) <= _SHORT else "mos",
        "description": "What is wrong at the plant, and what you are asked",
        "start_url": "/#mine",
        "scope": "/",
        "display": "standalone",
        "background_color": COLOUR,
        "theme_color": COLOUR,
        "icons": icons,
    }
    return JSONResponse(told, media_type="application/manifest+json")


@router.get("/worker.js")
async def worker() -> Response:
    """At the root, since a worker speaks for what is below its own address only."""
    return FileResponse(STATIC / "worker.js", media_type="text/javascript")
