"""The real workflow in its sandbox on the time-skipping server tells the stories that the simulator tells."""

import time

import pytest

from authoring.scenarios import suite
from infra.scenarios import SCENARIOS, demo_setting
from infra.scenarios_on_temporal import compare


@pytest.mark.timeout(300)  # a server for each scenario, about a second
def test_temporal_and_memory_tell_the_same_story_of_every_shipped_scenario() -> None:
    setting = demo_setting()
    report = suite.run(suite.files_of([SCENARIOS]), setting, time.perf_counter)
    compared = compare(report.cases, setting)
    assert len(compared) == len(report.cases)
    assert {case.file: case.differs for case in compared if case.differs} == {}
