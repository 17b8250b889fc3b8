"""Signing in the console: the page that shows exactly what is signed, and the signature of an answer."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from admin.access.sessions import Login
from admin.books import signing
from admin.books.signing import Components, Wish
from api.access.visitors import Visitor
from api.deps import ApiDeps, Deps
from api.exceptions.asking import view
from api.rendering import show
from domain.errors import NotFoundError
from store.read import console
from store.read.access import authority
from store.read.console import TaskRow

router = APIRouter()


@router.get("/tasks/{task_id}/sign")
async def sign(request: Request, deps: Deps, login: Visitor, task_id: str) -> Response:
    """Where a message of high risk leads: facts, options, what the signature means, and its two components."""
    task = await console.task(deps.database, task_id)
    if task is None:
        raise NotFoundError("There is no such task. Look for it on the board.")
    reader = await authority.of_reader(deps.database, login.person.id, deps.now())
    ask = view(task, login.person, reader, deps.now())
    if not ask.sign:
        return RedirectResponse(f"/exceptions/{task.exception_id}", 303)
    names = {person.id: person.name for person in (await console.roster(deps.database)).people}
    return await show(request, login, "sign.html", ask=ask, names=names, press=deps.randomness(16).hex())


async def signed(deps: ApiDeps, login: Login, task: TaskRow, form: dict[str, str], press: str) -> str:
    """Keep this person's signature under the answer that they are about to give. Raises as `signing.sign`."""
    version = form.get("task", "").rpartition(":")[2]
    wish = Wish(
        task=task.id,
        version=int(version) if version.isdigit() and len(version) < 7 else 0,
        verb=form.get("verb", ""),
        press=press,
        shown=form.get("shown", ""),
        meaning=form.get("meaning", ""),
    )
    proof = Components(form.get("password", ""), form.get("code", "")[:40])
    return await signing.sign(deps.database, deps.sessions, login, wish, proof, deps.now())
