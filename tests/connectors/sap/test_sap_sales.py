"""Sales orders by either version of OData: the same answers, one transaction with the v2 services, exactly once."""

from typing import Any

import httpx
import pytest

from connectors.sap.config import SapConfig
from domain.books.outcomes import ChangePromise, HoldLot, Outcome, RecordDeviation, SetPriority
from domain.errors import ConfigError, ConflictError, MosError, OutcomeUnknownError, RejectedError, TransientError
from domain.queries import VOCABULARY
from domain.typing.tree import misfit
from tests.connectors.sap.lab import Sap, at, posting

SALES2, SALES4 = "/API_SALES_ORDER_SRV/", "/api_salesorder/srvd_a2x/sap/salesorder/0001/"
PROMISE = ChangePromise(sale="SO-2001", promised=at(12, day=29))
PRIORITY = SetPriority(job_orders=["JO-1003"], priority=5)
HOLD = HoldLot(lot="L-BAR-502", reason="too soft")


def promised(sap: Sap, sale: str = "SO-2001") -> str:
    rows = {row["SalesOrder"]: row["RequestedDeliveryDate"] for row in sap.standin.dump("A_SalesOrder")}
    return str(rows[sale])


def changes(sap: Sap) -> list[str]:
    """What was changed of orders and sales orders, oldest first, by the service that took it."""
    calls = [call for call in sap.standin.records.calls() if call["method"] == "PATCH" and call["status"] < 300]
    return ["sale" if "SalesOrder('" in call["path"] else "order" for call in calls]


@pytest.mark.parametrize(
    "name, where", [("erp.sale", {"sale": "SO-2001"}), ("erp.sales_demand", {"job_orders": ["JO-1001"]})]
)
async def test_both_services_answer_alike(sap: Sap, name: str, where: Any) -> None:
    told = []
    for version, path, other in (("v2", SALES2, SALES4), ("v4", SALES4, SALES2)):
        sap.standin.records.clear()
        told.append(await sap.system(sales_orders=version).query(name, where))
        paths = [call["path"] for call in sap.standin.records.calls()]
        assert any(path in asked for asked in paths)
        assert not any(other in asked for asked in paths)
    assert [misfit(answer, VOCABULARY.queries[name].answer, name) for answer in told] == ["", ""]
    assert without_version(told[0]) == without_version(told[1])
    assert told[0] != told[1]


def without_version(answer: Any) -> Any:
    if isinstance(answer, list):
        return [without_version(item) for item in answer]
    return {name: value for name, value in answer.items() if name != "version"}


async def test_a_change_by_one_service_is_drift_for_the_other(sap: Sap) -> None:
    v2, v4 = sap.system(), sap.system(sales_orders="v4")
    for first, second, day in ((v2, v4, 27), (v4, v2, 28)):
        wanted = posting(f"k:{day}", PROMISE)
        seen = (await first.preview(wanted)).versions
        await second.post(posting(f"other:{day}", ChangePromise(sale="SO-2001", promised=at(12, day=day))))
        with pytest.raises(ConflictError) as caught:
            await first.post(wanted.model_copy(update={"versions": seen}))
        assert caught.value.code == "sap.drift"


async def test_several_promises_are_one_batch(sap: Sap) -> None:
    both = posting("k", PROMISE, ChangePromise(sale="SO-2002", promised=at(12, day=29)))
    system = sap.system(sales_orders="v4")
    assert (await system.post(both)).documents == ["sales order SO-2001", "sales order SO-2002"]
    assert promised(sap) == promised(sap, "SO-2002")
    batches = [call["path"] for call in sap.standin.records.calls() if call["method"] == "POST"]
    assert batches == [f"/sap/opu/odata4/sap{SALES4}$batch"]
    assert (await system.post(both)).replayed
    assert not sap.standin.records.violations()


@pytest.mark.parametrize("version", ["v2", "v4"])
async def test_what_a_later_step_refuses_is_undone_in_reverse_order(sap: Sap, version: str) -> None:
    before = sap.order("JO-1003")["ManufacturingOrderImportance"], promised(sap), sap.stock("L-BAR-502")
    system = sap.system(transport=Wire(b"InspectionLotText", refuse), sales_orders=version)
    deviation = RecordDeviation(lot="L-BAR-502", title="Too soft")
    with pytest.raises(RejectedError):
        await system.post(posting("k", PROMISE, PRIORITY, HOLD, deviation))
    assert (sap.order("JO-1003")["ManufacturingOrderImportance"], promised(sap), sap.stock("L-BAR-502")) == before
    assert changes(sap) == ["order", "sale", "sale", "order"]


