"""The MES connector against the plant's own MES process."""

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from connectors.mes_http import mapping
from connectors.mes_http.config import MesConfig
from connectors.mes_http.connector import MesSystem, build
from connectors.roles import System
from domain.books.outcomes import (
    CancelDocuments,
    CreateOrder,
    DispatchEntry,
    HoldLot,
    Outcome,
    OutcomeTransaction,
    PlannedWork,
    SetOrderStatus,
    UpdateDispatchList,
)
from domain.books.outcomes import (
    System as Target,
)
from domain.errors import (
    ConfigError,
    ConflictError,
    InvalidPayloadError,
    NotFoundError,
    OutcomeUnknownError,
    RejectedError,
    TransientError,
)
from domain.values import Json
from tests.conformance.system.suite import LedgerConformance, SystemConformance
from tests.plant.peers import Peer, Receiver, anchor, plant_post, running
from tests.support.eventually import eventually

SECRET = "whsec_bWVzLXRlc3Qtc2VjcmV0LW1lcw=="


class MesBooks:
    """The plant's MES."""

    def __init__(self, peer: Peer, data: Path) -> None:
        self.url = peer.address["mes"]
        self.data = data
        self.secret = (data / "mes.token").read_text().strip()
        self.planned = asyncio.run(entry(self.own(), minutes=0))

    def system(self, *, transport: httpx.AsyncBaseTransport | None = None, secret: str = "") -> MesSystem:
        return build(MesConfig(url=self.url, timeout=60), {"token": secret or self.secret}, transport)

    def own(self) -> MesSystem:
        return self.system()

    def transaction(self, key: str) -> OutcomeTransaction:
        return posting(key, UpdateDispatchList(entries=[shifted(self.planned, minutes=20)]))

    def other(self, key: str) -> OutcomeTransaction:
        return posting(key, UpdateDispatchList(entries=[shifted(self.planned, minutes=40)]))

    async def stale(self, key: str) -> OutcomeTransaction:
        return posting(key, UpdateDispatchList(entries=[await entry(self.own(), minutes=5)], version="999"))

    async def query(self, system: System) -> object:
        return await system.query("mes.equipment", {"equipment": "lathe-1"})

    async def change(self, key: str) -> OutcomeTransaction:
        return posting(key, UpdateDispatchList(entries=[await entry(self.own(), minutes=15)]))

    async def edit(self) -> None:
        """A supervisor at the MES."""
        body = mapping.requests_of([UpdateDispatchList(entries=[await entry(self.own(), minutes=7)])])[0].body
        headers = {"Authorization": f"Bearer {self.secret}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False) as user:
            version = (await user.get("/dispatch-list")).headers["ETag"]
            own = {"If-Match": version, "Idempotency-Key": f"by hand {version}"}
            (await user.put("/dispatch-list", json=body, headers=own)).raise_for_status()

    def count(self, key: str) -> int:
        with sqlite3.connect(self.data / "mes.sqlite3") as books:
            return int(books.execute("select count(*) from posting where key = ?", [key]).fetchone()[0])

    def faulty(self, mode: str, delay_s: float = 0) -> None:
        body = {"mode": mode, "times": 1, "delay_s": delay_s}
        assert plant_post(self.url, self.data, "/floor/faults", body).is_success


def posting(key: str, *outcomes: Outcome) -> OutcomeTransaction:
    return OutcomeTransaction(id="txn_1", key=key, exception_id="exc_1", system=Target.MES, outcomes=list(outcomes))


def hold(job_order: str, status: str) -> SetOrderStatus:
    return SetOrderStatus.model_validate({"job_orders": [job_order], "status": status, "reason": "test"})


async def entry(system: MesSystem, minutes: int) -> DispatchEntry:
    """JO-1009's first segment, so many minutes later."""
    planned = (await system.query("mes.job_orders", {"job_orders": ["JO-1009"]}))[0]["segments"][0]
    now = DispatchEntry(
        job_order="JO-1009",
        seq=planned["seq"],
        work_unit=planned["equipment"],
        sequence=planned["sequence"],
        planned_start=planned["start"],
        planned_end=planned["end"],
    )
    return shifted(now, minutes)


def shifted(planned: DispatchEntry, minutes: int) -> DispatchEntry:
    shift = timedelta(minutes=minutes)
    moved = {"planned_start": planned.planned_start + shift, "planned_end": planned.planned_end + shift}
    return planned.model_copy(update=moved)


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MesBooks]:
    data = tmp_path_factory.mktemp("mes")
    (data / "webhook.secret").write_text(SECRET)
    receiver = Receiver()
    options = ["--port", "0", "--anchor", anchor(), "--data", str(data), "--webhook-url", receiver.url]
    with running("mes", *options, "--webhook-secret-file", str(data / "webhook.secret")) as peer:
        yield MesBooks(peer, data)
    receiver.close()


