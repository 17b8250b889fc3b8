"""The control API: a test or a demo acts as the people, orders faults and reads what happened. See README.md."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict

from infra.phones.config import Person
from infra.phones.screen import Screens
from infra.phones.slack.people import SlackPeople
from infra.phones.state import Json, State

Last = Annotated[int | None, Query(ge=1)]


class Strict(BaseModel):
    """A request body: an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid")


class Press(Strict):
    """A press: in the message `ts`, else in the view `view_id` (None = the topmost modal)."""

    action_id: str
    ts: str | None = None
    channel: str | None = None
    view_id: str | None = None
    block_id: str | None = None
    option: Any = None
    inputs: Json = {}
    stale: bool = False  # press what the screen no longer shows, with this value
    value: str = ""


class Submit(Strict):
    """A modal's submission; `inputs` is {block_id: {action_id: value}} or {action_id: value}."""

    view_id: str | None = None
    inputs: Json = {}


class Close(Strict):
    """Close a modal."""

    view_id: str | None = None


class Command(Strict):
    """A slash command."""

    command: str
    text: str = ""
    channel: str | None = None


class Write(Strict):
    """A message to the app, or into a channel; `thread_ts`: in the thread of that message."""

    text: str
    thread_ts: str | None = None
    channel: str | None = None


class Home(Strict):
    """A look at the app's home."""

    tab: Literal["home", "messages"] = "home"


class Shortcut(Strict):
    """A shortcut of the app; `ts` names the message for one on a message."""

    callback_id: str
    ts: str | None = None
    channel: str | None = None


def finder(state: State) -> Callable[[str], Person]:
    """The person whom `{who}` of a path names; 404 when there is nobody."""

    def who(name: str) -> Person:
        person = state.person(name)
        if person is None:
            raise HTTPException(404, f"nobody is called {name}")
        return person

    return who


def people_router(state: State, screens: Screens) -> APIRouter:
    """What people see."""
    router = APIRouter(prefix="/control/people")
    who = finder(state)

    @router.get("")
    async def people(last: Last = None) -> list[Json]:
        return screens.all(last)

    @router.get("/{name}")
    async def screen(name: str, last: Last = None) -> Json:
        return screens.of(who(name), last)

    return router


def slack_router(state: State, slack: SlackPeople) -> APIRouter:
    """What people do in Slack."""
    router = APIRouter(prefix="/control/people/{name}")
    who = finder(state)

    @router.post("/press")
    async def press(name: str, given: Press) -> Json:
        if given.ts is None:
            return await slack.press_in_view(who(name), given.view_id, given.action_id, given.model_dump())
        return await slack.press(who(name), given.ts, given.action_id, given.model_dump())

    @router.post("/submit")
    async def submit(name: str, given: Submit) -> Json:
        return await slack.submit(who(name), given.view_id, given.inputs)

    @router.post("/close")
    async def close(name: str, given: Close) -> Json:
        return await slack.close(who(name), given.view_id)

    @router.post("/command")
    async def command(name: str, given: Command) -> Json:
        return await slack.command(who(name), given.command, given.text, given.channel)

    @router.post("/dm")
    async def dm(name: str, given: Write) -> Json:
        return await slack.write(who(name), given.text, given.thread_ts, given.channel)

    @router.post("/home")
    async def home(name: str, given: Home) -> Json:
        return await slack.home(who(name), given.tab)

    @router.post("/shortcut")
    async def shortcut(name: str, given: Shortcut) -> Json:
        return await slack.shortcut(who(name), given.callback_id, given.ts, given.channel)

    return router
