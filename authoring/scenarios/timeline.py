"""A story beside what was expected of it, as a timeline to read."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from authoring.scenarios.playing import Played, offset
from authoring.simulator.effects import Story


@dataclass(frozen=True)
class Line:
    """One moment: what happened, or what was expected (`ok` None: just told)."""

    at: datetime
    text: str
    ok: bool | None = None


def timeline(played: Played) -> list[str]:
    """Time, what happened; expectations stand between at their times, `+` fulfilled, `-` missed."""
    start = played.scenario.start
    lines = sorted([*_story(played.story), *_expected(played)], key=lambda line: line.at)
    width = max((len(offset(line.at, start)) for line in lines), default=2)
    marks = {None: " ", True: "+", False: "-"}
    return [f"{offset(line.at, start):>{width}} {marks[line.ok]} {line.text}" for line in lines]


def _expected(played: Played) -> Iterator[Line]:
    last = (played.story.closed_at if played.story else None) or played.scenario.start
    for expected, result in played.results:
        note = f"   <- {result.got}" if result.got and not result.ok else ""
        yield Line(result.at or last, f"expected: {expected.text}{note}", result.ok)


def _story(story: Story | None) -> Iterator[Line]:
    if story is None:
        return
    yield from (Line(entry.at, text) for entry in story.entries if (text := _entry(story, entry.kind, entry)))


def _entry(story: Story, kind: str, entry: object) -> str:
    data = getattr(entry, "data", {})
    person, step = getattr(entry, "person", None), getattr(entry, "step", "")
    name = story.names.get(step, "") or step
    if kind in ("asked", "told"):
        rung = f" (rung {data['rung']})" if data.get("rung") else ""
        trouble = f" of trouble: {data['trouble']}" if data.get("trouble") else ""
        return f"{kind} {', '.join(data['people'])}: {data['task']}{rung}{trouble}"
    if kind == "nobody":
        return f"withdrawn: {data['task']}" if data.get("withdrawn") else f"nobody fits: {data['task']}"
    if kind in ("answer", "answer_refused"):
        said = " ".join(f"{key} {value}" for key, value in data["fields"].items())
        return f"{person} {data['verb']} {data['task']} {said}".rstrip() + f": {data['code']}"
    if kind in ("posting", "posted", "rejected"):
        detail = " ".join([*data.get("documents", []), data.get("detail", "")]).strip()
        return f"{kind} {name} {data.get('system', '')} {detail}".rstrip()
    if kind == "context":
        gaps = "; ".join(f"{key}: {why}" for key, why in data["gaps"].items())
        return f"context {', '.join(data['known'])}{f' without {gaps}' if gaps else ''}"
    if kind.startswith("agent_"):
        values = " ".join(f"{key} {value}" for key, value in data["values"].items())
        data = {"agent": data["agent"], "why": data["why"], "values": values}
    if kind == "step_failed":
        return f"failed {name}: {data['reason']}"
    if kind == "signal":
        facts = data["facts"]
        return f"signal {data['type']} {data['subject']} {facts.get('state', '')}".rstrip()
    told = ", ".join(f"{key} {value}" for key, value in data.items() if not isinstance(value, dict | list) and value)
    return f"{kind} {name} {told}".replace("  ", " ").strip()
