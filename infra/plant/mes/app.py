"""The MES's HTTP interface. Each route: parse, one call, return. Contract: README.md."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from pydantic import AwareDatetime, BaseModel
from starlette.requests import Request

from infra.plant import misfits
from infra.plant.mes import happenings, postings, questions
from infra.plant.mes.faults import Faults
from infra.plant.mes.service import Mes
from infra.plant.problem import Problem, invalid, refuse_by_problem
from infra.plant.process import BearerToken

Many = Annotated[list[str] | None, Query()]
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200)]
IfMatch = Annotated[str | None, Header(alias="If-Match")]


def mes_app(mes: Mes, product_token: str, plant_token: str) -> FastAPI:
    """The product's API behind its token, and `/floor` behind the plant's own."""
    app = FastAPI(title="MES", openapi_url=None, redirect_slashes=False)
    refuse_by_problem(app)
    app.add_exception_handler(RequestValidationError, _malformed)
    faults = Faults()
    app.middleware("http")(faults.middleware)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    product = Depends(BearerToken(product_token))
    app.include_router(_plan_questions(mes), dependencies=[product])
    app.include_router(_other_questions(mes), dependencies=[product])
    app.include_router(_postings(mes), dependencies=[product])
    plant = Depends(BearerToken(plant_token))
    app.include_router(_floor(mes), prefix="/floor", dependencies=[plant])
    app.include_router(faults.router(), prefix="/floor", dependencies=[plant])
    return app


async def _malformed(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return invalid([{"loc": misfits.place(fault), "msg": misfits.words(fault)} for fault in error.errors()]).response()


def _plan_questions(mes: Mes) -> APIRouter:
    router = APIRouter()

    @router.get("/clock")
    async def clock() -> dict[str, Any]:
        return {"as_of": mes.as_of(), "anchor": mes.clock.anchor, "factor": mes.clock.factor}

    @router.get("/job-orders")
    async def job_orders(
        equipment: Many = None,
        state: Many = None,
        order_id: Annotated[list[str] | None, Query(alias="id")] = None,
        since: Annotated[AwareDatetime | None, Query(alias="from")] = None,
        until: Annotated[AwareDatetime | None, Query(alias="to")] = None,
    ) -> dict[str, Any]:
        wanted = questions.JobOrderFilter(_set(equipment), _set(state), _set(order_id), since, until)
        with mes.view() as floor:
            return questions.job_orders(floor, wanted)

    @router.get("/job-orders/{order_id}")
    async def job_order(order_id: str) -> dict[str, Any]:
        with mes.view() as floor:
            return questions.one_job_order(floor, order_id)

    @router.get("/dispatch-list")
    async def dispatch_list(response: Response, equipment: Many = None) -> dict[str, Any]:
        with mes.view() as floor:
            response.headers["ETag"] = f'"{floor.version}"'
            return questions.dispatch_list(floor, _set(equipment))

    return router


def _other_questions(mes: Mes) -> APIRouter:
    router = APIRouter()

    @router.get("/equipment")
    async def equipment() -> dict[str, Any]:
        with mes.view() as floor:
            return {"as_of": floor.advanced_to, "equipment": questions.equipment(mes, floor)}

    @router.get("/equipment/{equipment_id}")
    async def one_equipment(equipment_id: str) -> dict[str, Any]:
        with mes.view() as floor:
            return questions.one_equipment(mes, floor, equipment_id)

    @router.get("/calendars")
    async def calendars() -> dict[str, Any]:
        return {"as_of": mes.as_of(), "calendars": questions.calendars(mes)}

    @router.get("/staging")
    async def staging(job_order: Many = None, equipment: Many = None) -> dict[str, Any]:
        with mes.view() as floor:
            entries = questions.staging(mes, floor, _set(job_order), _set(equipment))
            return {"as_of": floor.advanced_to, "staging": entries}

    @router.get("/lots/{lot_id}")
    async def lot(lot_id: str) -> dict[str, Any]:
        with mes.view() as floor:
            return questions.lot(mes, floor, lot_id)

    @router.get("/inspections")
    async def inspections(lot: str | None = None) -> dict[str, Any]:
        return {"as_of": mes.as_of(), "inspections": mes.db.inspections(lot)}

    @router.get("/inspections/{inspection_id}")
    async def inspection(inspection_id: str) -> dict[str, Any]:
        return questions.inspection(mes, inspection_id)

    @router.get("/postings")
    async def accepted(since: AwareDatetime) -> dict[str, Any]:
        return {"as_of": mes.as_of(), "postings": mes.db.postings(since)}

    @router.get("/postings/{key:path}")
    async def posting(key: str) -> dict[str, Any]:
        known = mes.db.posting(key)
        if known is None:
            raise Problem(404, "not-found", "Nothing was accepted under this key.")
        return known[1] | {"replayed": True}

    return router


def _postings(mes: Mes) -> APIRouter:
    router = APIRouter()

    @router.put("/dispatch-list")
    @router.post("/dispatch-list")
    async def dispatch(
        body: postings.DispatchRequest, response: Response, key: IdempotencyKey = None, match: IfMatch = None
    ) -> dict[str, Any]:
        version = _version(match)
        receipt = mes.post(
            _key(key),
            "dispatch-list",
            "/dispatch-list",
            _json(body),
            lambda floor: postings.dispatch(floor, body, version),
        )
        response.headers["ETag"] = f'"{receipt["result"]["version"]}"'
        return receipt

    @router.post("/job-orders/{order_id}/hold")
    async def hold(
        order_id: str, body: postings.HoldRequest, key: IdempotencyKey = None, match: IfMatch = None
    ) -> dict[str, Any]:
        target, seen = f"/job-orders/{order_id}/hold", _seen(match)
        return mes.post(_key(key), "hold", target, _json(body), lambda f: postings.hold(mes, f, order_id, body, seen))

    @router.post("/job-orders/{order_id}/release")
    async def release(order_id: str, key: IdempotencyKey = None, match: IfMatch = None) -> dict[str, Any]:
        target, seen = f"/job-orders/{order_id}/release", _seen(match)
        return mes.post(_key(key), "release", target, {}, lambda f: postings.release(mes, f, order_id, seen))

    @router.post("/job-orders/{order_id}/cancel")
    async def cancel(order_id: str, key: IdempotencyKey = None, match: IfMatch = None) -> dict[str, Any]:
        target, seen = f"/job-orders/{order_id}/cancel", _seen(match)
        return mes.post(_key(key), "cancel", target, {}, lambda f: postings.cancel(mes, f, order_id, seen))

    @router.post("/job-orders")
    async def download(body: postings.NewJobOrder, key: IdempotencyKey = None) -> dict[str, Any]:
        return mes.post(_key(key), "job-order", "/job-orders", _json(body), lambda f: postings.download(mes, f, body))

    return router


def _floor(mes: Mes) -> APIRouter:
    router = APIRouter()

    @router.post("/equipment/{unit_id}/state")
    async def state(unit_id: str, body: happenings.UnitStateReport) -> dict[str, Any]:
        with mes.floor() as floor:
            return happenings.report_state(mes, floor, unit_id, body)

    @router.post("/inspections")
    async def inspect(body: happenings.InspectionRequest) -> dict[str, Any]:
        with mes.db.transaction():
            return happenings.inspect(mes, body)

    @router.post("/rush")
    async def rush(body: happenings.RushSale) -> dict[str, Any]:
        with mes.db.transaction():
            return happenings.rush(mes, body)

    @router.post("/short")
    async def short(body: happenings.ShortCount) -> dict[str, Any]:
        with mes.floor() as floor:
            return happenings.count_short(mes, floor, body)

    @router.post("/slow")
    async def slow(body: happenings.SlowReport) -> dict[str, Any]:
        with mes.floor() as floor:
            return happenings.slow_down(mes, floor, body)

    @router.get("/outbox")
    async def outbox() -> dict[str, Any]:
        return {"outbox": mes.db.outbox()}

    @router.post("/outbox/{event_id}/resend")
    async def resend(event_id: str) -> dict[str, str]:
        with mes.db.transaction():
            if not mes.db.resend_event(event_id):
                raise Problem(404, "not-found", f"There is no event {event_id}.")
        mes.news.set()
        return {"id": event_id, "state": "pending"}

    return router


def _set(values: list[str] | None) -> frozenset[str]:
    return frozenset(values or ())


def _json(body: BaseModel) -> Any:
    return jsonable_encoder(body)


def _key(key: str | None) -> str:
    if not key:
        raise Problem(400, "key-required", "Send an Idempotency-Key of 1 to 200 characters.")
    return key


def _seen(match: str | None) -> int | None:
    return None if match is None else _version(match)


def _version(match: str | None) -> int:
    text = (match or "").strip().removeprefix("W/").strip('"')
    if not text.isdecimal():
        raise Problem(428, "version-required", 'Send If-Match with the version you planned on, e.g. If-Match: "7".')
    return int(text)
