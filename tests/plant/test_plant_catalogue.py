"""The catalogue: what is accepted, what is refused and how it says so, and what a seed draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.plant.catalogue import DEFAULT_PATH, CatalogueError, load_catalogue
from infra.plant.plant_control import draw


def _broken(tmp_path: Path, *place: str | int, value: Any) -> Path:
    document = yaml.safe_load(DEFAULT_PATH.read_text())
    inner = document
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    path = tmp_path / "catalogue.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def test_a_machine_has_its_isa_95_path() -> None:
    assert load_catalogue().path_of("lathe-2") == "havel/brno/machining/turning/lathe-2"


@pytest.mark.parametrize(
    "place,value,message",
    [
        (("work_units", 0, "work_center"), "sawing", "lathe-1: unknown work center 'sawing'"),
        (("job_orders", 0, "lot"), "L-NONE", "JO-1001: unknown lot 'L-NONE'"),
        (("job_orders", 0, "ops"), [[10, "lathe-1", 0]], "an operation is [seq, work unit, start, minutes]"),
        (("sales", 0, "quantity"), 0, "sales.0.quantity"),
        (("lots", 1, "id"), "L-BAR-501", "lots: id 'L-BAR-501' is there twice"),
        (("scenarios", "hold_lots"), [], "scenarios.hold_lots"),
    ],
)
def test_a_wrong_catalogue_says_where_and_what(
    tmp_path: Path, place: tuple[str | int, ...], value: Any, message: str
) -> None:
    with pytest.raises(CatalogueError) as refused:
        load_catalogue(_broken(tmp_path, *place, value=value))
    assert message in str(refused.value)


def test_a_missing_or_unreadable_catalogue_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="cannot be read"):
        load_catalogue(tmp_path / "none.yaml")
    (tmp_path / "half.yaml").write_text("site: {")
    with pytest.raises(CatalogueError, match="not valid YAML"):
        load_catalogue(tmp_path / "half.yaml")


def test_a_seed_draws_the_same_and_seeds_differ() -> None:
    catalogue = load_catalogue()
    assert draw(catalogue, 7) == draw(catalogue, 7)
    drawn = [draw(catalogue, seed) for seed in range(40)]
    assert {d["breakdown_a"] for d in drawn} == set(catalogue.scenarios.breakdown_a)
    assert {d["hold_lot"] for d in drawn} == set(catalogue.scenarios.hold_lots)


def test_breakdown_b_concerns_neither_materials_nor_customers() -> None:
    catalogue = load_catalogue()
    for unit in catalogue.scenarios.breakdown_b:
        orders = [order for order in catalogue.job_orders if unit in {op.work_unit for op in order.ops}]
        assert orders
        assert all(order.sale is None for order in orders)
        staged = {(entry.job_order, entry.seq) for entry in catalogue.staging}
        assert not staged & {(order.id, op.seq) for order in orders for op in order.ops if op.work_unit == unit}
