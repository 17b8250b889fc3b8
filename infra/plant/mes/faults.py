"""Faults on demand: a MES that is busy, or that has done the work and whose answer does not come in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from infra.plant.problem import Problem


class Fault(BaseModel):
    """The next `times` postings are refused with 503, or done and answered only after `delay_s`."""

    mode: Literal["refuse", "stall"]
    times: int = Field(default=1, ge=0)
    delay_s: float = Field(default=5, ge=0, le=120)


class Faults:
    """The fault that is set now, if any. It is forgotten at a restart."""

    def __init__(self) -> None:
        self._fault: Fault | None = None

    def router(self) -> APIRouter:
        """`POST /faults` sets the fault."""
        router = APIRouter()

        @router.post("/faults")
        async def set_fault(body: Fault) -> Fault:
            self._fault = body
            return body

        return router

    async def middleware(self, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        """Apply the fault to the product's postings only."""
        fault = self._take(request)
        if fault is None:
            return await call_next(request)
        if fault.mode == "refuse":
            return Problem(503, "busy", "The MES is busy. Try again.", headers={"Retry-After": "1"}).response()
        response = await call_next(request)
        await asyncio.sleep(fault.delay_s)
        return response

    def _take(self, request: Request) -> Fault | None:
        fault = self._fault
        posting = request.method in ("POST", "PUT") and not request.url.path.startswith("/floor")
        if fault is None or not posting or fault.times == 0:
            return None
        fault.times -= 1
        return fault