class TestMesConformance(SystemConformance, LedgerConformance):
    """The suite, on a real MES process."""

    posting = b"key:lost"


async def ask(books: MesBooks, name: str, **where: Json) -> Json:
    return await books.system().query(name, where)


async def test_job_orders_of_a_machine_are_those_planned_there(books: MesBooks) -> None:
    jobs = await ask(books, "mes.job_orders", equipment="lathe-1")
    assert [job["id"] for job in jobs] == ["JO-1001", "JO-1003", "JO-1008"]
    first = jobs[0]
    assert (first["sale"], first["customer"], first["customer_title"]) == ("SO-2001", "orlik", "Orlik Pumps")
    assert first["lots"] == ["L-BAR-501"]
    assert [segment["equipment"] for segment in first["segments"]] == ["lathe-1", "mill-1", "furnace-1"]
    assert {choice["equipment"] for choice in first["segments"][0]["alternatives"]} == {"lathe-1", "lathe-2"}
    near = await ask(books, "mes.job_orders", equipment="lathe-1", horizon="1h")
    assert [job["id"] for job in near] == ["JO-1001"]
    assert await ask(books, "mes.job_orders", job_orders=[]) == []


async def test_the_plan_has_all_open_orders_and_the_version_to_post_with(books: MesBooks) -> None:
    system = books.system()
    plan = await system.query("mes.plan", {})
    assert {job["id"] for job in plan["job_orders"]} >= {f"JO-{number}" for number in range(1001, 1011)}
    assert {unit["equipment"] for unit in plan["equipment"]} >= {"lathe-1", "press-1"}
    assert plan["calendars"]
    moved = await entry(system, minutes=30)
    receipt = await system.post(posting("key:plan", UpdateDispatchList(entries=[moved], version=plan["version"])))
    assert receipt.documents[0].startswith("dispatch list")
    after = (await ask(books, "mes.job_orders", job_orders=["JO-1009"]))[0]["segments"][0]
    assert datetime.fromisoformat(after["start"]) == moved.planned_start


async def test_what_hangs_on_a_lot(books: MesBooks) -> None:
    lot = await ask(books, "mes.lot", lot="L-BAR-502")
    assert lot["material"] == "BAR-40"
    assert [use["job_order"] for use in lot["used_by"]] == ["JO-1003", "JO-1008"]
    staged = await ask(books, "mes.staging", job_orders=["JO-1003"])
    assert [(item["lot"], item["location"]) for item in staged] == [("L-BAR-502", "lathe-1 infeed")]
    with pytest.raises(NotFoundError):
        await ask(books, "mes.lot", lot="L-NONE/../x")
    with pytest.raises(InvalidPayloadError):
        await ask(books, "mes.lot")


async def test_an_inspection_is_read_with_its_limits(books: MesBooks) -> None:
    made = plant_post(books.url, books.data, "/floor/inspections", {"lot": "L-CAST-701", "value": 2.4}).json()
    number = made.get("inspection", made.get("id"))
    result = await ask(books, "mes.inspection", inspection=number)
    assert (result["lot"], result["value"], result["high"], result["result"]) == ("L-CAST-701", 2.4, 1.5, "failed")


async def test_a_hold_of_a_held_order_is_done_already(books: MesBooks) -> None:
    system = books.system()
    await system.post(posting("key:hold-1", hold("JO-1006", "held")))
    again = await system.post(posting("key:hold-2", hold("JO-1006", "held")))
    assert again.documents == ["job order JO-1006 held"]
    await system.post(posting("key:hold-3", hold("JO-1006", "released")))
    assert (await ask(books, "mes.job_orders", job_orders=["JO-1006"]))[0]["status"] == "released"


async def test_steps_of_one_transaction_are_found_together(books: MesBooks) -> None:
    system = books.system()
    plan = await system.query("mes.plan", {})
    change = UpdateDispatchList(entries=[await entry(system, minutes=10)], version=plan["version"])
    whole = posting("key:steps", hold("JO-1008", "held"), change, hold("JO-1008", "released"))
    receipt = await system.post(whole)
    found = await system.find("key:steps")
    assert found is not None
    assert len(found.documents) == len(receipt.documents) == 3
    assert (await system.post(whole)).replayed


