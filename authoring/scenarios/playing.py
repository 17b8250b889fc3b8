"""Playing a scenario and holding its story against what was expected."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from authoring.scenarios.coverage import Coverage
from authoring.scenarios.expecting import Expectation, Result
from authoring.scenarios.reading import Scenario
from authoring.simulator.effects import Story
from authoring.simulator.simulation import simulate
from workflows.steps.registry import STEPS


@dataclass(frozen=True)
class Played:
    """`story` None: nothing was opened. `results`: one for each expectation, in the order of the file."""

    scenario: Scenario
    story: Story | None
    results: list[tuple[Expectation, Result]]

    @property
    def passed(self) -> bool:
        return all(result.ok for _, result in self.results)

    @property
    def failures(self) -> Sequence[tuple[Expectation, Result]]:
        return [(expected, result) for expected, result in self.results if not result.ok]


def play(scenario: Scenario, coverage: Coverage | None = None, *, renew_after: int = 0) -> Played:
    """In memory, on a virtual clock."""
    story = tell(scenario, coverage, renew_after=renew_after)
    return Played(scenario, story, [(one, one.check(story)) for one in scenario.expectations])


def tell(scenario: Scenario, coverage: Coverage | None = None, *, renew_after: int = 0) -> Story | None:
    """The story alone; None when the signals open nothing."""
    if scenario.opening is None:
        return None
    story = simulate(
        scenario.opening.given,
        scenario.plant,
        scenario.script.fresh(),
        scenario.happenings,
        renew_after=renew_after,
        kinds=coverage.kinds() if coverage else STEPS,
    )
    if coverage:
        coverage.watch(story)
    return story


def offset(moment: datetime, start: datetime) -> str:
    """`1h10m` after the start, as scenarios write it."""
    seconds = round((moment - start).total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [f"{value}{unit}" for value, unit in ((days, "d"), (hours, "h"), (minutes, "m"), (rest, "s")) if value]
    return sign + ("".join(parts) or "0s")
