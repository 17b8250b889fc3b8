"""Slack's place for one question only, who an account is: `python -m bench.accounts PORT`. The bench's presses are of
known accounts; nobody decides anything whom Slack does not vouch for."""

import sys

from aiohttp import web


async def _account(request: web.Request) -> web.Response:
    asked = await request.post() or request.query
    return web.json_response({"ok": True, "user": {"id": str(asked.get("user", "")), "deleted": False}})


def main(port: int) -> None:
    """Answers users.info until it is stopped."""
    app = web.Application()
    app.router.add_route("*", "/api/users.info", _account)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


if __name__ == "__main__":
    main(int(sys.argv[1]))
