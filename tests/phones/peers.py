"""The stand-in phones as a process of their own, and the application that the vendors call back."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
from slack_sdk import WebClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

Json = dict[str, Any]
ROOT = Path(__file__).parents[2]
TOKEN = "xoxb-stand-in-token"
APP_TOKEN = "xapp-1-stand-in"
SECRET = "a-signing-secret-for-tests"
ACCOUNT = "AC" + "a1" * 16
AUTH = "an-auth-token-for-tests"
SERVICE, EMPTY_SERVICE = "MG" + "b2" * 16, "MG" + "c3" * 16
CONTENT = "HX" + "d4" * 16
NUMBER, WHATSAPP = "+15005550006", "+15005550099"
MAILBOX, TESS_WHATSAPP, LANDLINE = "tess@plant.example", "+420600100011", "+420600100009"
TESS, PAUL, GONE, GUEST = "U0TESS", "U0PAUL", "U0GONE", "U0GUEST"
TESS_PHONE, PAUL_PHONE, ONLY_SMS = "+420600100001", "+420600100002", "+420600100003"
SCOPES = ["chat:write", "users:read", "users:read.email", "im:write", "im:history", "commands", "channels:read"]
PATIENCE = 60  # seconds that a starved process of the other end may take; green runs never wait them
# Wide enough that only the tests of the rates and of the vendor's patience meet them.
WIDE = {
    "posts_per_second": 1000,
    "post_burst": 1000,
    "calls_per_minute": {f"t{n}": 100_000 for n in range(1, 6)},
    "event_retry_seconds": [0.0, 0.01, 0.02],
    "acknowledge_seconds": PATIENCE,
    "trigger_seconds": 600.0,
}


def configuration(limits: Json | None = None, **slack: Any) -> Json:
    """A configuration of two people, a guest, a leaver and somebody with a plain phone."""
    people: list[Json] = [
        {"name": "Tess Technician", "title": "Technician", "slack_user_id": TESS, "phone": TESS_PHONE},
        {"name": "Paul Planner", "title": "Planner", "slack_user_id": PAUL, "phone": PAUL_PHONE},
        {"name": "Olga Operator", "title": "Operator", "phone": ONLY_SMS},
        {"name": "Gone Person", "slack_user_id": GONE, "deleted": True},
        {"name": "Guest Person", "slack_user_id": GUEST, "is_restricted": True},
    ]
    people[0] |= {"email": MAILBOX, "whatsapp": TESS_WHATSAPP}
    people[1]["reachable"] = False
    people.append({"name": "Desk Phone", "phone": LANDLINE, "line": "landline"})
    channels: list[Json] = [
        {"id": "C0FLOOR", "name": "floor"},
        {"id": "C0NOTIN", "name": "elsewhere", "app_is_member": False},
        {"id": "C0OLD", "name": "old", "archived": True},
        {"id": "C0PAUL", "name": "planners", "members": [PAUL]},
    ]
    workspace: Json = {"team_id": "T0PLANT", "app_id": "A0ROUTER", "bot_user_id": "U0ROUTER", "bot_token": TOKEN}
    shortcuts = [{"callback_id": "report_here", "name": "Report", "type": "message"}]
    shortcuts.append({"callback_id": "report", "name": "Report", "type": "global"})
    workspace |= {"app_token": APP_TOKEN, "shortcuts": shortcuts}
    workspace |= {"signing_secret": SECRET, "scopes": SCOPES, "commands": ["/mos"], "channels": channels}
    services = [{"sid": SERVICE, "senders": [NUMBER]}, {"sid": EMPTY_SERVICE}]
    twilio: Json = {
        "account_sid": ACCOUNT,
        "auth_token": AUTH,
        "from_numbers": [NUMBER],
        "messaging_services": services,
    }
    twilio |= {"contents": {CONTENT: "Order {{1}} is late"}, "status_delay_seconds": 0.01}
    twilio |= {"calls_per_second": 10_000.0, "whatsapp_senders": [WHATSAPP], "approval_seconds": 0.05}
    twilio |= {"call_delay_seconds": 0.01, "word_seconds": 0.0, "webhook_seconds": PATIENCE}
    # A menu waits for whoever presses a key; the tests of silence shorten it.
    twilio |= {"gather_seconds": PATIENCE}
    return {"people": people, "slack": workspace | {"limits": WIDE | (limits or {})} | slack, "twilio": twilio}


def signed(url: str, form: dict[str, str], signature: str) -> bool:
    """Whether the vendor's own library believes a request of Twilio."""
    return bool(RequestValidator(AUTH).validate(url, form, signature))  # type: ignore[no-untyped-call]


