"""Starts the plant's peers as the real processes they are, for tests."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import httpx
from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from cryptography.x509.oid import ExtendedKeyUsageOID

START_TIMEOUT_S = 60.0
PATIENCE_S = 60.0  # that a starved process of the other end may take; green runs never wait it
T = TypeVar("T")


class Peer:
    """One running process of the plant and the addresses it announced."""

    def __init__(self, module: str, *arguments: str, expect: int = 1) -> None:
        command = [sys.executable, "-m", f"infra.plant.{module}", *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.address = dict(self._ready() for _ in range(expect))

    def kill(self) -> None:
        """End it the hard way."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """End it the clean way; returns its exit code."""
        self._process.terminate()
        return self._process.wait(PATIENCE_S)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def _ready(self) -> tuple[str, str]:
        line = self._lines.get(timeout=START_TIMEOUT_S)
        word, name, address = line.split()
        assert word == "ready"
        return name, address


@contextmanager
def running(module: str, *arguments: str, expect: int = 1) -> Iterator[Peer]:
    """A peer for as long as the block lasts."""
    peer = Peer(module, *arguments, expect=expect)
    try:
        yield peer
    finally:
        peer.kill()


def anchor(minutes_ago: float = 0) -> str:
    """An anchor that lies this far back, as an option."""
    return (datetime.now(UTC) - timedelta(minutes=minutes_ago)).isoformat()


def token(data: Path, name: str) -> dict[str, str]:
    """The headers that present this token."""
    return {"authorization": f"Bearer {(data / name).read_text().strip()}"}


def plant_post(base: str, data: Path, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
    """A POST with the plant's own token."""
    return httpx.post(base + path, json=body or {}, headers=token(data, "plant.token"), timeout=PATIENCE_S)


def until(look: Callable[[], T], seconds: float = PATIENCE_S) -> T:
    """Look until it is true, without a fixed wait; fails when it does not become true in time."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return seen


class Receiver:
    """A webhook receiver: keeps what it gets and answers what it is told to."""

    def __init__(self, port: int = 0) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(outer.answers.pop(0) if outer.answers else 202)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhooks/mes"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_port)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def patient_client(url: str) -> Client:
    """It does not take a server for gone that stands still for a second, as the library does by itself."""
    return Client(url, timeout=PATIENCE_S, watchdog_intervall=PATIENCE_S)


@asynccontextmanager
async def opcua_client(url: str, folder: Path, password: str, *, username: str | None = "mos") -> AsyncIterator[Client]:
    """An OPC UA client on Basic256Sha256, SignAndEncrypt, with a certificate of its own."""
    client = patient_client(url)
    client.application_uri = "urn:havel:test:client"
    key, certificate = folder / "client.pem", folder / "client.der"
    usage = [ExtendedKeyUsageOID.CLIENT_AUTH]
    await setup_self_signed_certificate(key, certificate, client.application_uri, "127.0.0.1", usage, {})
    mode = ua.MessageSecurityMode.SignAndEncrypt
    await client.set_security(SecurityPolicyBasic256Sha256, certificate, key, mode=mode)
    if username is not None:
        client.set_user(username)
        client.set_password(password)
    async with client:
        yield client
