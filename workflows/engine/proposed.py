"""Which proposals people are shown when they are asked something: they are to know that nobody confirmed them."""

from collections.abc import Mapping

from domain.language.provenance import Provenance, named_in, shown_in
from domain.language.steps import Told
from domain.values import Json


def proposals(known: Provenance, step: Told, scope: Mapping[str, Json]) -> list[str]:
    """The agents behind what this step shows, with their confidence: `history (80 %)`. What stands in for a proposal
    is its author's, and is not told."""
    if not known.agents:
        return []
    names = named_in(shown_in(step))
    behind = {known.agents[path] for name in names for path in known.names.get(name, ())}
    return sorted({told for name in behind | names if (told := _told(scope.get(name)))})


def _told(result: Json) -> str:
    if not isinstance(result, dict) or result.get("source") != "agent" or not result.get("agent"):
        return ""
    confidence = result.get("confidence")
    return str(result["agent"]) + (f" ({round(100 * confidence)} %)" if confidence is not None else "")