class Phones:
    """`python -m infra.phones` as a child process; usable as a context manager, restartable on the same data."""

    def __init__(self, folder: Path, config: Json) -> None:
        self.folder, self.url, self.process = folder, "", None
        (folder / "phones.json").write_text(json.dumps(config))

    process: "subprocess.Popen[str] | None"

    def __enter__(self) -> "Phones":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start and wait for the printed address."""
        arguments = ["--port", "0", "--config", str(self.folder / "phones.json"), "--data", str(self.folder / "data")]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "infra.phones", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        self.url = self.process.stdout.readline().partition(": ")[2].strip().rstrip("/")
        assert self.url.startswith("http://127.0.0.1:"), "the phones did not start"
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=PATIENCE)

    def stop(self, *, kill: bool = False) -> None:
        """Stop, or kill as a power cut would."""
        if self.process:
            self.http.close()
            (self.process.kill if kill else self.process.terminate)()
            self.process.wait(PATIENCE)
            assert self.process.stdout
            self.process.stdout.close()
            self.process = None

    def slack(self, token: str = TOKEN) -> WebClient:
        """The vendor's own client with only the base URL changed."""
        return WebClient(token, base_url=f"{self.url}/slack/api/", timeout=PATIENCE)

    def twilio(self, token: str = AUTH) -> Client:
        """The vendor's own client with only the base URL changed."""
        client = Client(ACCOUNT, token)  # type: ignore[no-untyped-call]
        client.api.base_url = client.content.base_url = f"{self.url}/twilio"
        return client

    def address(self, name: str) -> str:
        """host:port of a vendor's own door."""
        return str(self.get("addresses")[name])

    def get(self, path: str, **query: Any) -> Any:
        """GET /control/<path>"""
        return self.http.get(f"/control/{path}", params=query).raise_for_status().json()

    def do(self, path: str, **body: Any) -> Any:
        """POST /control/<path>"""
        return self.http.post(f"/control/{path}", json=body).raise_for_status().json()

    def person(self, name: str, verb: str, **body: Any) -> Json:
        """One person does something."""
        done: Json = self.do(f"people/{name}/{verb}", **body)
        return done

    def screen(self, name: str) -> Json:
        """What one person sees."""
        seen: Json = self.get(f"people/{name}")
        return seen

    def configure(self, **changes: Json) -> None:
        """PATCH /control/settings"""
        self.http.patch("/control/settings", json=changes).raise_for_status()

    def until(self, holds: Callable[[], Any]) -> Any:
        """Wait, woken by each change, until `holds` returns something true."""
        revision, deadline = 0, time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if found := holds():
                return found
            revision = self.get("wait", after=revision, seconds=0.1)["revision"]
        raise AssertionError("the condition did not come true")


@dataclass
class Received:
    """One callback as the product got it: the raw bytes decide."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The form fields, blank ones included."""
        return {k: v[0] for k, v in parse_qs(self.body.decode(), keep_blank_values=True).items()}

    @property
    def payload(self) -> Json:
        """The JSON of an interaction."""
        loaded: Json = json.loads(self.form["payload"])
        return loaded


@dataclass
class Application:
    """The product's place: records each callback and answers as told (status, content type, body)."""

    answer: Callable[[Received], tuple[int, str, str]] = lambda _: (200, "text/plain", "")
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # what GET of a path returns
    received: list[Received] = field(default_factory=list)
    url: str = ""

    def __enter__(self) -> "Application":
        application = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                got = Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                application.received.append(got)
                status, kind, text = application.answer(got)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def do_GET(self) -> None:
                kind, content = application.files.get(self.path, ("", b""))
                self.send_response(200 if kind else 404)
                self.send_header("Content-Type", kind or "text/plain")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
