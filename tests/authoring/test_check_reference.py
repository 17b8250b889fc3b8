"""The reference of step kinds is true: every example is checked and played, and every field is told."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from activities.contracts.model import OpeningSignal
from authoring.check import check
from authoring.check.calls import bundled
from authoring.check.many import Shelf
from authoring.simulator.opening import Opener
from authoring.simulator.plant import Plant, SimulatedSystem
from authoring.simulator.simulation import simulate
from domain.language.definition_text import shape
from domain.language.parts import StepBase
from domain.language.steps import STEP_KINDS, STEP_MODELS
from infra.commands.scenarios import demo_setting

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "steps.md"
SECTION = re.compile(r"^## (\w+)\n(.*?)(?=^## |\Z)", re.M | re.S)
EXAMPLE = re.compile(r"^```yaml\n(.*?)^```", re.M | re.S)
SECTIONS = dict(SECTION.findall(PAGE.read_text(encoding="utf-8")))
EXAMPLES = {text.split()[1]: text for text in EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))}
OTHERS = Shelf(EXAMPLES)
AT = datetime(2026, 1, 5, 8, tzinfo=UTC)
SETTING = demo_setting()


@pytest.mark.parametrize("kind", STEP_KINDS)
def test_every_kind_has_its_example_and_every_field_is_told(kind: str) -> None:
    assert re.search(rf"^ *- {kind}:", SECTIONS[kind], re.M), "the example has no such step"
    model = STEP_MODELS[kind]
    own = {field.alias or name for name, field in model.model_fields.items() if name not in StepBase.model_fields}
    rows = re.findall(r"^\| `([^`]+)` \|", SECTIONS[kind], re.M)
    assert own == {name for row in rows for name in row.split(", ")}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_no_finding(name: str) -> None:
    findings = check(EXAMPLES[name], f"{name}.yaml", others=OTHERS, opening={})
    assert [one for one in findings if one.severity != "note"] == []


@pytest.mark.parametrize("name", [name for name, text in EXAMPLES.items() if "\nopens:" in text])
def test_an_example_runs_to_its_end(name: str) -> None:
    """Nobody answers: everything that waits has to end by itself."""
    definition, _, _ = shape(EXAMPLES[name], f"{name}.yaml")
    assert definition
    site, roster = SETTING.site, SETTING.roster
    opener = Opener(bundled(definition, OTHERS), site, {}, site.calendar)
    opening = opener.first([stopped()])
    assert opening is not None
    systems = {system: SimulatedSystem(system, dict(answers)) for system, answers in SETTING.answers(AT).items()}
    story = simulate(opening.given, Plant(roster, site.timezone, systems))
    assert story.ending in ("completed", "expired")
    assert story.pages
    assert [entry.data for entry in story.entries if entry.kind == "step_failed"] == []


def stopped() -> OpeningSignal:
    facts = {
        **{"equipment": "lathe-1", "subject": "lathe-1", "state": "aborted", "packml": 9, "unit_mode": 1},
        **{"stop_code": 7, "stop_reason": "jam", "planned_stop": False, "blocked": False, "starved": False},
    }
    return OpeningSignal(
        seq=1, type="machine.state", subject="lathe-1", equipment="lathe-1", occurred_at=AT, received_at=AT, facts=facts
    )
