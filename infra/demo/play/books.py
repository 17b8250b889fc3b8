"""What the ERP's books hold of one exception, read as the plant's own user."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from infra.demo.play.patience import NotHappenedError
from infra.demo.play.peers import Peers
from infra.plant.erp.errors import ErpCallError
from infra.plant.erp.reader import Alert, Downtime, Lot, MaintenanceOrder, Order, Posting, Reader, Sale

T = TypeVar("T")
Times = Mapping[int, tuple[str, datetime | None, datetime | None]]
"""By a work's id: work unit, planned start and end."""


class Books:
    """Tryton, read. A refusal to read becomes NotHappenedError."""

    def __init__(self, peers: Peers) -> None:
        self._reader = Reader(peers.erp, peers.erp_password)

    def orders(self) -> dict[str, Order]:
        """Production orders by reference (= the MES's job order)."""
        return {order.reference: order for order in self._read(self._reader.orders)}

    def lot(self, number: str) -> Lot:
        """Raises KeyError for an unknown lot."""
        return {lot.number: lot for lot in self._read(self._reader.lots)}[number]

    def sale(self, reference: str) -> Sale | None:
        return next((sale for sale in self._read(self._reader.sales) if sale.reference == reference), None)

    def postings(self, exception: str) -> list[Posting]:
        """All decisions posted for one exception, oldest first. Their keys begin with its id."""
        return [posting for posting in self._read(self._reader.postings) if posting.key.startswith(f"{exception}:")]

    def downtimes(self, exception: str) -> list[Downtime]:
        return [downtime for downtime in self._read(self._reader.downtimes) if downtime.reference == exception]

    def maintenance(self, exception: str) -> list[MaintenanceOrder]:
        return [order for order in self._read(self._reader.maintenance_orders) if order.reference == exception]

    def alerts(self, exception: str) -> list[Alert]:
        return [alert for alert in self._read(self._reader.alerts) if alert.reference == exception]

    @staticmethod
    def _read(question: Callable[[], list[T]]) -> list[T]:
        try:
            return question()
        except ErpCallError as error:
            raise NotHappenedError(f"The ERP's books can't be read: {error}") from error


def times_of(order: Order) -> Times:
    """The planned times of an order's works."""
    return {work.id: (work.work_unit, work.planned_start, work.planned_end) for work in order.works}


def moved(before: Mapping[str, Order], now: Mapping[str, Order]) -> set[str]:
    """References of orders whose works have new planned times."""
    return {ref for ref, order in now.items() if ref in before and times_of(before[ref]) != times_of(order)}
