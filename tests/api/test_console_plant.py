"""The plant's buttons: each is one signed-in call to the plant's own control interface."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from infra.plant.control_http import control_http
from infra.plant.process import HOST, listen, port_of, serving
from store.db import Database
from tests.api.hand import TOKEN, Hand
from tests.api.seeding import TECHNICIAN
from tests.api.site import Browser, application, browser, dependencies, hidden


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
async def somebody(database: Database, hand: Hand) -> AsyncIterator[Browser]:
    bound = listen(0)
    url = f"http://{HOST}:{port_of(bound)}"
    plant: Any = hand
    async with serving(control_http(plant, TOKEN), bound):
        app = application(dependencies(database, plant_url=url, plant_token=TOKEN))
        async with browser(app) as found:
            await found.sign_in(TECHNICIAN)
            yield found


async def test_the_page_shows_every_machine_and_who_is_away(somebody: Browser) -> None:
    page = (await somebody.get("/plant")).text
    assert page.index("lathe-1") < page.index("mill-1")
    assert "Spindle overload" in page
    assert "The gateway does not answer." in page
    assert 'action="/plant/clear"' in page


async def test_a_button_does_one_thing_at_the_plant(somebody: Browser, hand: Hand) -> None:
    form = hidden((await somebody.get("/plant")).text, "<h3>lathe-1</h3>")
    assert (await somebody.post("/plant/break", form)).headers["location"] == "/plant?done=break%20lathe-1"
    assert (await somebody.post("/plant/rush", form)).status_code == 303
    assert hand.done == [("break", "lathe-1"), ("rush",)]


async def test_what_the_plant_refuses_or_no_form_of_ours_asks_is_not_done(somebody: Browser, hand: Hand) -> None:
    form = hidden((await somebody.get("/plant")).text, "<h3>lathe-1</h3>")
    refused = await somebody.post("/plant/break", form | {"thing": "mill-1"})
    assert refused.status_code == 422
    assert "mill-1 is down already." in refused.text
    assert (await somebody.post("/plant/break", {"thing": "lathe-1"})).status_code == 403
    assert (await somebody.post("/plant/explode", form)).status_code == 400
    assert (await somebody.get("/plant/break")).status_code == 405
    assert hand.done == []


async def test_a_plant_that_is_away_is_said_to_be(database: Database) -> None:
    app = application(dependencies(database, plant_url="http://127.0.0.1:1", plant_token=TOKEN))
    async with browser(app) as somebody:
        await somebody.sign_in(TECHNICIAN)
        page = await somebody.get("/plant")
        assert page.status_code == 200
        assert "The plant's control does not answer" in page.text.replace("&#39;", "'")
