"""What a workflow commands, as far as it does not depend on the moment: effects and children, by name and number.

Writing the story (`record`) and timers are left out: how many there are depends on who was faster.
"""

import base64
import json
from collections import Counter
from pathlib import Path
from typing import Any

from activities.contracts import calls

HISTORIES = Path(__file__).with_name("histories")
ADVICE = """\
'{name}': the interpreter commands other effects than when this was recorded:
  {difference}
A replay of old histories may still pass, but what people see and systems get has changed. Choose:
- Meant: make it a new generation when a release has the old way (workflows/engine/generations.py, ADR 0011); then
  python -m tests.replay.record {name}
- Not meant: take it back."""


def commands(history: dict[str, Any]) -> Counter[str]:
    """Effects and children of one history in Temporal's JSON."""
    found: Counter[str] = Counter()
    for event in history["events"]:
        marker = event.get("markerRecordedEventAttributes")
        if marker and "data" in marker.get("details", {}):
            found[_local_activity(marker)] += 1
        activity = event.get("activityTaskScheduledEventAttributes")
        if activity:
            found[activity["activityType"]["name"]] += 1
        child = event.get("startChildWorkflowExecutionInitiatedEventAttributes")
        if child:
            found[child["workflowType"]["name"]] += 1
    found.pop(calls.RECORD.name, None)
    return found


def _local_activity(marker: dict[str, Any]) -> str:
    data = json.loads(base64.b64decode(marker["details"]["data"]["payloads"][0]["data"]))
    return str(data["activity_type"])


def of_recorded(name: str) -> Counter[str]:
    """All that the workflows of a recorded story commanded."""
    return of_all(json.loads((HISTORIES / f"{name}.json").read_text(encoding="utf-8")))


def of_all(histories: dict[str, Any]) -> Counter[str]:
    return sum((commands(history) for history in histories.values()), Counter())


def advice(name: str, recorded: Counter[str], now: Counter[str]) -> str:
    """What to do about a difference; empty when there is none."""
    changed = [f"{what} {recorded[what]} -> {now[what]}" for what in recorded | now if recorded[what] != now[what]]
    return ADVICE.format(name=name, difference=", ".join(changed)) if changed else ""