async def test_a_new_order_comes_down_with_its_segments(books: MesBooks) -> None:
    start = datetime.fromisoformat((await ask(books, "mes.plan"))["as_of"]) + timedelta(days=3)
    works = [
        PlannedWork(seq=10, work_unit="mill-2", planned_start=start, planned_end=start + timedelta(hours=1)),
        PlannedWork(
            seq=20,
            work_unit="press-1",
            planned_start=start + timedelta(hours=1),
            planned_end=start + timedelta(hours=2),
        ),
    ]
    order = CreateOrder(
        job_order="RUSH-1",
        material="PH-12",
        quantity=15,
        planned_start=start,
        planned_end=works[1].planned_end,
        works=works,
    )
    await books.system().post(posting("key:create", order))
    made = (await ask(books, "mes.job_orders", job_orders=["RUSH-1"]))[0]
    assert [(segment["seq"], segment["equipment"]) for segment in made["segments"]] == [(10, "mill-2"), (20, "press-1")]


async def test_a_refusal_is_for_a_person(books: MesBooks) -> None:
    system = books.system()
    wrong = (await entry(system, minutes=5)).model_copy(update={"work_unit": "press-1"})
    with pytest.raises(RejectedError) as caught:
        await system.post(posting("key:refused", UpdateDispatchList(entries=[wrong])))
    assert caught.value.detail
    with pytest.raises(ConfigError):
        await system.post(posting("key:stranger", HoldLot(lot="L-BAR-501", reason="x")))


async def test_a_posting_refused_before_it_was_taken_is_tried_again(books: MesBooks) -> None:
    books.faulty("refuse")
    with pytest.raises(TransientError):
        await books.system().post(posting("key:busy", hold("JO-1010", "held")))
    assert not (await books.system().post(posting("key:busy", hold("JO-1010", "held")))).replayed
    await books.system().post(posting("key:busy-undo", hold("JO-1010", "released")))


async def test_a_posting_that_answers_too_late_is_looked_up(books: MesBooks) -> None:
    system = build(MesConfig(url=books.url, timeout=1.5), {"token": books.secret})
    books.faulty("stall", delay_s=60)
    with pytest.raises(OutcomeUnknownError):
        await system.post(posting("key:late", hold("JO-1010", "held")))
    await eventually(lambda: books.system().find("key:late"), "the MES has done it")
    await books.system().post(posting("key:late-undo", hold("JO-1010", "released")))


async def test_a_hold_expects_the_order_as_it_was_seen(books: MesBooks) -> None:
    system = books.system()
    wanted = posting("key:seen", hold("JO-1007", "held"))
    seen = await system.preview(wanted)
    assert [(one.record, one.field, one.before, one.after) for one in seen.changes] == [
        ("job order JO-1007", "held", False, True)
    ]
    await system.post(posting("key:seen-other", hold("JO-1007", "held"), hold("JO-1007", "released")))
    with pytest.raises(ConflictError):
        await system.post(wanted.model_copy(update={"versions": seen.versions}))
    fresh = wanted.model_copy(update={"versions": (await system.preview(wanted)).versions})
    receipt = await system.post(fresh)
    (way,) = await system.reversal(fresh, receipt, seen)
    await system.post(posting("key:seen:reversal", way))
    assert (await system.read_back(fresh, receipt)).changed[0].stands is False


async def test_a_new_order_is_cancelled_while_nothing_of_it_has_begun(books: MesBooks) -> None:
    system = books.system()
    start = datetime.fromisoformat((await ask(books, "mes.plan"))["as_of"]) + timedelta(days=4)
    work = PlannedWork(seq=10, work_unit="mill-2", planned_start=start, planned_end=start + timedelta(hours=1))
    times = {"planned_start": start, "planned_end": work.planned_end, "works": [work]}
    wanted = posting(
        "key:new", CreateOrder.model_validate({"job_order": "NEW-1", "material": "PH-12", "quantity": 5, **times})
    )
    shown = await system.preview(wanted)
    receipt = await system.post(wanted)
    assert not (await system.read_back(wanted, receipt)).changed
    way = await system.reversal(wanted, receipt, shown)
    await system.post(posting("key:new:reversal", *way))
    assert await ask(books, "mes.job_orders", job_orders=["NEW-1"]) == []
    running = posting("key:begun", CancelDocuments(documents=["job order JO-1001 running (plan version 1)"]))
    with pytest.raises(RejectedError):
        await system.post(running)
