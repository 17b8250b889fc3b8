"""A scenario's signals, with the facts that its author did not care to write."""

from collections.abc import Callable, Sequence
from datetime import datetime

from activities.contracts.model import OpeningSignal
from authoring.scenarios.model import SignalDoc
from authoring.scenarios.naming import Reader
from authoring.scenarios.sentences import shifted
from domain.signals import FACTS, SignalType
from domain.site import Site
from domain.values import Json

_PACKML = {
    name: number
    for number, name in enumerate(
        (
            *("clearing", "stopped", "starting", "idle", "suspended", "running", "stopping", "aborting", "aborted"),
            *("holding", "held", "unholding", "suspending", "unsuspending", "resetting", "completing", "completed"),
        ),
        1,
    )
}  # ISA-TR88.00.02


def signals_of(
    docs: Sequence[SignalDoc], start: datetime, moment: Callable[[str], datetime], site: Site, reader: Reader
) -> list[OpeningSignal]:
    """In the order of their receipt."""
    found: list[OpeningSignal] = []
    for index, doc in enumerate(docs):
        try:
            at = moment(doc.at)
        except ValueError as error:
            reader.wrong(str(error), "signals", index, "at")
            at = start
        if doc.equipment:
            reader.known("equipment", doc.equipment, [one.id for one in site.equipment], "signals", index, "equipment")
        facts = shifted(_facts(doc, index, reader), start)
        found.append(
            OpeningSignal(
                seq=0, type=doc.type, subject=doc.subject or doc.equipment or "", equipment=doc.equipment,
                occurred_at=at, received_at=at, facts=facts,
            )
        )  # fmt: skip
    ordered = sorted(found, key=lambda signal: signal.received_at)
    return [signal.model_copy(update={"seq": number}) for number, signal in enumerate(ordered, 1)]


def _facts(doc: SignalDoc, index: int, reader: Reader) -> dict[str, Json]:
    given: dict[str, Json] = dict(doc.model_extra or {})
    declared = FACTS[doc.type]
    for name in given:
        reader.known("fact", name, declared, "signals", index, name)
    known: dict[str, Json] = {name: None for name, kind in declared.items() if str(kind).endswith("|null")}
    known |= {"equipment": doc.equipment, "subject": doc.subject or doc.equipment or ""}
    if doc.type is SignalType.MACHINE_STATE:
        known |= {"unit_mode": 1, "planned_stop": False, "packml": _PACKML.get(str(given.get("state")), 0)}
    if doc.type is SignalType.MACHINE_ALARM:
        known |= {"active": True, "acked": False, "retain": True, "message": ""}
    facts = known | given
    missing = sorted(set(declared) - set(facts))
    if missing:
        reader.wrong(f"a signal {doc.type} also has: {', '.join(missing)}", "signals", index)
    return facts
