"""A broad `except` hides bugs. Only the named supervision points may have one, since only they know what to do next."""

from collections.abc import Mapping

from tests.house.outline import Outline

SUPERVISION_POINTS: dict[str, str] = {
    "intake/pump.py::_correlate_batch": "the batch is rolled back and its rows are tried one by one",
    "intake/pump.py::_deliver_or_hold_back": "the exception is held back with what happened, the others go on",
    "intake/pump.py::_move_or_quarantine": "the row that broke is quarantined with what happened, the others go on",
}
"""`path::function` -> why this place may catch everything (it restarts, quarantines or reports, and never goes on)."""


def test_only_supervision_points_catch_everything(outlines: Mapping[str, Outline]) -> None:
    found = [
        f"{path}:{line} in {function or 'the module'}"
        for path, told in outlines.items()
        for function, line in told.catches_all
        if f"{path}::{function}" not in SUPERVISION_POINTS
    ]
    assert not found, (
        "Catch the errors of domain.errors that you can act on. If this place truly supervises others, add it with its "
        "reason to SUPERVISION_POINTS in tests/house/test_errors.py.\n" + "\n".join(found)
    )


def test_supervision_points_exist(outlines: Mapping[str, Outline]) -> None:
    present = {f"{path}::{function}" for path, told in outlines.items() for function, _ in told.catches_all}
    gone = sorted(set(SUPERVISION_POINTS) - present)
    assert not gone, "Remove from SUPERVISION_POINTS in tests/house/test_errors.py:\n" + "\n".join(gone)
