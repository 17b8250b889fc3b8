"""Questions that show a server to be ready, asked in its own protocol. Each answers in 2 s at most; a refused or
broken connection is a no."""

import asyncio
import secrets
import ssl
import struct
from pathlib import Path

_LIMIT = 2.0


async def ask(host: str, port: int, question: bytes, answer_length: int, goodbye: bytes = b"") -> bytes:
    """Send bytes, return the first bytes of the answer; empty when there is none. With `goodbye`, say that
    and let the server close."""
    try:
        async with asyncio.timeout(_LIMIT):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(question)
                await writer.drain()
                answer = await reader.readexactly(answer_length)
                if goodbye:
                    writer.write(goodbye)
                    await reader.read()  # until the server has closed: it is done with us then
                return answer
            finally:
                writer.close()
    except (OSError, EOFError, TimeoutError):
        return b""


async def tcp(host: str, port: int, tls: ssl.SSLContext | None = None) -> bool:
    """Does anything accept connections there (and, with `tls`, end the handshake well)?"""
    try:
        async with asyncio.timeout(_LIMIT):
            _, writer = await asyncio.open_connection(host, port, ssl=tls)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def http_ok(host: str, port: int, path: str) -> bool:
    """Is GET `path` answered with status 200?"""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    return (await ask(host, port, request.encode(), 12))[8:] == b" 200"


async def postgres(host: str, port: int, user: str, database: str) -> bool:
    """Does PostgreSQL take log-ins? It then asks for a password ('R'); while starting it answers with an error ('E').
    Start-up message: https://www.postgresql.org/docs/18/protocol-message-formats.html"""
    body = struct.pack("!i", 196608) + f"user\0{user}\0database\0{database}\0\0".encode()
    return await ask(host, port, struct.pack("!i", len(body) + 4) + body, 1) == b"R"


async def mqtt(host: str, port: int, level: int) -> bool:
    """Does an MQTT broker answer CONNECT? `level` 4 = MQTT 3.1.1, 5 = MQTT 5. A refusal is an answer too.
    Packet: https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html section 3.1"""
    client = b"probe-" + secrets.token_hex(6).encode()  # one of its own: taking over a session is no question
    properties = b"\0" if level == 5 else b""
    body = (
        b"\0\4MQTT" + bytes([level, 2]) + struct.pack("!H", 10) + properties + struct.pack("!H", len(client)) + client
    )
    answer = await ask(host, port, bytes([0x10, len(body)]) + body, 4, goodbye=b"\xe0\0")
    return answer[:1] == b"\x20"


async def file_there(path: Path) -> bool:
    """Has the process touched its ready file?"""
    return await asyncio.to_thread(path.exists)
