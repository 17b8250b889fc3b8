"""What Odoo's connector books, undoes, shows and reads back; and what its errors mean."""

from datetime import UTC, datetime

import httpx
import pytest

from connectors.odoo.config import OdooConfig
from connectors.odoo.manifest import MANIFEST, build
from domain.books.outcomes import (
    ChangePromise,
    CreateOrder,
    HoldLot,
    MaintenanceOrder,
    Outcome,
    OutcomeTransaction,
    PlannedOrder,
    RecordDowntime,
    RescheduleOrders,
    SetPriority,
)
from domain.books.outcomes import System as Target
from domain.errors import (
    AuthError,
    ConfigError,
    ConflictError,
    MosError,
    NotFoundError,
    RejectedError,
    TransientError,
)
from domain.queries import VOCABULARY
from domain.typing.tree import misfit
from tests.conformance.system.suite import LosesAnswers
from tests.connectors.odoo.conftest import Peer

START, END = datetime(2026, 11, 23, 9, tzinfo=UTC), datetime(2026, 11, 23, 17, tzinfo=UTC)
MOVED = PlannedOrder(job_order="JO-1001", planned_start=START, planned_end=END)
DOWN = RecordDowntime(equipment="mill-1", start=START, cause="bearing")
MADE = CreateOrder(job_order="JO-2000", material="SHAFT", quantity=2, planned_start=START, planned_end=END)
BOOKED: list[Outcome] = [
    RescheduleOrders(orders=[MOVED]),
    SetPriority(job_orders=["JO-1002"], priority=1),
    DOWN,
    MaintenanceOrder(equipment="mill-1", title="Bearing", priority=1),
    MADE,
    ChangePromise(sale="SO-2001", promised=END),
]


def posting(*outcomes: Outcome, key: str = "exc_1:post:1") -> OutcomeTransaction:
    return OutcomeTransaction(id="txn_1", key=key, exception_id="exc_1", system=Target.ERP, outcomes=list(outcomes))


async def test_every_kind_is_booked_once_read_back_and_listed(peer: Peer) -> None:
    system, wanted = peer.system(), posting(*BOOKED)
    first, again = await system.post(wanted), await system.post(wanted)
    assert again.replayed
    assert again.documents == first.documents == (await system.find(wanted.key) or first).documents
    assert peer.odoo.calls.count("mrp.workcenter.productivity.create") == 1
    orders = {row["name"]: row for row in peer.odoo.rows["mrp.production"].values()}
    assert (orders["JO-1001"]["date_start"], orders["JO-1002"]["priority"]) == ("2026-11-23 09:00:00", "1")
    assert orders["JO-2000"]["state"] == "confirmed"
    back = await system.read_back(wanted, first)
    assert back.known
    assert not back.changed
    listed = await system.postings_since(datetime(2026, 11, 22, tzinfo=UTC))
    assert {one.key for one in listed} == {wanted.key, *(f"{wanted.key}.{number}" for number in range(1, 6))}


def test_every_kind_of_the_manifest_was_tried() -> None:
    assert {outcome.kind for outcome in BOOKED} | {"cancel_documents"} == set(MANIFEST.outcomes)
    assert build({"url": "https://erp", "api_key": "k"}).name == "erp"


async def test_an_order_is_confirmed_by_the_attempt_after_the_one_that_was_cut(peer: Peer) -> None:
    with pytest.raises(MosError):
        await peer.system(transport=LosesAnswers(b'"x_mos_key":"exc_1')).post(posting(MADE))
    receipt = await peer.system().post(posting(MADE))
    assert receipt.replayed
    assert [row["state"] for row in peer.odoo.rows["mrp.production"].values() if row["name"] == "JO-2000"] == [
        "confirmed"
    ]


async def test_a_refused_step_takes_the_earlier_ones_back(peer: Peer) -> None:
    wanted = posting(DOWN, RescheduleOrders(orders=[MOVED]), SetPriority(job_orders=["JO-9"], priority=1))
    with pytest.raises(NotFoundError) as caught:
        await peer.system().post(wanted)
    assert "undone: mrp.production 1, mrp.workcenter.productivity 1" in caught.value.detail
    assert peer.odoo.rows["mrp.workcenter.productivity"] == {}
    assert peer.odoo.rows["mrp.production"][1]["date_start"] == "2026-11-22 08:00:00"


