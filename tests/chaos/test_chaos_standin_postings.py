"""The same for the stand-ins that have a connector: each posting is in their own books exactly once.

A system with a unique field for our key (Odoo, ERPNext) or with keys of its own (a home-grown one by REST, the plant's
MES) meets every fault, two drivers at once and killed drivers. One without (the OData stand-in) has a single writer
that lives, and no request that arrives after its connection was cut: nothing in its interface could keep those apart,
which is said in infra/standins/README.md.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp

from connectors.erpnext.config import ErpNextConfig
from connectors.erpnext.connector import build as build_erpnext
from connectors.mes_http.config import MesConfig
from connectors.mes_http.connector import build as build_mes
from connectors.odoo.config import OdooConfig
from connectors.odoo.connector import build as build_odoo
from connectors.rest.config import RestConfig
from connectors.rest.connector import build as build_rest
from connectors.roles import System
from connectors.sap.config import SapConfig
from connectors.sap.connector import build as build_sap
from domain.books.outcomes import (
    ChangePromise,
    CreateOrder,
    HoldLot,
    Outcome,
    OutcomeTransaction,
    PlannedWork,
    RecordDowntime,
    SetOrderStatus,
)
from domain.books.outcomes import System as Target
from infra.plant.catalogue import load_catalogue
from infra.plant.clock import PlantClock
from infra.plant.mes.app import mes_app
from infra.plant.mes.db import Database
from infra.plant.mes.service import Mes
from infra.standins.erpnext.app import OPERATOR, ErpNextStandIn
from infra.standins.erpnext.app import build_app as erpnext_app
from infra.standins.fault_proxy import FaultProxy
from infra.standins.faults import BREAKING, DOUBLING, SLOWING, Fault, Plan
from infra.standins.odoo.app import OdooStandIn
from infra.standins.odoo.app import build_app as odoo_app
from infra.standins.rest.app import RestStandIn
from infra.standins.rest.app import build_app as rest_app
from infra.standins.sap.app import SapStandIn
from infra.standins.sap.app import build_app as sap_app
from infra.standins.sap.context import Context
from infra.standins.sap.quality_sales import create_sale
from infra.standins.sap.seed import work_center_of
from infra.standins.serve import serving
from tests.chaos.mortal import Mortal
from tests.chaos.postings import drive
from tests.chaos.test_chaos_postings import MANY, SEED
from tests.connectors.rest.test_rest_on_standin import MAPPING

IN_TEST = 300
UNITS = ("lathe-1", "lathe-2", "mill-1", "mill-2", "furnace-1", "press-1")
LOTS = ("L-BAR-501", "L-BAR-502", "L-CAST-701", "L-CAST-702", "L-GS-301")
WORD = "a-password"
ANCHOR = datetime(2026, 11, 22, 8, tzinfo=UTC)
Count = Callable[[], Counter[str]]


@dataclass
class Lab:
    """A stand-in: its application, a connector for an address, what a posting of it may suffer, and what it holds.
    `makes`: the postings, where downtimes are not its business; `expects`: what is in its books after so many;
    `in_test` and `most`: how many, where each costs more the more there are."""

    app: ASGIApp
    system: Callable[[str], System]
    count: Count
    kinds: Sequence[Fault]
    share: float
    holds: bool = False
    makes: Callable[[int], list[OutcomeTransaction]] | None = None
    expects: Callable[[int], Counter[str]] | None = None
    in_test: int = IN_TEST
    most: int = 10_000


SAP: dict[str, Any] = {
    "user": "MOS",
    "plant": "BRNO",
    "timezone": "Europe/Prague",
    "settle": 0,
    "work_centers": {unit: work_center_of(unit) for unit in UNITS},
    "equipment": {unit: {"object": unit.upper()} for unit in UNITS},
}


def _sap(_: Path) -> Lab:
    standin = SapStandIn({"MOS": WORD})

    def count() -> Counter[str]:
        notices = [row["NotificationText"] for row in standin.dump("MaintenanceNotification")]
        moved = [row for row in standin.dump("A_MaterialDocumentItem") if row["GoodsMovementType"] != "561"]
        return Counter(["downtime"] * len(notices) + [row["Batch"] for row in moved])

    def system(url: str) -> System:
        return build_sap(SapConfig.model_validate(SAP | {"url": url}), {"password": WORD}, Mortal(url))

    return Lab(sap_app(standin, "control"), system, count, (*BREAKING, *SLOWING), 0.0, holds=True)


def _sap_v4(_: Path) -> Lab:
    """Each posting changes a promise by OData v4 and then makes a document by v2. A change has no key of ours: that it
    was done once is told by the successful PATCHes, and that it stands by its day."""
    standin = SapStandIn({"MOS": WORD}, clock=lambda: ANCHOR)
    context = Context(standin.books, standin.plant, ANCHOR, "TEST")
    most = 1000
    with standin.books.transaction():
        for n in range(most):
            create_sale(context, _sold(n), {})

    def count() -> Counter[str]:
        notices = standin.dump("MaintenanceNotification")
        changed = [call for call in standin.records.calls() if call["method"] == "PATCH" and call["status"] < 300]
        days = [row["RequestedDeliveryDate"] for row in standin.dump("A_SalesOrder")]
        return Counter({"downtime": len(notices), "changes": len(changed), "stand": days.count(_PROMISED)})

    def system(url: str) -> System:
        config = SapConfig.model_validate(SAP | {"url": url, "sales_orders": "v4"})
        return build_sap(config, {"password": WORD}, Mortal(url))

    def expects(number: int) -> Counter[str]:
        return Counter(dict.fromkeys(("downtime", "changes", "stand"), number))

    app, kinds = sap_app(standin, "control"), (*BREAKING, *SLOWING)
    return Lab(app, system, count, kinds, 0.0, makes=_promises, expects=expects, in_test=40, most=most)


_PROMISED = "/Date(1798761600000)/"  # New Year's Day of 2027


def _sold(n: int) -> dict[str, Any]:
    kept = {"SalesOrderType": "OR", "SalesOrganization": "1000", "DistributionChannel": "10"}
    return kept | {"SalesOrder": f"CH-{n}", "OrganizationDivision": "00", "SoldToParty": "VESTA"}


def _promises(number: int) -> list[OutcomeTransaction]:
    promised = datetime(2027, 1, 1, 12, tzinfo=UTC)
    made = []
    for n, transaction in enumerate(postings(number, random.Random(SEED), holds=False)):
        promise: Outcome = ChangePromise(sale=f"CH-{n}", promised=promised)
        made.append(transaction.model_copy(update={"outcomes": [promise, *transaction.outcomes]}))
    return made


def _odoo(_: Path) -> Lab:
    standin = OdooStandIn(WORD)

    def count() -> Counter[str]:
        return Counter({"downtime": len(standin.dump("mrp.workcenter.productivity"))})

    def system(url: str) -> System:
        return build_odoo(OdooConfig(url=url), {"api_key": WORD}, Mortal(url))

    return Lab(odoo_app(standin, "control"), system, count, (*BREAKING, *DOUBLING, *SLOWING), 0.2)


def _erpnext(_: Path) -> Lab:
    standin = ErpNextStandIn("key", WORD)

    def count() -> Counter[str]:
        return Counter({"downtime": len(standin.dump("Downtime Entry"))})

    def system(url: str) -> System:
        config = ErpNextConfig(url=url, api_key="key", operator=OPERATOR, timezone="Europe/Prague")
        return build_erpnext(config, {"api_secret": WORD}, Mortal(url))

    return Lab(erpnext_app(standin, "control"), system, count, (*BREAKING, *DOUBLING, *SLOWING), 0.2)


def _rest(_: Path) -> Lab:
    standin = RestStandIn(WORD)

    def count() -> Counter[str]:
        return Counter({"downtime": len(standin.dump("downtimes"))})

    def system(url: str) -> System:
        settings = {"url": url, "mapping": MAPPING}
        return build_rest(RestConfig.model_validate(settings), {"token": WORD}, Mortal(url))

    return Lab(rest_app(standin, "control"), system, count, (*BREAKING, *DOUBLING, *SLOWING), 0.2)


def _mes(folder: Path) -> Lab:
    """The plant's MES: each order comes down once, every third is held at once; each change raises its version by
    one."""
    mes, books = [
        Mes(load_catalogue(), PlantClock(ANCHOR, real=lambda: ANCHOR), Database(folder / "mes.sqlite3")) for _ in "12"
    ]

    def count() -> Counter[str]:
        with books.view() as floor:
            orders = [order for name, order in floor.job_orders.items() if name.startswith("CH-")]
            held = sum(order.status == "held" for order in orders)
            return Counter({"orders": len(orders), "held": held, "changes": floor.version - 1})

    def system(url: str) -> System:
        return build_mes(MesConfig(url=url), {"token": WORD}, Mortal(url))

    def expects(number: int) -> Counter[str]:
        held = len(range(0, number, 3))
        return Counter({"orders": number, "held": held, "changes": number + held})

    app = mes_app(mes, WORD, "plant")
    return Lab(app, system, count, (*BREAKING, *DOUBLING, *SLOWING), 0.2, makes=_new_orders, expects=expects, most=1000)


def _new_orders(number: int) -> list[OutcomeTransaction]:
    made = []
    for n in range(number):
        start = ANCHOR + timedelta(days=5, hours=n)
        end = start + timedelta(minutes=50)
        works = [PlannedWork(seq=10, work_unit="mill-2", planned_start=start, planned_end=end)]
        times = {"planned_start": start, "planned_end": end, "works": works}
        outcomes: list[Outcome] = [CreateOrder(job_order=f"CH-{n}", material="PH-12", quantity=1, **times)]
        if n % 3 == 0:
            outcomes.append(SetOrderStatus(job_orders=[f"CH-{n}"], status="held", reason="chaos"))
        made.append(
            OutcomeTransaction(
                id=f"txn_{n}", key=f"exc_chaos_{n}:post:1", exception_id=f"exc_chaos_{n}", system=Target.MES,
                outcomes=outcomes,
            )
        )  # fmt: skip
    return made


LABS = {"sap": _sap, "sap v4": _sap_v4, "odoo": _odoo, "erpnext": _erpnext, "rest": _rest, "mes": _mes}


@pytest.fixture(params=list(LABS.values()), ids=list(LABS))
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Lab, int]]:
    made: Lab = request.param(tmp_path)
    with ExitStack() as stack:
        url = stack.enter_context(serving(made.app))
        yield made, int(url.rpartition(":")[2])


def postings(number: int, chance: random.Random, *, holds: bool) -> list[OutcomeTransaction]:
    """Downtimes that are over, and each lot held once."""
    start = datetime(2026, 11, 20, 8, tzinfo=UTC)
    begins = [start - timedelta(minutes=2 * n) for n in range(number)]
    outcomes: list[RecordDowntime | HoldLot] = [
        RecordDowntime(
            equipment=chance.choice(UNITS), start=begin, end=begin + timedelta(minutes=1), cause=f"chaos {n}"
        )
        for n, begin in enumerate(begins, start=1)
    ]
    outcomes += [HoldLot(lot=lot, reason="chaos") for lot in LOTS] if holds else []
    return [
        OutcomeTransaction(
            id=f"txn_{n}", key=f"exc_chaos_{n}:post:1", exception_id=f"exc_chaos_{n}", system=Target.ERP, outcomes=[one]
        )
        for n, one in enumerate(outcomes)
    ]


async def post_through_faults(lab: Lab, port: int, number: int) -> None:
    transactions = lab.makes(number) if lab.makes else postings(number, random.Random(SEED), holds=lab.holds)
    proxy = FaultProxy("127.0.0.1", port, Plan(SEED, rate=0.5, kinds=lab.kinds, seconds=0.05))
    async with proxy.serving() as url:
        systems = [lab.system(url), lab.system(url)]
        story = await drive(systems, transactions, random.Random(SEED), share=lab.share)
        await proxy.settled()
    downtimes = Counter({"downtime": number}) + Counter(LOTS if lab.holds else ())
    assert lab.count() == (lab.expects(number) if lab.expects else downtimes)
    met = set(proxy.counts()) - {Fault.NONE}
    assert met <= set(lab.kinds)
    assert len(met) > len(lab.kinds) // 2
    faults = ", ".join(f"{fault} {count}" for fault, count in sorted(proxy.counts().items()))
    print(
        f"\n{number} postings, seed {SEED}: {story.attempts} sent, {story.lookups} lookups, {story.killed} drivers "
        f"killed, exchanges {faults}"
    )


async def test_each_posting_is_in_the_standins_books_once(lab: tuple[Lab, int]) -> None:
    await post_through_faults(*lab, lab[0].in_test)


@pytest.mark.chaos
@pytest.mark.timeout(6 * 3600)
@pytest.mark.skipif(not MANY, reason="only with MOS_CHAOS_POSTINGS=<number>, as `make chaos` sets it")
async def test_each_of_many_postings_is_in_the_standins_books_once(lab: tuple[Lab, int]) -> None:
    await post_through_faults(*lab, min(MANY, lab[0].most))
