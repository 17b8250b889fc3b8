"""Which signals open an exception of a definition, and which join it: the rules of intake for one definition.

What needs the rest of the plant is left out: shelving, rollout, the order among definitions; of parents (`under`) is
told only which they would be.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from activities.contracts.model import ExceptionInput, OpeningSignal
from domain import correlation
from domain.calendar import SiteCalendar
from domain.language import expressions
from domain.language.definition import Definition
from domain.site import Site
from domain.values import Json
from workflows.engine.generations import OPENS_WITH


@dataclass(frozen=True)
class Look:
    """What a definition makes of a signal: its key, whether it would open, after which on-delay, how urgent; and which
    exceptions (definition, key) take it for themselves while they are open."""

    key: str
    holds: bool
    settle: timedelta
    priority: str
    parents: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Opening:
    """An exception as it would be opened, and the signals that join it later."""

    given: ExceptionInput
    joins: list[OpeningSignal]


class Opener:
    """One definition at one site. `parameters`: the site's values for the definition's parameters."""

    def __init__(
        self, definition: Definition, site: Site, parameters: Mapping[str, Json], calendar: SiteCalendar
    ) -> None:
        self._definition, self._site, self._calendar = definition, site, calendar
        self._parameters = dict(parameters)
        self._version = definition.version()
        self._site_facts = correlation.site_facts(site)

    @property
    def safety(self) -> bool:
        """Is it about safety? Then nothing suppresses it, and no other definition comes before it."""
        return self._definition.opens is not None and self._definition.opens.safety

    def look(self, signal: OpeningSignal) -> Look | None:
        """None when the definition does not listen to it. Raises ConfigError for a key that can't be told."""
        opens = self._definition.opens
        if opens is None or signal.type not in opens.on:
            return None
        scope = self.scope(signal)
        key = correlation.key(opens, scope)
        if not expressions.holds(opens.when, scope):
            return Look(key, False, timedelta(), "")
        terms = correlation.terms(opens, scope, self._calendar, signal.received_at)
        return Look(key, True, terms.delay, terms.priority, terms.parents)

    def given(self, exception_id: str, signal: OpeningSignal, look: Look, opened_at: datetime) -> ExceptionInput:
        """The workflow's input for an exception that this signal opens."""
        return ExceptionInput(
            exception_id=exception_id,
            site=self._site.site,
            version=self._version,
            definition=self._definition,
            key=look.key,
            priority=look.priority,
            opened_at=opened_at,
            signals=[signal],
            equipment=self._equipment(signal),
            parameters=self._parameters,
            site_facts=self._site_facts,
            calendar=self._calendar,
            generation=OPENS_WITH,
        )

    def first(self, signals: Iterable[OpeningSignal], exception_id: str = "exc_simulated") -> Opening | None:
        """The first exception that these signals open, in the order of their receipt, as if it never ended.

        A signal that does not hold takes those back that wait for their on-delay under the same key.
        """
        looked = [(signal, look) for signal in signals if (look := self.look(signal)) is not None]
        opened = self._opened(looked)
        if opened is None:
            return None
        signal, look, at = opened
        joins = [
            other.model_copy(update={"received_at": max(other.received_at, at)})
            for other, seen in looked
            if other is not signal and seen.key == look.key and other.seq > signal.seq
        ]
        return Opening(self.given(exception_id, signal, look, at), joins)

    def _opened(self, looked: list[tuple[OpeningSignal, Look]]) -> tuple[OpeningSignal, Look, datetime] | None:
        waiting: list[tuple[datetime, OpeningSignal, Look]] = []
        for signal, look in looked:
            due = min(waiting, key=lambda one: one[0], default=None)
            if due and due[0] <= signal.received_at:
                return due[1], due[2], due[0]
            if not look.holds:
                waiting = [one for one in waiting if one[2].key != look.key]
            elif not look.settle:
                return signal, look, signal.received_at
            else:
                waiting.append((signal.received_at + look.settle, signal, look))
        last = min(waiting, key=lambda one: one[0], default=None)
        return (last[1], last[2], last[0]) if last else None

    def scope(self, signal: OpeningSignal) -> dict[str, Json]:
        """What the conditions of `opens` read."""
        return correlation.scope(
            self._definition,
            self._site,
            self._parameters,
            facts=signal.facts,
            equipment=self._equipment(signal),
            received_at=signal.received_at,
        )

    def _equipment(self, signal: OpeningSignal) -> dict[str, Json]:
        return dict(self._site.describe(signal.equipment)) if signal.equipment else {}
