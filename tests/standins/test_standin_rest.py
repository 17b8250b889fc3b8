"""The home-grown stand-in: its three strategies against doubles, and what it refuses. And that each kind starts."""

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from infra.standins.__main__ import KINDS, Make
from infra.standins.rest.app import RestStandIn, build_app
from infra.standins.serve import serving

STOP = {"machine": "lathe-1", "start": "2026-11-22T08:00:00Z", "reason": "breakdown"}
NOTE = {"about": "JO-1003", "text": "late", "reference": "exc_1"}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with serving(build_app(RestStandIn("token"), "control")) as url, httpx.Client(base_url=url) as client:
        yield client


@pytest.fixture
def web(client: httpx.Client) -> httpx.Client:
    client.headers["authorization"] = "Bearer control"
    client.post("/control/seed")
    client.headers["authorization"] = "Bearer token"
    return client


REFUSED: list[tuple[str, str, dict[str, str], Any, int]] = [
    ("POST", "/downtimes", {}, STOP, 400),
    ("POST", "/downtimes", {"idempotency-key": "k"}, {"machine": "lathe-1"}, 422),
    ("POST", "/downtimes", {"idempotency-key": "k"}, STOP | {"machine": 1}, 422),
    ("POST", "/downtimes", {"idempotency-key": "k"}, STOP | {"nothing": "x"}, 422),
    ("POST", "/notes", {}, [], 400),
    ("PUT", "/orders/JO-1003", {}, {"priority": 1}, 428),
    ("PUT", "/orders/JO-1003", {"if-match": '"9"'}, {"priority": 1}, 412),
    ("PUT", "/orders/JO-9999", {"if-match": '"1"'}, {"priority": 1}, 404),
    ("POST", "/orders", {}, {"priority": 1}, 405),
    ("GET", "/nothing", {}, None, 404),
    ("GET", "/notes?nothing=1", {}, None, 400),
    ("GET", "/notes", {"authorization": "Bearer wrong"}, None, 401),
]


@pytest.mark.parametrize("method, path, headers, body, status", REFUSED)
def test_calls_that_are_refused(
    web: httpx.Client, method: str, path: str, headers: dict[str, str], body: Any, status: int
) -> None:
    assert web.request(method, path, json=body, headers=headers).status_code == status


def test_a_header_key_gives_the_first_answer_again(web: httpx.Client) -> None:
    first, again = (web.post("/downtimes", json=STOP, headers={"idempotency-key": "k"}) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert web.post("/downtimes", json=STOP | {"reason": "x"}, headers={"idempotency-key": "k"}).status_code == 409


def test_a_natural_key_takes_a_version_once_and_no_key_takes_everything(web: httpx.Client) -> None:
    for status in (200, 412):
        assert web.put("/orders/JO-1003", json={"priority": 1}, headers={"if-match": '"1"'}).status_code == status
    for _ in range(2):
        assert web.post("/notes", json=NOTE).status_code == 201
    assert len(web.get("/notes?reference=exc_1").json()) == 2


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_each_kind_has_a_control_interface(make: Make) -> None:
    assert "/control/reset" in {route.path for route in getattr(make("word", "control", None), "routes")}  # noqa: B009


def test_a_standin_starts_as_a_process_and_tells_its_credentials() -> None:
    command = [sys.executable, "-m", "infra.standins", "rest"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address, credentials = process.stdout.readline(), process.stdout.readline()
        process.terminate()
    assert re.fullmatch(r"rest stand-in: http://127\.0\.0\.1:\d+/\n", address)
    assert "control token" in credentials
