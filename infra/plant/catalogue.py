"""The demo plant's one truth, read from `catalogue.yaml` and checked before any peer starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from infra.plant import misfits

DEFAULT_PATH = Path(__file__).with_name("catalogue.yaml")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where the wheel has it


class CatalogueError(ValueError):
    """The catalogue cannot be used; the message names the file, the place and what is wrong, one problem a line."""


class _Named(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=_Named)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Site(_Entry):
    """ISA-95 enterprise and site, with the site's IANA time zone. Further labels are for people: not read here."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    enterprise: str
    site: str
    title: str
    timezone: str


class Area(_Entry):
    """ISA-95 area."""

    id: str
    title: str


class WorkCenter(_Entry):
    """ISA-95 work center; its work units are alternatives to each other."""

    id: str
    area: str
    title: str


class WorkUnit(_Entry):
    """ISA-95 work unit: one machine, and the protocol on which it reports its state."""

    id: str
    work_center: str
    title: str
    speaks: Literal["opcua", "mqtt"]


class BomLine(_Entry):
    """Quantity of an input per piece made."""

    material: str
    quantity: float = Field(gt=0)


class RoutingStep(_Entry):
    """One operation of a routing."""

    seq: int
    name: str
    work_center: str


class Material(_Entry):
    """A material definition; `cost` and `price` per unit."""

    id: str
    title: str
    kind: Literal["raw", "made"]
    lots: bool
    unit: str
    cost: float
    price: float | None = None
    bom: tuple[BomLine, ...] = ()
    routing: tuple[RoutingStep, ...] = ()


class Lot(_Entry):
    """A lot in the warehouse when the plant starts."""

    id: str
    material: str
    quantity: float = Field(gt=0)


class Customer(_Entry):
    """A customer; key customers weigh more."""

    id: str
    title: str
    customer_class: Literal["key", "standard"] = Field(alias="class")


class Sale(_Entry):
    """A sales order; `promised` in minutes from the anchor."""

    id: str
    customer: str
    material: str
    quantity: float = Field(gt=0)
    promised: int


def _operation(value: Any) -> Any:
    """Read the short form `[seq, work unit, start, minutes]`."""
    if isinstance(value, list):
        if len(value) != 4:
            raise ValueError("an operation is [seq, work unit, start, minutes]")
        return dict(zip(("seq", "work_unit", "start", "minutes"), value, strict=True))
    return value


class Operation(_Entry):
    """A planned operation; `start` in minutes from the anchor."""

    seq: int
    work_unit: str
    start: int
    minutes: int = Field(gt=0)


class JobOrder(_Entry):
    """A job order of the MES; its id is also the reference of the ERP's production order."""

    id: str
    material: str
    quantity: float = Field(gt=0)
    sale: str | None = None
    lot: str
    state: Literal["planned", "released", "running"]
    ops: tuple[Annotated[Operation, BeforeValidator(_operation)], ...] = Field(min_length=1)


class Staging(_Entry):
    """Material carried to a machine; `at` in minutes from the anchor."""

    job_order: str
    seq: int
    lot: str
    location: str
    at: int


class InspectionPlan(_Entry):
    """What is measured on a lot of a material, with its tolerance."""

    id: str
    material: str
    characteristic: str
    unit: str
    low: float
    high: float
    nominal: float


class StopReason(_Entry):
    """A code of PackML Admin.StopReason."""

    code: int
    text: str
    kind: Literal["fault", "planned"]


class RushDraw(_Entry):
    """A rush sale; `wanted` in minutes from the moment it is received."""

    customer: str
    material: str
    quantity: float = Field(gt=0)
    wanted: int = Field(gt=0)


class Scenarios(_Entry):
    """What a seed may draw."""

    breakdown_a: tuple[str, ...] = Field(min_length=1)
    breakdown_b: tuple[str, ...] = Field(min_length=1)
    hold_lots: tuple[str, ...] = Field(min_length=1)
    short_orders: tuple[str, ...] = Field(min_length=1)
    slow_orders: tuple[str, ...] = Field(min_length=1)
    rush: tuple[RushDraw, ...] = Field(min_length=1)


