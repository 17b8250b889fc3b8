"""Everything that a running demo writes down or tells, as texts to be searched: logs, every row of its database, the
histories that Temporal keeps with their payloads decoded, exports, dossiers, pages of errors, and what `mos` prints."""

import asyncio
import base64
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg import sql
from temporalio.client import Client

from infra.demo.play.console import forms_of
from infra.demo.play.peers import Peers
from infra.plant.loopback import LOOPBACK

_SHORTEST = 8  # what is shorter would be found by chance
_PUBLIC = {"twilio_account_sid"}  # it stands in every address of the vendor
_PAYLOAD = re.compile(r'"data": ?"([A-Za-z0-9+/=]+)"')
_ESCAPED = {b"n": b"\n", b"r": b"\r"}
_BAD = ("/nothing", "/ledger/txn_none", "/exceptions/exc_none", "/definitions/none", "/api/ledger?page=x", "/audit/x")
_PAGES = ("/ledger", "/ledger/systems", "/reconciliation", "/erp", "/inbox", "/api/ledger", "/api/channels", "/people")


def secrets_of(data: Path) -> dict[str, str]:
    """What must never be read, by where it is kept: of the product (sessions, webhooks, Slack, Twilio, database) and of
    the plant's systems (ERP, MES, machines)."""
    files = [*(data / "secrets").iterdir(), *(data / "plant").glob("*.password"), *(data / "plant").glob("*.token")]
    found = {file.name: file.read_text("utf-8", "replace").strip() for file in files if file.name not in _PUBLIC}
    found |= {f"erp {name}": word for name, word in _words(data / "plant" / "erp-credentials.json")}
    found = {name: word for name, word in found.items() if len(word) >= _SHORTEST}
    return {name: max(word.splitlines()[:2], key=len) if "\n" in word else word for name, word in found.items()}


def _words(file: Path) -> Iterator[tuple[str, str]]:
    for name, value in json.loads(file.read_text("utf-8")).items():
        if isinstance(value, str):
            yield name, value


def logs(data: Path) -> Iterator[tuple[str, str]]:
    for file in sorted((data / "logs").rglob("*")):
        if file.is_file():
            yield f"log {file.name}", file.read_text("utf-8", "replace")


def rows(database: str) -> Iterator[tuple[str, str]]:
    """Every row of every table of the product."""
    with psycopg.connect(database) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            every = connection.execute(sql.SQL("SELECT to_jsonb(t)::text FROM {} t").format(sql.Identifier(table)))
            yield f"table {table}", "\n".join(text for (text,) in every)


def histories(address: str, namespace: str) -> Iterator[tuple[str, str]]:
    """Of every workflow, as Temporal exports it and with each payload decoded."""

    async def fetch() -> list[tuple[str, str]]:
        client, found = await Client.connect(address, namespace=namespace), []
        async for run in client.list_workflows():
            history = await client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
            found.append((f"history {run.id}", history.to_json()))
        return found

    for name, exported in asyncio.run(fetch()):
        decoded = [base64.b64decode(text).decode("utf-8", "replace") for text in _PAYLOAD.findall(exported)]
        yield name, "\n".join([exported, *decoded])


def pages(peers: Peers, exceptions: list[str]) -> Iterator[tuple[str, str]]:
    """What somebody with every right reads in the console, what they take out of it, and what goes wrong on the way."""
    about: dict[str, Any] = {"base_url": peers.console, "timeout": 60.0, "follow_redirects": True, "trust_env": False}
    with httpx.Client(verify=LOOPBACK, **about) as http:
        for path, body in (("/webhooks/mes", b"{"), ("/slack/events", b"{"), ("/twilio/inbound", b"x=1")):
            yield f"refused {path}", http.post(path, content=body).text
        (form,) = [one for one in forms_of(http.get("/login").text) if one.action == "/login"]
        wrong = http.post("/login", data=form.fields | {"person": "sofia", "password": "not this one"})
        yield "wrong password", wrong.text
        entered = http.post("/login", data=form.fields | {"person": "sofia", "password": peers.console_password})
        assert "sofia" in entered.text.lower()
        yield from ((path, http.get(path).text) for path in (*_BAD, *_PAGES))
        token = re.search(r'name="csrf" value="([^"]+)"', http.get("/account").text)
        given = {"csrf": token[1] if token else ""}
        for kind in ("csv", "jsonl"):
            for path in ("/audit/export", "/ledger/export"):
                taken = http.post(path, data=given | {"format": kind})
                assert taken.status_code == 200, (path, taken.text[:500])
                yield f"{path} {kind}", taken.text
        for number in exceptions:
            made = http.post(f"/exceptions/{number}/dossier", data=given)
            assert made.content.startswith(b"%PDF"), made.text[:500]
            yield f"dossier {number}", text_of_pdf(made.content)


def text_of_pdf(made: bytes) -> str:
    """The words of a PDF whose fonts are subsets: each font's table of characters, then what is written with them."""
    streams = []
    for match in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", made, re.DOTALL):
        try:
            streams.append(zlib.decompress(match[1]))
        except zlib.error:
            streams.append(match[1])
    tables: list[Mapping[int, str]] = [_table(stream) for stream in streams if b"begincmap" in stream]
    shown = [stream for stream in streams if b" Tj" in stream or b" TJ" in stream]
    found = [made.decode("latin-1"), *(stream.decode("latin-1") for stream in shown)]
    for table in tables:
        found += [_written(stream, table) for stream in shown]
    return "\n".join(found)


def _table(stream: bytes) -> dict[int, str]:
    pairs = re.findall(rb"<([0-9A-Fa-f]{4})>\s*<([0-9A-Fa-f]+)>\s*(?=[<\n])", stream)
    return {int(code, 16): bytes.fromhex(text.decode()).decode("utf-16-be", "replace") for code, text in pairs}


def _written(stream: bytes, table: Mapping[int, str]) -> str:
    words = []
    for raw in re.findall(rb"\(((?:[^()\\]|\\.)*)\)", stream, re.DOTALL):
        plain = re.sub(rb"\\(.)", lambda match: _ESCAPED.get(match[1], match[1]), raw, flags=re.DOTALL)
        codes = [int.from_bytes(plain[at : at + 2], "big") for at in range(0, len(plain) - 1, 2)]
        words.append("".join(table.get(code, "") for code in codes))
    return "".join(words)
