"""Causes things in the plant, the way a hand on the floor does: through each peer's own process."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from infra.plant import misfits
from infra.plant.catalogue import DEFAULT_PATH, Catalogue, RushDraw, load_catalogue
from infra.plant.files import MES_TOKEN, PLANT_TOKEN, secret

if TYPE_CHECKING:
    import httpx

_TIMEOUT_S = 30
EnterSale = Callable[[RushDraw, datetime], str]
"""Enters a sale wanted at a moment; returns the number that the ERP gave it."""


class ControlError(RuntimeError):
    """The plant did not do it; the message says why and what to do."""

    def __init__(self, message: str, status: int = 502) -> None:
        super().__init__(message)
        self.status = status


class ErpAccess(BaseModel):
    """The ERP's address and its credentials file, JSON {login: password}."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    url: str
    credentials: Path


class Endpoints(BaseModel):
    """Where the peers are; `erp` is None when the plant runs without an ERP."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    data: Path
    machines: str
    gateway: str
    mes: str
    erp: ErpAccess | None = None
    catalogue: Path = DEFAULT_PATH


def read_endpoints(path: Path) -> Endpoints:
    """Read the endpoints file. Raises ControlError when it is missing or wrong."""
    try:
        return Endpoints.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ControlError(f"{path} cannot be read ({error.strerror}). Is the plant running?") from error
    except ValidationError as error:
        told = "; ".join(f"{misfits.place(fault) or 'file'}: {misfits.words(fault)}" for fault in error.errors())
        raise ControlError(f"{path} is no endpoints file: {told}.") from error


def draw(catalogue: Catalogue, seed: int) -> dict[str, Any]:
    """What this seed picks for the guided exceptions; the same seed picks the same."""
    chance = random.Random(seed)
    scenarios = catalogue.scenarios
    return {
        "seed": seed,
        "breakdown_a": chance.choice(scenarios.breakdown_a),
        "breakdown_b": chance.choice(scenarios.breakdown_b),
        "hold_lot": chance.choice(scenarios.hold_lots),
        "rush": chance.choice(scenarios.rush).model_dump(),
        "short_order": chance.choice(scenarios.short_orders),
        "slow_order": chance.choice(scenarios.slow_orders),
    }


class PlantControl:
    """The verbs of the plant's control. Every method raises ControlError when a peer refuses or is away."""

    def __init__(self, endpoints: Endpoints, enter_sale: EnterSale | None = None) -> None:
        self.endpoints = endpoints
        self._enter_sale = enter_sale
        self.catalogue = load_catalogue(endpoints.catalogue)

    async def break_down(self, unit_id: str, reason: int | None = None) -> dict[str, Any]:
        """Stop a machine at its own process, then let the MES know."""
        shown = await self._call(self._home_of(unit_id), "POST", f"/work-units/{unit_id}/break", {"reason": reason})
        await self._tell_mes(shown, "down")
        return shown

    async def clear(self, unit_id: str) -> dict[str, Any]:
        """Clear a machine at its own process, then let the MES know."""
        shown = await self._call(self._home_of(unit_id), "POST", f"/work-units/{unit_id}/clear", {})
        await self._tell_mes(shown, "up")
        return shown

    async def fail_inspection(self, lot_id: str, value: float | None = None) -> dict[str, Any]:
        """Record a result at the MES; outside the tolerance unless a value says otherwise."""
        return await self._call(self.endpoints.mes, "POST", "/floor/inspections", {"lot": lot_id, "value": value})

    async def short(self, job_order: str, counted: float | None = None) -> dict[str, Any]:
        """Count less at a machine's infeed than the job order needs; half of it unless a number says otherwise."""
        return await self._call(
            self.endpoints.mes, "POST", "/floor/short", {"job_order": job_order, "counted": counted}
        )

    async def slow(self, job_order: str, minutes: float | None = None) -> dict[str, Any]:
        """Let what runs of a job order take longer; the MES announces it when it will end too late."""
        more = {} if minutes is None else {"minutes": minutes}
        return await self._call(self.endpoints.mes, "POST", "/floor/slow", {"job_order": job_order} | more)

    async def rush(self, sale: RushDraw | None = None) -> dict[str, Any]:
        """Enter a rush sale in the ERP, then let the MES announce it under the number the ERP gave it."""
        enter = self._enter_sale or _erp_entry(self.endpoints.erp)
        wanted_sale = sale or random.choice(self.catalogue.scenarios.rush)
        clock = await self._call(self.endpoints.mes, "GET", "/clock", token=MES_TOKEN)
        wanted = datetime.fromisoformat(clock["as_of"]) + timedelta(minutes=wanted_sale.wanted)
        number = await asyncio.to_thread(enter, wanted_sale, wanted)
        body = wanted_sale.model_dump(include={"customer", "material", "quantity"})
        body |= {"sales_order": number, "wanted": wanted.isoformat()}
        return await self._call(self.endpoints.mes, "POST", "/floor/rush", body)

    async def status(self) -> dict[str, Any]:
        """What every peer says of itself; a peer that is away is named, not fatal."""
        machines, gateway, clock, outbox = await asyncio.gather(
            self._try(self.endpoints.machines, "/work-units", PLANT_TOKEN),
            self._try(self.endpoints.gateway, "/work-units", PLANT_TOKEN),
            self._try(self.endpoints.mes, "/clock", MES_TOKEN),
            self._try(self.endpoints.mes, "/floor/outbox", PLANT_TOKEN),
        )
        return {
            "machines": machines.get("work_units", machines),
            "gateway": gateway.get("work_units", gateway),
            "clock": clock,
            "outbox": outbox.get("outbox", outbox),
            "erp": self.endpoints.erp is not None or self._enter_sale is not None,
        }

    async def _try(self, base: str, path: str, token: str) -> dict[str, Any]:
        try:
            return await self._call(base, "GET", path, token=token)
        except ControlError as error:
            return {"away": str(error)}

    async def _tell_mes(self, shown: dict[str, Any], state: str) -> None:
        reason = shown["stop_reason"]
        body = {"state": state, "reason": reason["text"] if reason else None, "since": shown["since"]}
        await self._call(self.endpoints.mes, "POST", f"/floor/equipment/{shown['id']}/state", body)

    def _home_of(self, unit_id: str) -> str:
        try:
            speaks = self.catalogue.work_unit(unit_id).speaks
        except KeyError as error:
            known = ", ".join(unit.id for unit in self.catalogue.work_units)
            raise ControlError(f"The plant has no work unit {unit_id}. It has: {known}.", 404) from error
        return self.endpoints.machines if speaks == "opcua" else self.endpoints.gateway

    async def _call(
        self, base: str, method: str, path: str, body: dict[str, Any] | None = None, token: str = PLANT_TOKEN
    ) -> dict[str, Any]:
        import httpx  # 0.2 s of processor time that the plant's start can do without: a hand comes later

        from infra.plant.loopback import LOOPBACK

        headers = {"authorization": f"Bearer {secret(self.endpoints.data, token)}"}
        try:
            async with httpx.AsyncClient(
                base_url=base, timeout=_TIMEOUT_S, headers=headers, trust_env=False, verify=LOOPBACK
            ) as client:
                response = await client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise ControlError(f"{base} does not answer ({type(error).__name__}). Is the plant running?") from error
        if not response.is_success:
            raise ControlError(_why(response), response.status_code)
        answer: dict[str, Any] = response.json()
        return answer


