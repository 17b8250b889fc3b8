"""An exception by definition makes no more history events than a workflow of the same shape written by hand."""

from bench.interpreter import measure
from tests.support.servers import Temporal


async def test_a_definition_makes_no_more_events_than_a_workflow_written_by_hand(temporal: Temporal) -> None:
    found = await measure(temporal, rounds=1, warm=0)
    assert found["by_definition"].events <= found["by_hand"].events
