"""One running site for the kill tests: its phones, its plant, its books, and the seams that are armed in it."""

import asyncio
import html
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg
from psycopg.rows import dict_row

from infra.plant.erp.reader import Reader
from infra.plant.plant_control import PlantControl, read_endpoints
from tests.support.kept_plan import BY_HAND, KeptPlan

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 100.0
Value = TypeVar("Value")
Json = dict[str, Any]


def eventually(condition: Callable[[], Value | None], what: str, within: float = PATIENCE_S) -> Value:
    """The first true value of `condition`."""
    deadline = time.monotonic() + within
    while not (value := condition()):
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.1)
    return value


class Site:
    """Everything that a test may look at or press. `data` is the data folder of `tests.chaos.serve`."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._running: subprocess.Popen[str] | None = None

    # -- running ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Until every part is ready."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("MOS_", "SLACK_", "TWILIO_"))}
        self._running = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.serve"],
            env=kept | {"PYTHONPATH": str(ROOT), "MOS_DATA_DIR": str(self.data)},
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=(self.data.parent / "serve.log").open("w"),
            text=True,
        )
        assert self._running.stdout is not None
        assert self._running.stdout.readline().startswith("{"), (self.data.parent / "serve.log").read_text()
        self.attach()

    def attach(self) -> None:
        """Find everybody's address."""
        told = json.loads((self.data / "run" / "plant.json").read_text())
        lines = (self.data / "run" / "product.env").read_text().splitlines()
        self.env = {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}
        self.console = told["api"]
        self.password = Path(told["password_file"]).read_text().strip()
        self.phones_page = str(told["phones"])
        self.phones = httpx.Client(base_url=f"{told['phones']}/control", timeout=30, trust_env=False)
        self.plant = PlantControl(read_endpoints(self.data / "plant" / "endpoints.json"))
        self.plan = KeptPlan(self.data)
        passwords = json.loads(Path(told["erp_credentials"]).read_text())
        self.erp = Reader(told["erp_url"], passwords["plant_reader"])
        self.database = psycopg.connect(self.env["MOS_DATABASE_URL"], autocommit=True, row_factory=dict_row)

    def stop(self) -> None:
        if self._running is not None:
            self._running.send_signal(signal.SIGTERM)
            self._running.wait(60)

    # -- crashes ------------------------------------------------------------------------------------------------------

    @property
    def _crashes(self) -> Path:
        return self.data / "crashes"

    def arm(self, seam: str, *, skip: int = 0, kill: str = "") -> None:
        """The next process that comes to `seam` dies there; `kill`: this part of the stack dies there instead."""
        victim = self.pid(kill) if kill else 0
        part = self._crashes / "part"
        part.write_text(json.dumps({"skip": skip, "victim": victim}))
        part.rename(self._crashes / "armed" / seam)

    def armed(self) -> list[str]:
        """The seams that nothing came to yet."""
        return sorted(file.name for file in (self._crashes / "armed").iterdir())

    def disarm(self) -> None:
        """Take back what is still armed."""
        for name in self.armed():
            (self._crashes / "armed" / name).unlink(missing_ok=True)

    def fired(self, seam: str) -> bool:
        return (self._crashes / "fired" / seam).exists()

    def forget(self, seam: str) -> None:
        (self._crashes / "fired" / seam).unlink(missing_ok=True)

    def pid(self, part: str) -> int:
        """The process id of a part of the stack."""
        rows = json.loads((self.data / "run" / "status.json").read_text())["parts"]
        return int(next(row["pid"] for row in rows if row["name"] == part))

    # -- the product's books ------------------------------------------------------------------------------------------

    def rows(self, query: str, *values: Any) -> list[Json]:
        return self.database.execute(query.encode(), values).fetchall()

    def exceptions(self) -> list[Json]:
        return self.rows("SELECT * FROM plant_exception ORDER BY opened_at")

    def task(self, exception: str, step: str) -> Json | None:
        found = self.rows("SELECT * FROM task WHERE exception_id = %s AND step = %s", exception, step)
        return found[0] if found else None

    def unsent(self, exception: str) -> list[Json]:
        """Messages on their way. One that is only planned, to follow by another channel if nobody reacts, is not."""
        sending = "state = 'sending' OR (state = 'pending' AND (attempts > 0 OR next_at <= now()))"
        return self.rows(f"SELECT * FROM outbox WHERE exception_id = %s AND ({sending})", exception)

    # -- the plant ----------------------------------------------------------------------------------------------------

    def break_down(self, unit: str) -> None:
        asyncio.run(self.plant.break_down(unit))

    def clear(self, unit: str) -> None:
        asyncio.run(self.plant.clear(unit))

    def fail_inspection(self, lot: str) -> None:
        asyncio.run(self.plant.fail_inspection(lot))

    def rush(self) -> str:
        """A clerk enters a rush sale, the MES announces it; the sale's number."""
        return str(asyncio.run(self.plant.rush())["sales_order"])

    def erp_keys(self) -> Counter[str]:
        """How often the ERP's own table holds each key."""
        return Counter(posting.key for posting in self.erp.postings())

    def mes_keys(self) -> Counter[str]:
        """The same in the MES's own file, without what these tests put there."""
        file = self.data / "plant" / "mes.sqlite3"
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
            return Counter(
                key for (key,) in connection.execute("SELECT key FROM posting") if not key.startswith(BY_HAND)
            )

    # -- people -------------------------------------------------------------------------------------------------------

    def received(self, person: str) -> list[Json]:
        """What the product sent to this person's phone, oldest first."""
        screen = self.phones.get(f"/people/{person}").raise_for_status().json()
        return [m for m in screen["messages"] if m.get("direction") == "received" or m["from"] == "app"]

    def press(self, person: str, message: Json, button: str, **inputs: str) -> bool:
        """Press a Slack button, and send the form that it opens; did the product's door answer well? False also when
        the button has just gone."""
        form = button.startswith("form:")
        body = {"ts": message["ts"], "channel": message["channel"], "action_id": button}
        answer = self.phones.post(f"/people/{person}/press", json=body | {"inputs": {} if form else inputs})
        if answer.status_code == httpx.codes.CONFLICT:
            return False
        if not answer.raise_for_status().json()["ok"]:
            return False
        return not form or self._send_form(person, button.removeprefix("form:"), inputs)

    def _send_form(self, person: str, verb: str, inputs: dict[str, str]) -> bool:
        """False when no form opened (the product was away), or it could not be taken."""
        until = time.monotonic() + 5
        while time.monotonic() < until:
            modals = self.phones.get(f"/people/{person}").raise_for_status().json()["modals"]
            views = [modal["view_id"] for modal in modals if modal["callback_id"] == verb]
            if views:
                body = {"view_id": views[-1], "inputs": inputs}
                answer = self.phones.post(f"/people/{person}/submit", json=body)
                return answer.is_success and answer.json()["result"] in ("closed", "cleared")
            time.sleep(0.05)
        return False

    def text(self, person: str, words: str) -> bool:
        """Write an SMS; did the product's door answer well?"""
        return bool(self.phones.post(f"/people/{person}/sms", json={"body": words}).raise_for_status().json()["ok"])

    def sign_in(self, person: str) -> "Console":
        return Console(self.console, person, self.password)