def _why(response: httpx.Response) -> str:
    try:
        problem = response.json()
    except ValueError:
        return f"{response.url} answered {response.status_code}."
    faults = "; ".join(f"{fault['loc']}: {fault['msg']}" for fault in problem.get("errors", []))
    return faults or str(problem.get("detail", response.status_code))


def _erp_entry(access: ErpAccess | None) -> EnterSale:
    """The ERP's sales clerk. Raises ControlError when the plant runs without an ERP."""
    if access is None:
        raise ControlError("No ERP is configured: a rush sale must be entered there first. Start the plant with it.")

    # Loaded only when a sale is entered: a plant without its ERP needs none of it.
    from infra.plant.erp.errors import ErpCallError
    from infra.plant.erp.sales import enter_rush_sale

    password = _sales_password(access.credentials)

    def enter(sale: RushDraw, wanted: datetime) -> str:
        asked = sale.model_dump(include={"customer", "material", "quantity"})
        try:
            return enter_rush_sale(access.url, password, **asked, wanted=wanted, comment="Rush").reference
        except (ErpCallError, LookupError) as error:
            raise ControlError(f"The ERP did not take the sale: {error}") from error

    return enter


def _sales_password(path: Path) -> str:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["plant_sales"])
    except (OSError, ValueError, KeyError) as error:
        raise ControlError(f"{path} is no credentials file of the ERP.") from error