async def test_a_refused_promise_takes_the_orders_back(sap: Sap) -> None:
    before = sap.order("JO-1003")["ManufacturingOrderImportance"]
    system = sap.system(transport=Wire(b"RequestedDeliveryDate", refuse), sales_orders="v4")
    with pytest.raises(RejectedError):
        await system.post(posting("k", PRIORITY, PROMISE, HOLD))
    assert sap.order("JO-1003")["ManufacturingOrderImportance"] == before
    assert (changes(sap), sap.stock("L-BAR-502")) == (["order", "order"], {"01": 120})


class Wire(httpx.AsyncBaseTransport):
    """What befalls the first request whose body has a word; `fate` gives the answer, or raises."""

    def __init__(self, word: bytes, fate: Any) -> None:
        self._inner = httpx.AsyncHTTPTransport(verify=False)
        self._word, self._fate = word, fate
        self.met = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._word in request.content and not self.met:
            self.met = True
            found: httpx.Response = await self._fate(request, self._inner)
            return found
        return await self._inner.handle_async_request(request)


async def refuse(request: httpx.Request, _: httpx.AsyncBaseTransport) -> httpx.Response:
    return httpx.Response(400, json={"error": {"code": "QA/001", "message": "No"}}, request=request)


async def cut(request: httpx.Request, _: httpx.AsyncBaseTransport) -> httpx.Response:
    raise httpx.WriteError("cut before it was whole", request=request)


async def lose(request: httpx.Request, inner: httpx.AsyncBaseTransport) -> httpx.Response:
    await (await inner.handle_async_request(request)).aread()
    raise httpx.ReadTimeout("the answer was lost", request=request)


async def fail(request: httpx.Request, _: httpx.AsyncBaseTransport) -> httpx.Response:
    return httpx.Response(500, request=request)


async def fail_after(request: httpx.Request, inner: httpx.AsyncBaseTransport) -> httpx.Response:
    await (await inner.handle_async_request(request)).aread()
    return httpx.Response(502, request=request)


async def nobody(request: httpx.Request, _: httpx.AsyncBaseTransport) -> httpx.Response:
    raise httpx.ConnectError("nobody there", request=request)


FATES: list[tuple[Any, type[MosError]]] = [
    (nobody, TransientError),
    (cut, OutcomeUnknownError),
    (lose, OutcomeUnknownError),
    (fail, OutcomeUnknownError),
    (fail_after, OutcomeUnknownError),
]


@pytest.mark.parametrize("version", ["v2", "v4"])
@pytest.mark.parametrize("fate, kind", FATES, ids=[fate.__name__ for fate, _ in FATES])
async def test_a_promise_is_changed_once_whatever_the_wire_does(
    sap: Sap, version: str, fate: Any, kind: type[MosError]
) -> None:
    before = promised(sap)
    whole = posting("k", PROMISE, PRIORITY, HOLD)
    system = sap.system(transport=Wire(b"RequestedDeliveryDate", fate), sales_orders=version)
    with pytest.raises(kind):
        await system.post(whole)
    assert await system.find("k") is None
    receipt = await system.post(whole)
    assert changes(sap) == ["order", "sale"]
    assert promised(sap) != before
    again = await system.post(whole)
    assert (again.replayed, again.documents) == (True, receipt.documents)
    assert (changes(sap), sap.count("k"), sap.standin.records.violations()) == (["order", "sale"], 1, [])


@pytest.mark.parametrize("same", [True, False], ids=["what we wanted", "something else"])
async def test_somebody_who_saves_just_before_us(sap: Sap, same: bool) -> None:
    """412: when what we wanted stands already, all is well; else it is a conflict, and nothing of ours is left."""
    theirs = PROMISE if same else ChangePromise(sale="SO-2001", promised=at(12, day=27))

    async def meddle(request: httpx.Request, inner: httpx.AsyncBaseTransport) -> httpx.Response:
        await sap.system().post(posting("theirs", theirs))
        return await inner.handle_async_request(request)

    system = sap.system(transport=Wire(b"RequestedDeliveryDate", meddle), sales_orders="v4")
    outcomes: list[Outcome] = [PRIORITY, PROMISE]
    if same:
        await system.post(posting("k", *outcomes))
        assert changes(sap) == ["order", "sale"]
        return
    with pytest.raises(ConflictError) as caught:
        await system.post(posting("k", *outcomes))
    assert caught.value.code == "sap.412"
    assert changes(sap) == ["order", "sale", "order"]