class Console:
    """A browser in which somebody is signed in."""

    def __init__(self, url: str, person: str, password: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False, follow_redirects=True)
        self._password = password
        form = eventually(self._login_form, "the console's log-in page")
        answer = self._http.post("/login", data=form | {"person": person, "password": password})
        assert answer.is_success, answer.text

    def _login_form(self) -> dict[str, str]:
        """Empty while the console is being started again."""
        try:
            return _hidden(self._http.get("/login").text)
        except httpx.TransportError:
            return {}

    def page(self, path: str) -> str:
        """A page as it stands now, its text as people read it."""
        return html.unescape(self._http.get(path).raise_for_status().text)

    def form(self, exception: str, task: str) -> dict[str, str]:
        """The hidden fields of a task's answer form."""
        return _hidden(self._http.get(f"/exceptions/{exception}").text, f'id="{task}"')

    def answer(self, task: str, form: dict[str, str], **fields: str) -> bool:
        """Send the form; False when the connection broke."""
        try:
            signed = {"password": self._password, "meaning": "approve"} | fields
            return (
                self._http.post(f"/tasks/{task}/answer", data=form | signed, follow_redirects=False).status_code == 303
            )
        except httpx.TransportError:
            return False


def _hidden(page: str, after: str = "") -> dict[str, str]:
    form = page[page.index(after) :] if after else page
    fields = re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)"', form.split("</form>")[0])
    return dict(fields)
