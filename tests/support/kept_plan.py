"""The demo plant's plan as it was first, so that every breakdown finds the same orders in its way."""

import json
from pathlib import Path

import httpx

from infra.plant.plant_control import read_endpoints

BY_HAND = "by-hand-"


class KeptPlan:
    """The MES's dispatch list when this was made first; it is kept in the data folder."""

    def __init__(self, data: Path) -> None:
        plant = data / "plant"
        token = (plant / "mes.token").read_text().strip()
        self._mes = httpx.Client(
            base_url=read_endpoints(plant / "endpoints.json").mes,
            headers={"authorization": f"Bearer {token}"},
            trust_env=False,
        )
        self._file = data / "plan.json"
        if not self._file.exists():
            self._file.write_text(json.dumps(self._mes.get("/dispatch-list").raise_for_status().json()["entries"]))

    def restore(self) -> None:
        """As a planner would at the MES's own screen: everything back to its old time."""
        now = self._mes.get("/dispatch-list").raise_for_status().json()
        old = {entry["segment_id"]: entry for entry in json.loads(self._file.read_text())}
        names = ("segment_id", "equipment_id", "start", "end")
        entries = [
            {name: old[entry["segment_id"]][name] for name in names}
            for entry in now["entries"]
            if entry["segment_id"] in old  # a rush order was not there then
            and entry["state"] != "done"
            and any(entry[name] != old[entry["segment_id"]][name] for name in names)
        ]
        if entries:
            marks = {"If-Match": f'"{now["version"]}"', "Idempotency-Key": f"{BY_HAND}{now['version']}"}
            self._mes.put("/dispatch-list", json={"entries": entries}, headers=marks).raise_for_status()
