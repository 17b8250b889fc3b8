"""Every kind of step and every way to fail, as a workflow on a real server with effects in memory."""

import pytest

from tests.replay import fingerprint
from tests.replay.record import histories
from tests.replay.small import SMALL, play
from tests.support.servers import Temporal


@pytest.mark.parametrize("name", SMALL)
async def test_it_runs_to_its_end(temporal: Temporal, name: str) -> None:
    client = await temporal.client()
    effects = await play(client, name)
    assert not effects.rewritten, "a line of the story was told in two ways"
    assert sorted(effects.entries) == list(range(1, len(effects.entries) + 1)), "a line of the story is missing"
    problem = fingerprint.advice(name, fingerprint.of_recorded(name), fingerprint.of_all(await histories(client)))
    if problem:
        pytest.fail(problem, pytrace=False)


async def test_values_flow_from_step_to_step(temporal: Temporal) -> None:
    effects = await play(await temporal.client(), "choices")
    told = [request.name for request in effects.told]
    assert told == ["low", "few", "inner", "sum_told"]
    assert effects.told[-1].wording.scope["sum"] == {"twice": 42}


async def test_what_was_done_is_taken_back_the_last_first(temporal: Temporal) -> None:
    effects = await play(await temporal.client(), "cancelled")
    assert [request.name for request in effects.told][-1] == "taken_back"
    assert effects.settled[-1].standing == "withdrawn"


async def test_a_refused_posting_is_tried_again_under_a_new_key(temporal: Temporal) -> None:
    effects = await play(await temporal.client(), "retried")
    keys = [request.transaction.key for request in effects.posted]
    assert keys == ["exc_retried:0:1", "exc_retried:0:2"]
    assert [told.trouble for told in effects.told] == ["step_failed"]


async def test_a_migrated_exception_goes_on_where_it_stood(temporal: Temporal) -> None:
    effects = await play(await temporal.client(), "migrated")
    assert [request.name for request in effects.told] == ["look", "after"]


def test_a_changed_fingerprint_says_what_to_do() -> None:
    recorded = fingerprint.of_recorded("people")
    problem = fingerprint.advice("people", recorded, recorded + fingerprint.of_recorded("undone"))
    assert "tell" in problem
    assert "python -m tests.replay.record people" in problem


async def test_an_agent_that_is_wrong_or_away_leaves_what_its_author_provided_for(temporal: Temporal) -> None:
    effects = await play(await temporal.client(), "agents")
    lines = [(entry.kind, entry.data["why"]) for entry in effects.story() if entry.kind.startswith("agent_")]
    assert lines == [("agent_proposed", ""), ("agent_refused", "misfit"), ("agent_refused", "unavailable")]
    assert [request.name for request in effects.told] == ["proposed", "without", "stood_in"]
    assert [request.wording.proposals for request in effects.told] == [["history (80 %)"], [], []]
    assert [question.given for question in effects.questions] == [{"number": 1}, {"number": 1}]