async def test_the_probe_tries_the_service_of_the_choice(sap: Sap) -> None:
    findings = await sap.system(sales_orders="v4").probe()
    assert all(finding.ok for finding in findings)
    assert [finding.what for finding in findings][-3:] == [
        "CE_SALESORDER_0001",
        "CSRF token",
        "CSRF token of CE_SALESORDER_0001",
    ]
    assert not any(SALES2 in call["path"] for call in sap.standin.records.calls())
    assert not sap.standin.records.violations()


@pytest.mark.parametrize("status", [403, 404])
async def test_the_probe_says_how_v4_is_opened_to_us(sap: Sap, status: int) -> None:
    network = httpx.AsyncHTTPTransport(verify=False)

    class Closed(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if "/odata4/" in request.url.path:
                return httpx.Response(status, json={"error": {"code": "x", "message": "no"}}, request=request)
            return await network.handle_async_request(request)

    wrong = [found for found in await sap.system(transport=Closed(), sales_orders="v4").probe() if not found.ok]
    assert [(finding.what, finding.blocks) for finding in wrong] == [("CE_SALESORDER_0001", False)]
    for word in ("change_promise", "/IWFND/V4_ADMIN", "S_START", SALES4.strip("/")):
        assert word in wrong[0].advice


def test_the_services_follow_the_choice() -> None:
    given = {"url": "http://sap", "user": "MOS", "plant": "BRNO"}
    default, chosen = SapConfig.model_validate(given), SapConfig.model_validate(given | {"sales_orders": "v4"})
    assert (default.services[-1], chosen.services[-1]) == ("API_SALES_ORDER_SRV", "CE_SALESORDER_0001")
    assert default.services[:-1] == chosen.services[:-1]
    for version, service in (("v4", "API_SALES_ORDER_SRV"), ("v2", "CE_SALESORDER_0001")):
        with pytest.raises(ValueError, match=f"{service} unknown; with sales_orders: {version}"):
            SapConfig.model_validate(given | {"sales_orders": version, "services": [service]})
    with pytest.raises(ValueError, match="sales_orders"):
        SapConfig.model_validate(given | {"sales_orders": "v3"})


async def test_a_promise_needs_its_service_among_those_in_use(sap: Sap) -> None:
    system = sap.system(sales_orders="v4", services=["API_PRODUCTION_ORDER_2_SRV"])
    with pytest.raises(ConfigError, match="CE_SALESORDER_0001 is not among the services"):
        await system.post(posting("k", PROMISE))


@pytest.mark.parametrize("version", ["v2", "v4"])
async def test_the_parts_of_the_ledger_go_and_come_back_one_by_one(sap: Sap, version: str) -> None:
    """As the ledger does: orders in one part, the promise in another, each under its key, taken back from the last."""
    system = sap.system(sales_orders=version)
    before = sap.order("JO-1003")["ManufacturingOrderImportance"], promised(sap)
    parts = system.grouped([PRIORITY, SetPriority(job_orders=["JO-1008"], priority=20), PROMISE])
    assert [[outcome.kind for outcome in part] for part in parts] == [["set_priority"] * 2, ["change_promise"]]
    done = []
    for number, part in enumerate(parts):
        wanted = posting(f"k.{number}", *part)
        shown = await system.preview(wanted)
        done.append((wanted, await system.post(wanted.model_copy(update={"versions": shown.versions})), shown))
    assert (sap.order("JO-1003")["ManufacturingOrderImportance"], promised(sap)) != before
    for wanted, receipt, shown in reversed(done):
        await system.post(posting(f"{wanted.key}.undo", *await system.reversal(wanted, receipt, shown)))
    assert (sap.order("JO-1003")["ManufacturingOrderImportance"], promised(sap)) == before
    assert [name for name in changes(sap) if name == "sale"] == ["sale", "sale"]
