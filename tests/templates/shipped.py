"""Every message of the shipped definitions on every channel in every language, and the files that hold them.

`python -m tests.templates.shipped` writes the files anew: look at the difference before it is committed.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from activities.compose import Composer
from activities.contracts.asking import Silence
from activities.contracts.model import TellRequest, Wording
from activities.contracts.story import Projection
from authoring.check.looking import Look
from domain.asking.messages import Message, OptionCard
from domain.asking.task_choices import choices, inputs
from domain.asking.tasks import LiveTask
from domain.language.definition import ApproveStep, Definition, NotifyStep, TaskStep, step_kind, step_name, walk
from domain.language.definition_text import load
from domain.language.texts import SHIPPED
from domain.rosters.people import ChannelName, Selector
from domain.typing.scopes import Scopes
from domain.typing.tree import Kind, ListOf, Record, Scalar, Type
from domain.values import Json
from planning.wording import GAPS, PUSH_RIGHT, option_words
from templates.gsm import segments
from templates.render import render

FOLDER = Path(__file__).parent / "golden_shipped"
DEFINITIONS = Path(__file__).parents[2] / "workflows" / "definitions"
CHANNELS = (ChannelName.SLACK, ChannelName.SMS, ChannelName.WHATSAPP, ChannelName.VOICE, ChannelName.EMAIL)
ZONE, OPENED = ZoneInfo("Europe/Prague"), datetime(2026, 11, 22, 13, 5, tzinfo=UTC)
_VALUES: dict[str, Json] = {
    "down_for": "2h",
    "signal.system": "erp",
    "signal.link": "https://mos.example.com/ledger/txn_0199",
    "signal.why": "The period is closed.",
    "signal.unit": "kg",
    "signal.missing": 12.5,
    "signal.value": 40.25,
    "signal.low": 39.8,
    "signal.high": 40.1,
    "signal.quantity": 20.0,
    "signal.stop_reason": "E-104 spindle drive",
    "signal.reason": "E-104 spindle drive",
    "signal.characteristic": "diameter",
    "signal.material": "BAR-40",
    "signal.lot": "L-BAR-502",
    "signal.sale": "SO-2001",
    "signal.job_order": "JO-1001",
    "signal.location": "Store 2",
    "signal.customer_title": "Orlik Hydraulics",
    "signal.name": "Petr Novak",
    "signal.text": "oil under the press",
    "equipment.title": "Lathe 1",
    "equipment.area": "machining",
    "equipment.work_center": "turning",
    "site.timezone": "Europe/Prague",
}
_FIGURES = {"moved": "2", "late": "1", "delay": "90 min"}
_WORDS = {"sale": "SO-2001", "customer": "Orlik", "job_order": "JO-1001", "id": "JO-1001", "lot": "L-BAR-502"}


def messages() -> Iterator[tuple[str, str, Message]]:
    """Definition, step, and the message as it is asked, for nobody in particular."""
    for file in sorted(DEFINITIONS.glob("*.yaml")):
        definition = load(file.read_text("utf-8"), file.name)
        for path, step in walk(definition.steps):
            if isinstance(step, TaskStep | NotifyStep | ApproveStep):
                yield definition.definition, step_name(step), _asked(definition, path, step)


def _asked(definition: Definition, path: str, step: TaskStep | NotifyStep | ApproveStep) -> Message:
    scope = Look(Scopes(definition)).scopes.at(path)
    values = {name: _value(field.type, name) for name, field in scope.fields.items()}
    values |= {"opened_at": OPENED.isoformat(), "site": {"id": "s", "title": "Works", "timezone": ZONE.key}}
    task = LiveTask("tsk_0199", step_name(step), path, step) if not isinstance(step, NotifyStep) else None
    if task and isinstance(step, ApproveStep):
        plans = values.get(str(step.options).removeprefix("=").split(".")[0], {})
        cards = step.options if isinstance(step.options, list) else plans.get("options", [])
        task.options = [OptionCard.model_validate(card) for card in cards]
    request = TellRequest(
        task_id="tsk_0199",
        name=step_name(step),
        kind=str(step_kind(step)),
        selector=Selector(role="any"),
        wording=Wording(
            definition=definition.definition,
            step=step_name(step),
            title=step.title or definition.title,
            text=step.text,
            facts=step.facts,
            asks=step.ask if isinstance(step, TaskStep) else {},
            gaps=[],
            scope=values,
            priority="high",
        ),
        choices=choices(task, mine=False) if task else [],
        inputs=inputs(task, mine=False) if task else [],
        options=task.options if task else [],
        risk=getattr(step, "risk", "low"),
        deadline_at=OPENED + timedelta(minutes=30) if task else None,
        silence=_silence(step) if task else None,
        projection=Projection(exception_id="exc_0199", rev=1, handling="open", condition="active"),
    )
    return Composer("https://mos.example.com", ZONE, "exc_0199").asked(request, "K7QP" if task else "")


def _silence(step: Any) -> Silence:
    role = step.ladder[0].to.role if step.ladder else ""
    if step.ladder:
        return Silence(code="next", role=role, at=OPENED + timedelta(minutes=10))
    if isinstance(step, ApproveStep):
        return Silence(code="escalates", at=OPENED + timedelta(minutes=30))
    return Silence(code="goes_on" if step.otherwise else "owner", at=OPENED + timedelta(hours=1))


def _value(type: Type, path: str) -> Json:
    """A value of this type; what is named above as there."""
    name = path.rpartition(".")[2]
    if path in _VALUES or name in _VALUES:
        return _VALUES.get(path, _VALUES.get(name))
    if isinstance(type, Record):
        return {one: _value(field.type, f"{path}.{one}") for one, field in type.fields.items()}
    if isinstance(type, ListOf):
        return [_option(type.item, path)] if name == "options" else [_value(type.item, path)]
    if not isinstance(type, Scalar):
        return {}
    if type.values:
        return type.values[0]
    named: dict[Kind, Json] = {Kind.BOOL: True, Kind.TIME: "2026-11-23T07:30:00Z", Kind.INTEGER: 2, Kind.NUMBER: 2.5}
    return named.get(type.kind, _WORDS.get(name, "JO-1001" if "order" in path else name))


def _option(item: Type, path: str) -> Json:
    rush = path.startswith("slot")
    figures: dict[str, str | bool] = {"moved": "0", "in_time": True, "on": "Lathe 2"}
    words = option_words(GAPS, figures) if rush else option_words(PUSH_RIGHT, _FIGURES)
    return _value(item, path) | words | {"id": "gap" if rush else "push_right"}


def rendered(message: Message, language: str) -> dict[str, str]:
    """Channel -> what is sent."""
    mine = message.read_by(language)
    found: dict[str, str] = {}
    for channel in CHANNELS:
        payload = render(mine, channel)
        if channel is ChannelName.SMS:
            found[channel.value] = f"{payload['body']}\n({segments(payload['body'])} segments)"
        elif channel is ChannelName.VOICE:
            found[channel.value] = f"{payload['say']}\n{json.dumps(payload['keys'])}"
        elif channel is ChannelName.WHATSAPP:
            found[channel.value] = f"{payload['content']}: {json.dumps(payload['buttons'])}\n{payload['body']}"
        elif channel is ChannelName.EMAIL:
            found[channel.value] = f"{payload['subject']}\n\n{payload['text']}"
        else:
            found[channel.value] = yaml.safe_dump(payload, allow_unicode=True, width=110, sort_keys=False).strip()
    return found


def page(message: Message, language: str) -> str:
    """One file: all channels, one after the other."""
    return "".join(f"===== {channel}\n{text}\n" for channel, text in rendered(message, language).items())


def main() -> None:
    """Write every file, and say what text messages cost."""
    FOLDER.mkdir(exist_ok=True)
    counts: dict[str, list[int]] = {language: [] for language in SHIPPED}
    for definition, step, message in messages():
        for language in SHIPPED:
            (FOLDER / f"{definition}.{step}.{language}.txt").write_text(page(message, language), "utf-8")
            counts[language].append(segments(render(message.read_by(language), ChannelName.SMS)["body"]))
    for language, found in counts.items():
        shares = ", ".join(f"{found.count(n)} of {n}" for n in sorted(set(found)))
        print(f"{language}: {len(found)} texts, {shares} segments, {sum(found) / len(found):.2f} on average")


if __name__ == "__main__":
    main()