class Catalogue(_Entry):
    """The whole plant. Every reference between its parts has been checked."""

    site: Site
    areas: tuple[Area, ...]
    work_centers: tuple[WorkCenter, ...]
    work_units: tuple[WorkUnit, ...]
    materials: tuple[Material, ...]
    lots: tuple[Lot, ...]
    customers: tuple[Customer, ...]
    sales: tuple[Sale, ...]
    job_orders: tuple[JobOrder, ...]
    staging: tuple[Staging, ...]
    inspections: tuple[InspectionPlan, ...]
    stop_reasons: tuple[StopReason, ...]
    scenarios: Scenarios

    @model_validator(mode="after")
    def _references_exist(self) -> Catalogue:
        problems = [*_duplicates(self), *_dangling(self)]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def work_unit(self, unit_id: str) -> WorkUnit:
        """Raises KeyError when the plant has no such work unit."""
        return _by_id(self.work_units, unit_id)

    def work_center(self, center_id: str) -> WorkCenter:
        """Raises KeyError when the plant has no such work center."""
        return _by_id(self.work_centers, center_id)

    def material(self, material_id: str) -> Material:
        """Raises KeyError when the plant has no such material."""
        return _by_id(self.materials, material_id)

    def lot(self, lot_id: str) -> Lot:
        """Raises KeyError when the plant has no such lot."""
        return _by_id(self.lots, lot_id)

    def customer(self, customer_id: str) -> Customer:
        """Raises KeyError when the plant has no such customer."""
        return _by_id(self.customers, customer_id)

    def sale(self, sale_id: str) -> Sale:
        """Raises KeyError when the plant has no such sale."""
        return _by_id(self.sales, sale_id)

    def stop_reason(self, code: int) -> StopReason:
        """Raises KeyError when the plant has no such stop reason."""
        for reason in self.stop_reasons:
            if reason.code == code:
                return reason
        raise KeyError(code)

    def units_speaking(self, protocol: Literal["opcua", "mqtt"]) -> tuple[WorkUnit, ...]:
        """The work units that report on this protocol, in the catalogue's order."""
        return tuple(unit for unit in self.work_units if unit.speaks == protocol)

    def units_of(self, center_id: str) -> tuple[WorkUnit, ...]:
        """The work units of a work center: each other's alternatives."""
        return tuple(unit for unit in self.work_units if unit.work_center == center_id)

    def path_of(self, unit_id: str) -> str:
        """ISA-95 path `enterprise/site/area/work center/work unit`, also the Unified Namespace topic."""
        unit = self.work_unit(unit_id)
        center = self.work_center(unit.work_center)
        return f"{self.site.enterprise}/{self.site.site}/{center.area}/{center.id}/{unit.id}"


def load_catalogue(path: Path = DEFAULT_PATH) -> Catalogue:
    """Read and check a catalogue file.

    Raises CatalogueError when the file is missing, is no YAML or does not describe a consistent plant.
    """
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), _LOADER)  # noqa: S506 -- a safe one
    except OSError as error:
        raise CatalogueError(f"{path}: cannot be read ({error.strerror}).") from error
    except yaml.YAMLError as error:
        raise CatalogueError(f"{path}: is not valid YAML: {error}") from error
    try:
        return Catalogue.model_validate(document)
    except ValidationError as error:
        faults = error.errors()
        lines = [f"{path}: {misfits.place(fault) or 'catalogue'}: {misfits.words(fault)}" for fault in faults]
        raise CatalogueError("\n".join(lines)) from error


def _by_id(entries: Iterable[T], wanted: str) -> T:
    for entry in entries:
        if entry.id == wanted:
            return entry
    raise KeyError(wanted)


def _duplicates(catalogue: Catalogue) -> list[str]:
    problems = []
    for kind in ("areas", "work_centers", "work_units", "materials", "lots", "customers", "sales", "job_orders"):
        ids = [entry.id for entry in getattr(catalogue, kind)]
        problems += [f"{kind}: id {entry!r} is there twice" for entry in sorted({i for i in ids if ids.count(i) > 1})]
    return problems


def _dangling(catalogue: Catalogue) -> list[str]:
    """One line for every name that nothing in the catalogue bears."""
    known = {
        "area": {area.id for area in catalogue.areas},
        "work center": {center.id for center in catalogue.work_centers},
        "work unit": {unit.id for unit in catalogue.work_units},
        "material": {material.id for material in catalogue.materials},
        "lot": {lot.id for lot in catalogue.lots},
        "customer": {customer.id for customer in catalogue.customers},
        "sale": {sale.id for sale in catalogue.sales},
        "job order": {order.id for order in catalogue.job_orders},
    }
    return [
        f"{where}: unknown {kind} {name!r}" for where, kind, name in _references(catalogue) if name not in known[kind]
    ]


def _references(c: Catalogue) -> Iterator[tuple[str, str, str]]:
    """Every (place, kind of thing, its name) that the catalogue refers to."""
    yield from ((center.id, "area", center.area) for center in c.work_centers)
    yield from ((unit.id, "work center", unit.work_center) for unit in c.work_units)
    for material in c.materials:
        yield from ((material.id, "material", line.material) for line in material.bom)
        yield from ((material.id, "work center", step.work_center) for step in material.routing)
    yield from ((lot.id, "material", lot.material) for lot in c.lots)
    for sale in c.sales:
        yield (sale.id, "customer", sale.customer)
        yield (sale.id, "material", sale.material)
    for order in c.job_orders:
        yield (order.id, "material", order.material)
        yield (order.id, "lot", order.lot)
        if order.sale is not None:
            yield (order.id, "sale", order.sale)
        yield from ((order.id, "work unit", op.work_unit) for op in order.ops)
    for staging in c.staging:
        yield ("staging", "job order", staging.job_order)
        yield ("staging", "lot", staging.lot)
    yield from ((plan.id, "material", plan.material) for plan in c.inspections)
    yield from _drawn(c.scenarios)


def _drawn(scenarios: Scenarios) -> Iterator[tuple[str, str, str]]:
    yield from (("scenarios.breakdown_a", "work unit", unit) for unit in scenarios.breakdown_a)
    yield from (("scenarios.breakdown_b", "work unit", unit) for unit in scenarios.breakdown_b)
    yield from (("scenarios.hold_lots", "lot", lot) for lot in scenarios.hold_lots)
    for name in ("short_orders", "slow_orders"):
        yield from ((f"scenarios.{name}", "job order", order) for order in getattr(scenarios, name))
    for draw in scenarios.rush:
        yield ("scenarios.rush", "customer", draw.customer)
        yield ("scenarios.rush", "material", draw.material)
