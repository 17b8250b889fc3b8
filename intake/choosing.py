"""Which version of a definition a signal meets: the one on trial in its areas and share, else the live one."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from domain import correlation
from domain.correlation import site_facts
from domain.errors import ConfigError
from domain.language import expressions
from domain.language.definition import Definition, Opens
from domain.signals import Signal
from domain.site import Site
from domain.values import Json
from store.read.definitions.versions import InForce, Pinned
from store.tables import InboxRow

__all__ = [
    "Look",
    "children_first",
    "cleared",
    "holding",
    "keys",
    "openers",
    "percentile",
    "seen_from_shadow",
    "site_facts",
]


@dataclass
class Look:
    """One signal, as definitions see it."""

    site: Site
    row: InboxRow
    signal: Signal
    _equipment: dict[str, Json] | None = None
    _scopes: dict[str, dict[str, Json]] = field(default_factory=dict)

    def hears(self, pinned: Pinned) -> Opens | None:
        """How this version opens on the signal; None when it does not listen to its type."""
        opens = pinned.definition.opens
        return opens if opens and self.signal.type in opens.on else None

    def scope(self, pinned: Pinned) -> dict[str, Json]:
        """What the version's conditions read."""
        if pinned.version not in self._scopes:
            self._scopes[pinned.version] = self._read(pinned.definition)
        return self._scopes[pinned.version]

    def key(self, pinned: Pinned, opens: Opens) -> str:
        """The correlation key. Raises ConfigError when the signal does not have what it is made of."""
        return correlation.key(opens, self.scope(pinned))

    def holds(self, pinned: Pinned, opens: Opens) -> bool:
        return expressions.holds(opens.when, self.scope(pinned))

    @property
    def equipment(self) -> dict[str, Json]:
        """The equipment that the signal is about, with its work center and area; empty without one."""
        if self._equipment is None:
            named = self.signal.equipment
            self._equipment = dict(self.site.describe(named)) if named else {}
        return self._equipment

    def _read(self, definition: Definition) -> dict[str, Json]:
        facts = (self.row.signal or {}).get("facts", {})
        parameters = self.site.parameters.get(definition.definition, {})
        return correlation.scope(
            definition,
            self.site,
            parameters,
            facts=facts,
            equipment=self.equipment,
            received_at=self.row.received_at,
        )


def openers(look: Look, offer: InForce) -> list[Pinned]:
    """Who may open on this signal, in this order. One version, but a safety signal is offered to both.

    Raises ConfigError when the key that the share is taken of can't be told.
    """
    first, second = (offer.trial, offer.live) if _on_trial(look, offer) else (offer.live, offer.trial)
    chosen = [first] if first else []
    if second and first is not second and (opens := second.definition.opens) and opens.safety:
        chosen.append(second)
    return chosen


def _on_trial(look: Look, offer: InForce) -> bool:
    if offer.trial is None:
        return False
    if offer.areas and not offer.areas.intersection(correlation.places(look.equipment)):
        return False
    return offer.share >= 100 or _share_of(look, offer) < offer.share


def _share_of(look: Look, offer: InForce) -> int:
    """Where the signal's key stands between 0 and 99. By the key that the version on trial makes of it."""
    for pinned in (offer.trial, offer.live):
        if pinned and (opens := look.hears(pinned)):
            return percentile(offer.name, look.key(pinned, opens))
    return 100  # neither listens: it does not matter


def percentile(definition: str, key: str) -> int:
    """0 to 99, always the same for a key: raising a share adds keys and takes none away."""
    digest = hashlib.sha256(f"{definition}\x1f{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 100


def keys(look: Look, offer: InForce) -> list[str]:
    """Under which keys an open exception of this definition may wait for the signal, whatever its version."""
    found: dict[str, None] = {}
    for pinned in _versions(offer):
        if opens := look.hears(pinned):
            try:
                found[look.key(pinned, opens)] = None
            except ConfigError:  # without a key it joins nothing; who opens on it says what is missing
                continue
    return list(found)


def holding(look: Look, offers: Iterable[InForce]) -> Iterator[tuple[Pinned, Opens]]:
    """The versions that would open on the signal, in their order; not those of which it can't be told."""
    for offer in offers:
        try:
            found = [
                (pinned, opens)
                for pinned in openers(look, offer)
                if (opens := look.hears(pinned)) and look.holds(pinned, opens) and look.key(pinned, opens)
            ]
        except ConfigError:  # who opens on it says what is missing
            continue
        yield from found


def children_first(offers: Sequence[InForce]) -> list[InForce]:
    """Each definition before those that it names as parents, by name otherwise: a machine's own exception hears of the
    machine before that of its line does."""
    parents = {offer.name: {under.definition for opens in _opens(offer) for under in opens.under} for offer in offers}

    def above(name: str, seen: frozenset[str]) -> int:
        """How many levels of parents there are above it; a circle ends where it began."""
        higher = parents.get(name, set()) - seen
        return 1 + max((above(one, seen | higher) for one in higher), default=0)

    return sorted(offers, key=lambda offer: (-above(offer.name, frozenset({offer.name})), offer.name))


def _opens(offer: InForce) -> list[Opens]:
    return [pinned.definition.opens for pinned in _versions(offer) if pinned.definition.opens]


def cleared(look: Look, offers: Iterable[InForce]) -> list[tuple[str, str]]:
    """Definition and key of what would open on such a signal, but not on this one: what they waited for is over."""
    found: dict[tuple[str, str], None] = {}
    for offer in offers:
        try:
            for pinned in openers(look, offer):
                opens = look.hears(pinned)
                if opens and not look.holds(pinned, opens):
                    found[offer.name, look.key(pinned, opens)] = None
        except ConfigError:  # whether it is over can't be told: it waits on
            continue
    return list(found)


def _versions(offer: InForce) -> Iterable[Pinned]:
    return [pinned for pinned in (offer.live, offer.trial, *offer.running) if pinned]


def seen_from_shadow(look: Look, offer: InForce) -> dict[str, Json] | None:
    """What the version in the shadow would make of the signal; None when it does not listen. Never raises for it."""
    if offer.shadow is None or (opens := look.hears(offer.shadow)) is None:
        return None
    seen = {"version": offer.shadow.version, "definition": offer.name, "seq": look.row.seq, "key": None, "held": False}
    try:
        seen |= {"key": look.key(offer.shadow, opens), "held": look.holds(offer.shadow, opens), "error": None}
    except ConfigError as error:
        seen["error"] = error.message[:500]
    return seen
