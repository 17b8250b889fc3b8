"""Definitions made up by hypothesis: valid ones always run to an end, invalid ones never start."""

import copy
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authoring.scenarios.comparing import differences
from authoring.simulator.effects import Story
from authoring.simulator.simulation import simulate
from domain.language import definition_text
from domain.language.definition_text import DefinitionError
from tests.authoring.generated import START, ByChance, Doc, documents, happenings, opened, plant

ENDINGS = {"completed", "returned", "expired", "cancelled", "undone", "failed", "closed_by_hand"}
SEEDS = st.integers(0, 10**6)
made = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def _run(document: Doc, seed: int, renew_after: int = 0) -> Story:
    definition = definition_text.load(yaml.safe_dump(document, sort_keys=False))
    given_exception, chance = opened(definition), ByChance(seed)
    return simulate(
        given_exception, plant(seed), chance, happenings(seed, definition), renew_after=renew_after, most_turns=200_000
    )


@made
@given(documents(), SEEDS)
def test_a_valid_definition_runs_to_an_end(document: Doc, seed: int) -> None:
    story = _run(document, seed)
    assert story.ending in ENDINGS
    assert story.closed_at is not None
    assert story.last is not None
    assert story.last.handling in ("closed", "cancelled")
    assert [entry.number for entry in story.entries] == list(range(1, len(story.entries) + 1))
    posted = [posting.transaction.key for posting in story.postings]
    assert len(posted) == len(set(posted))
    standings = [task["standing"] for task in story.last.state["tasks"].values()]
    assert not {"open", "yours", "taken"} & set(standings), "nobody is left with an open task"


@made
@given(documents(), SEEDS, st.sampled_from([1, 2, 5]))
def test_renewing_the_run_changes_nothing(document: Doc, seed: int, effects: int) -> None:
    whole, renewed = _run(document, seed), _run(document, seed, renew_after=effects)
    assert differences(whole, renewed, START, timedelta(0)) == []


def _step(document: Doc) -> Doc:
    step: Doc = document["steps"][0]
    return step


MISTAKES: dict[str, Callable[[Doc], Any]] = {
    "unknown field": lambda doc: doc.update(surprise=1),
    "unknown field of a step": lambda doc: _step(doc).update(surprise=1),
    "no steps": lambda doc: doc.update(steps=[]),
    "no step kind": lambda doc: doc["steps"].append({"dance": "x"}),
    "two kinds that can't be one step": lambda doc: doc["steps"].append({"if": "true", "approve": "x"}),
    "name twice": lambda doc: doc["steps"].extend([{"notify": "twice", "to": {"role": "lead"}}] * 2),
    "name of a query": lambda doc: doc["steps"].append({"notify": "stock", "to": {"role": "lead"}}),
    "nobody named": lambda doc: doc["steps"].append({"notify": "x", "to": {}}),
    "wait without a bound": lambda doc: doc["steps"].append({"wait": "x", "until": "true"}),
    "no duration": lambda doc: doc["closes"].update(within="soon"),
    "no moment": lambda doc: doc["steps"].append({"wait": "x", "at": "noonish"}),
    "unknown name": lambda doc: doc["steps"].append(
        {"if": "nonsense.x > 1", "then": [{"call": "x", "definition": "p"}]}
    ),
    "no expression": lambda doc: doc["opens"].update(when="signal.state =="),
    "no text template": lambda doc: doc.update(title=""),
    "unknown signal": lambda doc: doc["opens"].update(on=["machine.mood"]),
    "unknown query": lambda doc: doc["steps"].append({"notify": "x", "to": {"role": "lead"}, "refresh": ["weather"]}),
    "no ground for a post": lambda doc: doc["steps"].append(
        {"post": "x", "to": "erp", "outcomes": [{"hold_lot": {"lot": "L", "reason": "r"}}]}
    ),
    "beyond the standing authority": lambda doc: doc["steps"].append(
        {
            "post": "x",
            "to": "erp",
            "standing": True,
            "outcomes": [{"dispose_lot": {"lot": "L", "disposition": "scrap"}}],
        }
    ),
    "unknown system": lambda doc: doc["steps"].append(
        {"post": "x", "to": "crm", "standing": True, "outcomes": [{"hold_lot": {"lot": "L", "reason": "r"}}]}
    ),
    "no authority": lambda doc: doc["steps"].append(
        {"approve": "x", "to": {"role": "lead"}, "options": [], "within": "1h"}
    ),
    "silent yes": lambda doc: doc["steps"].append(
        {
            "approve": "x",
            "to": {"role": "lead"},
            "options": [],
            "within": "1h",
            "authority": "a",
            "on_timeout": "approve",
        }
    ),
    "calls itself": lambda doc: doc["steps"].append({"call": "x", "definition": "made_up"}),
    "a loop without end": lambda doc: doc["steps"].append(
        {"repeat": "x", "do": [{"notify": "y", "to": {"role": "lead"}}], "until": "false"}
    ),
    "a loop too long": lambda doc: doc["steps"].append(
        {"repeat": "x", "do": [{"notify": "y", "to": {"role": "lead"}}], "until": "false", "at_most": 10**6}
    ),
    "rules and csv": lambda doc: doc["steps"].append({"decide": "x", "rules": [{"when": "true"}], "csv": "a\n1\n"}),
    "a case named else": lambda doc: doc["steps"].append(
        {"switch": "params.level", "cases": {"else": [{"notify": "y", "to": {"role": "lead"}}]}}
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(documents())
def test_an_invalid_definition_is_refused(mistake: str, document: Doc) -> None:
    broken = copy.deepcopy(document)
    definition_text.load(yaml.safe_dump(document, sort_keys=False))
    MISTAKES[mistake](broken)
    with pytest.raises(DefinitionError) as caught:
        definition_text.load(yaml.safe_dump(broken, sort_keys=False))
    assert all(finding.line >= 1 and finding.message for finding in caught.value.findings)
