"""Where the demo's peers are, as `mos demo` wrote it down, and the plant's own control."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from infra.demo.play.patience import NotHappenedError
from infra.plant.loopback import LOOPBACK

_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Peers:
    """Addresses and secrets of one running demo; the player gets no others."""

    logs: str
    phones: str
    control: str
    control_token: str
    erp: str
    erp_password: str
    console: str
    console_password: str


def find_peers(data: Path) -> Peers:
    """Read what `mos demo` left in its data folder. Raises NotHappenedError when no demo runs there."""
    try:
        told = json.loads((data / "run" / "plant.json").read_text(encoding="utf-8"))
        passwords = json.loads(Path(told["erp_credentials"]).read_text(encoding="utf-8"))
        return Peers(
            logs=str(data / "logs"),
            phones=told["phones"],
            control=told["control"],
            control_token=_secret(told["token_file"]),
            erp=told["erp_url"],
            erp_password=passwords["plant_reader"],
            console=told["api"],
            console_password=_secret(told["password_file"]),
        )
    except (OSError, ValueError, KeyError) as error:
        raise NotHappenedError(f"No demo runs on {data} ({error!r}). Start one with mos demo.") from error


def _secret(path: str) -> str:
    return Path(path).read_text(encoding="utf-8").strip()


class Plant:
    """A hand on the floor: every verb goes to the peer that it concerns (OPC UA server, MQTT gateway, MES, ERP)."""

    def __init__(self, peers: Peers) -> None:
        headers = {"authorization": f"Bearer {peers.control_token}"}
        self._http = httpx.Client(
            base_url=peers.control, headers=headers, timeout=_TIMEOUT_S, trust_env=False, verify=LOOPBACK
        )

    def draw(self, seed: int) -> dict[str, Any]:
        """Which machines, lot and sale this seed picks."""
        return self._call("GET", f"/draw?seed={seed}")

    def stop_machine(self, unit: str) -> dict[str, Any]:
        """Let the machine break down."""
        return self._call("POST", f"/break/{unit}", {})

    def clear_machine(self, unit: str) -> dict[str, Any]:
        """Let it run again."""
        return self._call("POST", f"/clear/{unit}", {})

    def fail_inspection(self, lot: str) -> dict[str, Any]:
        """Let the lot be found outside its tolerance."""
        return self._call("POST", f"/fail-inspection/{lot}", {})

    def rush(self, sale: dict[str, Any]) -> dict[str, Any]:
        """Let a customer order something for soon."""
        return self._call("POST", "/rush", sale)

    def stopped(self) -> list[str]:
        """Machines that do not run."""
        status = self._call("GET", "/status")
        units = [unit for part in ("machines", "gateway") if isinstance(status[part], list) for unit in status[part]]
        return [unit["id"] for unit in units if unit["state"] in (2, 8, 9)]

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, json=body)
            answer: dict[str, Any] = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise NotHappenedError(f"The plant's control does not answer {method} {path}: {error!r}.") from error
        if response.is_error:
            raise NotHappenedError(f"The plant refused {method} {path}: {answer.get('detail', response.status_code)}")
        return answer