async def test_two_outcomes_for_one_order_are_one_write_of_it(peer: Peer) -> None:
    system, wanted = (
        peer.system(),
        posting(RescheduleOrders(orders=[MOVED]), SetPriority(job_orders=["JO-1001"], priority=1)),
    )
    shown = await system.preview(wanted)
    first = await system.post(wanted.model_copy(update={"versions": shown.versions}))
    assert (await system.post(wanted)).replayed
    assert first.documents == ["mrp.production 1"]
    order = peer.odoo.rows["mrp.production"][1]
    assert (order["date_start"], order["priority"]) == ("2026-11-23 09:00:00", "1")
    assert peer.odoo.calls == ["mrp.production.write"]


async def test_what_was_seen_must_still_stand(peer: Peer) -> None:
    system, wanted = peer.system(), posting(RescheduleOrders(orders=[MOVED]))
    shown = await system.preview(wanted)
    assert [(change.field, change.before, change.after) for change in shown.changes] == [
        ("date_start", "2026-11-22 08:00:00", "2026-11-23 09:00:00"),
        ("date_finished", "2026-11-22 10:00:00", "2026-11-23 17:00:00"),
    ]
    peer.odoo.touch("mrp.production", "JO-1001")
    with pytest.raises(ConflictError):
        await system.post(wanted.model_copy(update={"versions": shown.versions}))


async def test_answers_are_what_is_declared(peer: Peer) -> None:
    system = peer.system()
    for name in ("erp.orders", "erp.sales_demand"):
        answer = await system.query(name, {"job_orders": ["JO-1003"]})
        assert misfit(answer, VOCABULARY.queries[name].answer, name) == ""
        assert answer
    sale = await system.query("erp.sale", {"sale": "SO-2001"})
    assert misfit(sale, VOCABULARY.queries["erp.sale"].answer, "erp.sale") == ""


async def test_what_odoo_has_no_place_for_is_refused(peer: Peer) -> None:
    with pytest.raises(ConfigError, match="quarantine"):
        await peer.system().post(posting(HoldLot(lot="L-1", reason="cracks")))


async def test_missing_rights_and_fields_are_found(peer: Peer) -> None:
    peer.odoo.may_not.add(("sale.order", "write"))
    found = await peer.system(key_field="x_other").probe()
    missing = {finding.what for finding in found if not finding.ok}
    assert "write sale.order" in missing
    assert "mrp.production.x_other" in missing
    assert "read mrp.production" not in missing


@pytest.mark.parametrize(
    "name, error",
    [
        ("odoo.exceptions.UserError", RejectedError),
        ("odoo.exceptions.ValidationError", RejectedError),
        ("odoo.exceptions.RedirectWarning", RejectedError),
        ("odoo.exceptions.MissingError", NotFoundError),
        ("odoo.exceptions.AccessError", AuthError),
        ("odoo.exceptions.AccessDenied", AuthError),
        ("odoo.exceptions.LockError", TransientError),
        ("psycopg2.errors.UniqueViolation", ConflictError),
        ("builtins.ValueError", ConfigError),
        ("builtins.KeyError", ConfigError),
        ("something.Else", RejectedError),
    ],
)
@pytest.mark.parametrize("status", [422, 500])
@pytest.mark.parametrize("api", ["json2", "jsonrpc"])
async def test_an_error_means_what_happens_next(api: str, status: int, name: str, error: type[Exception]) -> None:
    told = {"name": name, "message": "why"}
    rpc = httpx.Response(200, json={"error": {"data": told}})
    answer = httpx.Response(status, json=told) if api == "json2" else rpc
    system = Peer(None, "http://odoo", api).system(transport=httpx.MockTransport(lambda _: answer))  # type: ignore[arg-type]
    with pytest.raises(error):
        await system.query("erp.sale", {"sale": "SO-1"})


def test_json_rpc_needs_a_database_and_a_user() -> None:
    with pytest.raises(ValueError, match="database and user"):
        OdooConfig.model_validate({"url": "https://erp", "api": "jsonrpc"})
