"""Signals that the product itself puts into the inbox: nobody is left to ask, somebody reports an exception, the
ledger and the books disagree."""

from datetime import datetime

from domain.errors import InvalidPayloadError
from domain.rosters.people import Person
from domain.signals import TROUBLES, RawSignal, Signal, SignalType
from domain.values import Json

OWN = "mos"
NOBODY_TO_ASK = SignalType.NOBODY_TO_ASK.value
OPERATOR_REPORT = SignalType.OPERATOR_REPORT.value
LEDGER_DIFFERENCE = SignalType.LEDGER_DIFFERENCE.value
_NOBODY = ("task", "step", "title", "of", "definition", "urgency")
_LEDGER = ("transaction", "kind", "system", "of", "title", "definition", "urgency", "why", "link", "needs")
_DECIDER = ("decided_by", "decided_by_name")


def report(person: Person, text: str, equipment: str | None, number: int, at: datetime) -> RawSignal:
    """What somebody reports by a channel or the console; `number`: the answer's own in the inbox."""
    body: dict[str, Json] = {
        "person": person.id,
        "name": person.name,
        "text": text[:2000],
        "equipment": equipment,
    }
    return RawSignal(source=OWN, event_id=f"report:{number}", kind=OPERATOR_REPORT, body=body, occurred_at=at)


def read_report(raw: RawSignal) -> Signal:
    """Normaliser of `operator.report`: reports about one machine belong together."""
    facts = _facts(raw, ("person", "name", "text"))
    return _signal(raw, SignalType.OPERATOR_REPORT, str(raw.body.get("equipment") or raw.event_id), facts)


def read_nobody(raw: RawSignal) -> Signal:
    """Normaliser of `mos.nobody_to_ask`."""
    facts = _facts(raw, _NOBODY)
    return _signal(raw, SignalType.NOBODY_TO_ASK, str(facts["of"]), facts)


def read_ledger(raw: RawSignal) -> Signal:
    """Normaliser of `mos.ledger_difference`: `subject` names what people see as one trouble."""
    facts = _facts(raw, (*_LEDGER, *_DECIDER))
    if facts["kind"] not in TROUBLES:
        raise InvalidPayloadError(f"no {raw.kind}: nothing is '{facts['kind']}'")
    try:
        facts["group"] = TROUBLES[facts["kind"]]
        facts["objects"] = [str(name) for name in raw.body["objects"]]
        facts["changes"] = [
            {name: str(change[name]) for name in ("record", "field", "before", "after")}
            for change in raw.body["changes"]
        ]
        facts["count"] = int(raw.body["count"])
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidPayloadError(f"no {raw.kind}: {error}") from error
    return _signal(raw, SignalType.LEDGER_DIFFERENCE, str(raw.body["subject"]), facts)


def _signal(raw: RawSignal, kind: SignalType, subject: str, facts: dict[str, Json]) -> Signal:
    at = raw.occurred_at
    if at is None:
        raise InvalidPayloadError(f"no {raw.kind}: it says not when")
    equipment = raw.body.get("equipment") or None
    return Signal(type=kind, equipment=equipment, subject=subject[:200], occurred_at=at, facts=facts)


def _facts(raw: RawSignal, names: tuple[str, ...]) -> dict[str, Json]:
    try:
        return {name: str(raw.body[name]) for name in names}
    except (KeyError, TypeError) as error:
        raise InvalidPayloadError(f"no {raw.kind}: {error}") from error
