"""The OPC UA server of the plant: `python -m infra.plant.machines`. Interface: README.md."""

from __future__ import annotations

import argparse
import asyncio
import logging
import secrets
import socket
import time
from pathlib import Path
from typing import Any

from asyncua import ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.server import Server
from asyncua.server.user_managers import UserManager
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from infra.plant.catalogue import Catalogue
from infra.plant.files import OPCUA_PASSWORD, PLANT_TOKEN, secret
from infra.plant.machine import MachinePark
from infra.plant.machine_control import control_app
from infra.plant.opcua_nodes import OpcUaDisplay
from infra.plant.opcua_space import CACHE, StandardSpaceServer
from infra.plant.process import (
    HOST,
    free_port,
    listen,
    plant_parser,
    port_of,
    read_catalogue,
    ready,
    run,
    serving,
    until_told_to_stop,
)

USER = "mos"
_SAVE_EVERY_S = 10


class _Users(UserManager):
    """The one OPC UA user of the plant."""

    def __init__(self, password: str) -> None:
        self._password = password.encode()

    def get_user(
        self, iserver: Any, username: str | None = None, password: str | None = None, certificate: Any = None
    ) -> User | None:
        if username == USER and secrets.compare_digest((password or "").encode(), self._password):
            return User(role=UserRole.User, name=USER)
        return None


async def build_server(catalogue: Catalogue, park: MachinePark, port: int, data: Path, *, allow_none: bool) -> Server:
    """An OPC UA server with all machines, not started yet."""
    server = Server(iserver=StandardSpaceServer(_Users(secret(data, OPCUA_PASSWORD)), CACHE))
    # ConditionRefresh is only bound when this is set before init; the number is the severity of its own events.
    server.iserver.bind_condition_methods = 100
    await server.init()
    root = f"{catalogue.site.enterprise}/{catalogue.site.site}"
    uri = f"urn:{root.replace('/', ':')}:machines"
    server.set_endpoint(f"opc.tcp://{HOST}:{port}/{root}")
    server.set_server_name(f"{catalogue.site.title} machines")
    await server.set_application_uri(uri)
    await _secure(server, uri, data, allow_none=allow_none)
    namespace = await server.register_namespace(f"{uri}:packml")
    await OpcUaDisplay(server, namespace, park).build()
    return server


async def _secure(server: Server, uri: str, data: Path, *, allow_none: bool) -> None:
    key, certificate = data / "opcua-server.pem", data / "opcua-server.der"
    usage = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    await setup_self_signed_certificate(
        key, certificate, uri, socket.gethostname(), usage, {"organizationName": "Havel Drives"}
    )
    key.chmod(0o600)
    await server.load_certificate(certificate)
    # What was looked at a moment ago is in order: looking again for what makes a key bad takes 0.05 s.
    server.iserver.private_key = load_pem_private_key(key.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
    policies = [ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]
    server.set_security_policy([*policies, ua.SecurityPolicyType.NoSecurity] if allow_none else policies)
    server.set_identity_tokens([ua.UserNameIdentityToken])


async def work(park: MachinePark) -> None:
    """Let the machines work, for ever: counters move in Execute, at most once a second."""
    seconds = 0
    while True:
        await asyncio.sleep(1)
        for machine in park.machines.values():
            await machine.tick()
        seconds += 1
        if seconds % _SAVE_EVERY_S == 0:
            park.save()


async def serve(options: argparse.Namespace) -> None:
    """Run the machines until told to stop."""
    started = time.monotonic()
    options.data.mkdir(parents=True, exist_ok=True)
    catalogue = read_catalogue(options.catalogue)
    units = catalogue.units_speaking("opcua")
    park = MachinePark(catalogue, units, options.data / "machines.json", seed=options.seed, pace_s=options.pace)
    port = options.port or free_port()
    control = listen(options.control_port)
    server = await build_server(catalogue, park, port, options.data, allow_none=options.allow_none)
    for machine in park.machines.values():
        await machine.resume()
    async with server, serving(control_app(park, secret(options.data, PLANT_TOKEN)), control):
        logging.getLogger(__name__).info("started in %.1f s", time.monotonic() - started)
        ready("machines-control", f"http://{HOST}:{port_of(control)}")
        ready("machines", server.endpoint.geturl())
        working = asyncio.create_task(work(park))
        await until_told_to_stop()
        working.cancel()
    park.save()


def main() -> None:
    """Command line of the OPC UA server."""
    parser = plant_parser("machines", "The machines that speak OPC UA.")
    parser.add_argument("--port", type=int, required=True, help="OPC UA port, 0 = a free one")
    parser.add_argument("--control-port", type=int, required=True, help="HTTP control port, 0 = a free one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pace", type=float, default=0.2, help="seconds between two steps of a transition")
    parser.add_argument("--allow-none", action="store_true", help="add an endpoint without security")
    run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
