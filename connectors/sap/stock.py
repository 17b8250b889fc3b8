"""What a batch has in stock, from its goods movements: none of the services tells stock. Pure.

Each movement type takes from one stock and adds to another. The list is [memory]; a plant's own types come from its
settings. Lines that SAP makes by itself (`IsAutomaticallyCreated`) are the other side of a line and are not counted.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.sap.config import Stock
from domain.errors import ConfigError, RejectedError

_PAIRS: Mapping[str, tuple[Stock, Stock]] = {
    "101": ("outside", "unrestricted"),
    "261": ("unrestricted", "outside"),
    "201": ("unrestricted", "outside"),
    "601": ("unrestricted", "outside"),
    "561": ("outside", "unrestricted"),
    "551": ("unrestricted", "outside"),
    "553": ("quality", "outside"),
    "555": ("blocked", "outside"),
    "321": ("quality", "unrestricted"),
    "343": ("blocked", "unrestricted"),
    "349": ("blocked", "quality"),
    "311": ("unrestricted", "unrestricted"),
    "325": ("blocked", "blocked"),
}


def _effects() -> dict[str, tuple[Stock, Stock]]:
    back = {str(int(kind) + 1): (to, source) for kind, (source, to) in _PAIRS.items()}
    return {**back, **_PAIRS}


_EFFECTS = _effects()


@dataclass(frozen=True)
class Place:
    material: str
    plant: str
    location: str
    unit: str


@dataclass(frozen=True)
class Batch:
    """`stock[place][kind]`: quantities of unrestricted, quality and blocked stock. `version` changes with any
    movement."""

    name: str
    material: str
    stock: Mapping[Place, Mapping[Stock, Decimal]]
    reason: str
    version: str

    def quantities(self, kind: Stock) -> dict[Place, Decimal]:
        """Where there is any of this kind."""
        return {place: held[kind] for place, held in self.stock.items() if held.get(kind, Decimal(0)) > 0}


def batch_of(name: str, items: Iterable[Mapping[str, Any]], own: Mapping[str, tuple[Stock, Stock]]) -> Batch | None:
    """From all items of the batch, oldest first; None without any. Raises ConfigError for a movement type that nobody
    described, RejectedError when several materials have a batch of this name."""
    stock: defaultdict[Place, defaultdict[Stock, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    counted, last = [], ""
    for item in items:
        if item.get("IsAutomaticallyCreated") == "X":
            continue
        counted.append(item)
        kind = str(item["GoodsMovementType"])
        if kind not in own and kind not in _EFFECTS:
            raise ConfigError(f"Say what movement type {kind} does: add it to effects in the settings of SAP.")
        _move(stock, item, kind, own[kind] if kind in own else _EFFECTS[kind])
        last = str(item.get("MaterialDocumentItemText") or "")
    if not counted:
        return None
    if len(materials := sorted({str(item["Material"]) for item in counted})) > 1:
        raise RejectedError(f"SAP has batch {name} of several materials ({', '.join(materials)}): do it in SAP.")
    reason = last if any(held["blocked"] > 0 for held in stock.values()) else ""
    return Batch(name, str(counted[0]["Material"]), stock, reason, str(len(counted)))


def _move(
    stock: Mapping[Place, dict[Stock, Decimal]], item: Mapping[str, Any], kind: str, effect: tuple[Stock, Stock]
) -> None:
    here = str(item.get("StorageLocation") or "")
    there = str(item.get("IssuingOrReceivingStorageLoc") or "") or here
    if effect[0] == effect[1] and kind in ("312", "326"):
        here, there = there, here  # a reversed transfer goes the way back
    quantity = item.get("QuantityInBaseUnit") or Decimal(0)
    for location, change, which in ((here, -quantity, effect[0]), (there, quantity, effect[1])):
        if which != "outside":
            place = Place(str(item["Material"]), str(item["Plant"]), location, str(item.get("MaterialBaseUnit") or ""))
            stock[place][which] += change
