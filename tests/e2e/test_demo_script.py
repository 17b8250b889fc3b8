"""The demo's script says the truth: 0 when all of it happened, 1 when one thing on the way is switched off."""

import contextlib
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from infra.demo.play.peers import find_peers
from infra.demo.play.phones import Phones
from infra.plant.catalogue import load_catalogue
from infra.plant.plant_control import draw
from tests.support import everything_said
from tests.support.kept_plan import KeptPlan
from tests.support.vendor_rules import assert_rules_kept

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
ROOT = Path(__file__).resolve().parents[2]
READY_S, END_S = 400, 60


class Demo:
    """One `mos demo` in a folder of its own."""

    def __init__(self) -> None:
        # Not pytest's tmp_path: its parent is closed to the account that PostgreSQL runs as when we are root.
        self.folder = Path(tempfile.mkdtemp(prefix="mos-e2e-"))
        self.folder.chmod(0o711)
        self.data = self.folder / "data"
        self._running: subprocess.Popen[str] | None = None

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MOS_", "SLACK_", "TWILIO_"))}
        return kept | {"PYTHONPATH": str(ROOT), "MOS_DATA_DIR": str(self.data)}

    def start(self) -> None:
        """Unless it runs already."""
        if self._running is not None:
            return
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "infra.cli", "demo"]
        self._running = subprocess.Popen(
            command, env=self.environment(), cwd="/", stdin=subprocess.DEVNULL, stdout=pipe, stderr=2, text=True
        )
        assert self._running.stdout is not None
        seen = []
        for line in self._running.stdout:
            seen.append(line)
            if line.startswith("ready in"):
                threading.Thread(target=self._running.stdout.read, daemon=True).start()
                self._patient()
                return
        raise AssertionError("mos demo ended: " + "".join(seen))

    def _patient(self) -> None:
        """The vendors wait longer than their three seconds for a door: here it may be the machine that stands still."""
        with httpx.Client(base_url=f"{self.told('phones')}/control", timeout=60) as phones:
            limits = phones.get("/settings").raise_for_status().json()["slack"]["limits"]
            slack = {"limits": limits | {"acknowledge_seconds": 30.0, "trigger_seconds": 300.0}}
            told = phones.patch("/settings", json={"slack": slack, "twilio": {"webhook_seconds": 30.0}})
            told.raise_for_status()

    def stop(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.send_signal(signal.SIGTERM)
            try:
                running.wait(END_S)
            except subprocess.TimeoutExpired:
                running.kill()
                raise

    def run(self, *command: str, within: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *command],
            env=self.environment(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=within,
            check=False,
        )

    def play(self, seed: int, patience: float, within: float) -> subprocess.CompletedProcess[str]:
        arguments = ["--data", str(self.data), "--seed", str(seed), "--patience", str(patience)]
        return self.run("infra.demo.play", *arguments, within=within)

    def told(self, name: str) -> Any:
        return json.loads((self.data / "run" / "plant.json").read_text())[name]


@pytest.fixture(scope="module")
def folder() -> Iterator[Demo]:
    demo = Demo()
    try:
        yield demo
    finally:
        demo.stop()
        shutil.rmtree(demo.folder, ignore_errors=True)


@pytest.fixture
def demo(folder: Demo) -> Demo:
    """Running. The tests of this file follow each other on one plant, which remembers."""
    folder.start()
    KeptPlan(folder.data)
    return folder


def _seed(machine: str) -> int:
    """The first seed that lets this machine break down before everything else."""
    plant = load_catalogue()
    return next(seed for seed in range(100) if draw(plant, seed)["breakdown_a"] == machine)


def test_script_plays_all_of_it(demo: Demo) -> None:
    played = demo.play(_seed("lathe-1"), patience=90, within=500)
    assert played.returncode == 0, played.stdout
    assert "All of it happened." in played.stdout
    assert_rules_kept(demo.told("phones"))
    for exception in ("breakdown of lathe-1", "breakdown of (lathe|mill)-2", "quality hold of L-", "rush order of"):
        assert re.search(rf"^{exception}(.* \d+\.\d\d s){{3}}", played.stdout, re.M), played.stdout


def test_c7_no_secret_is_in_anything_that_is_written_or_told(demo: Demo) -> None:
    """After all of that: not in a log, row, history, export, dossier, page of an error, or in what `mos` prints."""
    lines = (demo.data / "run" / "product.env").read_text().splitlines()
    env = {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}
    database, temporal = env["MOS_DATABASE_URL"], (env["MOS_TEMPORAL_ADDRESS"], env["MOS_TEMPORAL_NAMESPACE"])
    with psycopg.connect(database) as connection:
        ids = [str(row[0]) for row in connection.execute("SELECT id FROM plant_exception ORDER BY opened_at LIMIT 2")]
    commands = (
        ["status"],
        ["versions"],
        ["audit", "verify"],
        ["audit", "export", "--by", "sofia"],
        ["roster", "export"],
        ["no-such"],
    )
    said = {
        **dict(everything_said.logs(demo.data)),
        **dict(everything_said.rows(database)),
        **dict(everything_said.histories(*temporal)),
        **dict(everything_said.pages(find_peers(demo.data), ids)),
        **{f"mos {' '.join(one)}": demo.run("infra.cli", *one, within=60).stdout for one in commands},
    }
    for kind in ("log ", "table ledger", "history ", "dossier ", "mos audit export", "/audit/export csv"):
        told = "".join(text for name, text in said.items() if name.startswith(kind))
        assert len(told) > 200, f"{kind} says something"
    assert "is down" in "".join(text for name, text in said.items() if name.startswith("dossier "))
    secrets = everything_said.secrets_of(demo.data)
    assert {"webhook", "slack_bot_token", "twilio_auth_token", "mes.token", "erp-product.password"} <= secrets.keys()
    found = {(where, name) for where, text in said.items() for name, word in secrets.items() if word in text}
    assert found <= {("wrong password", "console_password")}, "but for the demo's own, which its log-in page tells"


def test_guide_leads_to_a_finished_exception(demo: Demo) -> None:
    """The terminal notices what is done on the phones, and ends when the ERP holds it."""
    machine = "mill-1"
    seed, title = _seed(machine), load_catalogue().work_unit(machine).title
    leader, follower = pty.openpty()
    arguments = ["--data", str(demo.data), "--seed", str(seed)]
    command = [sys.executable, "-m", "infra.demo.guide", *arguments]
    with subprocess.Popen(
        command, env=demo.environment(), cwd="/", stdin=follower, stdout=subprocess.PIPE, text=True
    ) as guide:
        os.write(leader, b"\n")
        assert guide.stdout is not None
        said = _follow(guide.stdout, Phones(find_peers(demo.data)), title)
    os.close(leader)
    os.close(follower)
    assert guide.returncode == 0, said
    assert "Your first exception is finished" in said
    assert "a downtime with its cause" in said


def _follow(lines: Iterator[str], phones: Phones, title: str) -> str:
    """Do what the guide says, when it says it."""
    said = []
    for line in lines:
        said.append(line)
        task = [m for m in phones.received("jonas") if f"Repair {title}" in m.text]
        if line.startswith("1."):
            phones.press("jonas", task[-1], "accept")
        elif line.startswith("2."):
            phones.press("jonas", task[-1], "answer:estimate:2h")
        elif line.startswith("3."):
            plan = [m for m in phones.received("lena") if f"New plan for {title}" in m.text]
            phones.press("lena", plan[-1], "approve:push_right")
        elif line.startswith("4."):
            phones.press("jonas", task[-1], "done", {"cause": "chips in the gear"})
    return "".join(said)


def test_script_fails_when_nothing_can_be_posted(demo: Demo) -> None:
    KeptPlan(demo.data).restore()  # where orders were pushed right before, there may be nothing left to move
    with _posting_refused(demo):
        played = demo.play(_seed("mill-1"), patience=30, within=150)
    assert played.returncode == 1, played.stdout
    assert "the ERP holds no new times" in played.stdout, played.stdout


@contextlib.contextmanager
def _posting_refused(demo: Demo) -> Iterator[None]:
    """The ERP's own table of postings takes no row: at once, and for every process of the ERP."""
    pid_file = next((demo.data / "plant" / "erp").rglob("postmaster.pid"))
    sockets = pid_file.read_text().splitlines()[4]  # its fifth line: the folder of the Unix socket
    with psycopg.connect(f"postgresql://postgres@/erp?host={sockets}", autocommit=True) as database:
        database.execute("SET lock_timeout = '20s'")
        database.execute(
            "CREATE FUNCTION e2e_refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'posting is switched off'; END $$"
        )
        database.execute(
            "CREATE TRIGGER e2e_refuse BEFORE INSERT ON mfgos_posting FOR EACH ROW EXECUTE FUNCTION e2e_refuse()"
        )
        try:
            yield
        finally:
            database.execute("DROP TRIGGER e2e_refuse ON mfgos_posting")
            database.execute("DROP FUNCTION e2e_refuse()")


def test_script_fails_when_callbacks_are_signed_with_another_secret(demo: Demo) -> None:
    phones = f"{demo.told('phones')}/control"
    for vendor in ("slack", "twilio"):
        order = {"vendor": vendor, "kind": "wrong_secret", "times": 1000}
        httpx.post(f"{phones}/sabotage", json=order, timeout=60).raise_for_status()
    try:
        played = demo.play(_seed("lathe-1"), patience=20, within=120)
    finally:
        httpx.delete(f"{phones}/orders", timeout=60).raise_for_status()
    assert played.returncode == 1, played.stdout
    assert re.search(r"refused it: http_40[13]", played.stdout), played.stdout


def test_script_fails_without_the_worker(folder: Demo) -> None:
    """By the command itself: it stops what it started and hands the player's verdict on."""
    folder.stop()
    arguments = ["--script", "--seed", str(_seed("lathe-1")), "--patience", "10", "--without", "worker"]
    played = folder.run("infra.cli", "demo", *arguments, within=READY_S)
    assert played.returncode == 1, played.stdout
    assert "jonas gets no message" in played.stdout
    assert played.stdout.rstrip().splitlines()[-2] == "stopped", played.stdout
