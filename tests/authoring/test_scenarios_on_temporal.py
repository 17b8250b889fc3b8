"""The real workflow in its sandbox on the time-skipping server tells the stories that the simulator tells."""

import time
from pathlib import Path

import pytest

from authoring.scenarios import suite
from infra.commands.scenarios import SCENARIOS, demo_setting
from infra.commands.scenarios_on_temporal import compare

EVERY = suite.files_of([SCENARIOS])
ONE_OF_EACH = sorted({path.stem: path for path in EVERY}.values())


@pytest.mark.timeout(300)  # a server for each scenario, about half a second
@pytest.mark.parametrize(
    "files", [ONE_OF_EACH, pytest.param(EVERY, marks=pytest.mark.full)], ids=["one of each", "every"]
)
def test_temporal_and_memory_tell_the_same_story_of_shipped_scenarios(files: list[Path]) -> None:
    setting = demo_setting()
    report = suite.run(files, setting, time.perf_counter)
    compared = compare(report.cases, setting)
    assert len(compared) == len(report.cases) == len(files)
    assert {case.file: case.differs for case in compared if case.differs} == {}
