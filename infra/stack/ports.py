"""Loopback ports: the operator's, else the last run's, else a free one."""

import json
import random
import socket

from domain.errors import ConfigError
from infra.stack.folder import DataFolder, read_json, write_private

# Below the kernel's range for outgoing connections, so that none can sit on a port while its part restarts.
_RANGE = range(15000, 32000)


class Ports:
    """Hands out each port once and remembers them in <data>/run/endpoints.json."""

    def __init__(self, folder: DataFolder) -> None:
        self._file = folder.endpoints_file
        known = read_json(self._file).get("ports")
        self._known = {str(k): v for k, v in known.items() if isinstance(v, int)} if isinstance(known, dict) else {}
        self._taken: dict[str, int] = {}

    def take(self, name: str, fixed: int | None = None, setting: str = "", host: str = "127.0.0.1") -> int:
        """A port for `name`. Raises ConfigError when the `fixed` one, given by `setting`, is in use."""
        if fixed is not None:
            if not self._free(fixed, host):
                raise ConfigError(f"Port {fixed} ({setting}) is in use: stop what uses it, or set another {setting}")
            self._taken[name] = fixed
        elif name not in self._taken:
            known = self._known.get(name)
            self._taken[name] = known if known and self._free(known, host) else self._choose(host)
        return self._taken[name]

    def save(self, addresses: dict[str, str]) -> None:
        """Keep the ports, and the addresses made of them, for the next start and for other programs."""
        write_private(self._file, json.dumps({"ports": self._taken, "addresses": addresses}, indent=1))

    def _choose(self, host: str) -> int:
        for candidate in random.SystemRandom().sample(_RANGE, 200):
            if self._free(candidate, host):
                return candidate
        raise ConfigError("No free port found between 15000 and 32000: stop something, or set the ports (MOS_*_PORT)")

    def _free(self, port: int, host: str) -> bool:
        if port in self._taken.values():
            return False
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except socket.gaierror:
                raise ConfigError(f"{host} is no address of this machine: correct MOS_API_HOST") from None
            except OSError:
                return False
        return True
