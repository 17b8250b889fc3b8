"""What the named queries answer, and what planners propose: the declared types (notation: `domain.typing.tree`). Pure.

The names are the product's, not a vendor's: every connector that answers `erp.lot` answers it so, and its tests compare
real answers with these declarations. A connector or plant with queries of its own declares them the same way
(`Vocabulary.plus`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from domain.signals import ALWAYS, FACTS
from domain.typing.tree import ANY, Record, Type, join, read_record, read_type
from domain.values import Json

_WORK = {"seq": "integer", "work_unit": "text", "planned_start": "time", "planned_end": "time", "sequence": "integer"}
_DISPATCH = {"job_order": "text", **_WORK}
_FIGURES = [{"label": "text", "value": "text"}]
_SALE = {
    "sale": "text",
    "customer": "text",
    "customer_id": "text|null",
    "state": "text",
    "promised": "time|null",
    "comment": "text",
    "version": "text",
}
_SEGMENT = {
    "id": "text",
    "seq": "integer",
    "name": "text|null",
    "state": "text",
    "equipment": "text",
    "start": "time",
    "end": "time",
    "sequence": "integer",
    "remaining_min": "number|null",
    "actual_start": "time|null",
    "setup_family": "text|null",
    "predecessors": [{"segment": "text", "lag_min": "number"}],
    "alternatives": [{"equipment": "text", "run_min": "number", "setup_min": "number|null", "preference": "number"}],
}
_JOB_ORDER = {
    "id": "text",
    "job_order": "text",
    "material": "text",
    "quantity": "number",
    "unit": "text|null",
    "status": "text",
    "release": "time|null",
    "due": "time|null",
    "priority_class": "text|null",
    "weight": "number|null",
    "sale": "text|null",
    "customer": "text|null",
    "customer_title": "text|null",
    "customer_class": "text|null",
    "promised": "time|null",
    "lots": ["text"],
    "hold": "any",
    "segments": [_SEGMENT],
}
_EQUIPMENT = {
    "equipment": "text",
    "title": "text",
    "level": "text",
    "work_center": "text|null",
    "area": "text|null",
    "calendar": "text|null",
    "state": "text|null",
    "state_since": "time|null",
    "state_reason": "text|null",
}


@dataclass(frozen=True)
class QueryType:
    """A query's arguments (all that it knows; which are needed is told by its connector) and its answer."""

    arguments: Record
    answer: Type

    @classmethod
    def read(cls, where: Mapping[str, Json], answer: Json) -> "QueryType":
        """From the notation. Raises ConfigError."""
        return cls(read_record(where), read_type(answer))


_QUERIES: Mapping[str, tuple[Mapping[str, Json], Json]] = {
    "mes.job_orders": ({"equipment?": "text", "job_orders?": ["text"], "horizon?": "duration"}, [_JOB_ORDER]),
    "mes.plan": (
        {},
        {
            "as_of": "time",
            "version": "text",
            "job_orders": [_JOB_ORDER],
            "equipment": [_EQUIPMENT],
            "calendars": "any",
        },
    ),
    "mes.staging": (
        {"job_orders?": ["text"], "equipment?": "text"},
        [
            {
                "job_order": "text",
                "segment": "text",
                "equipment": "text",
                "lot": "text",
                "material": "text",
                "quantity": "number",
                "location": "text",
                "at": "time",
                "state": "text",
            }
        ],
    ),
    "mes.lot": (
        {"lot": "text"},
        {
            "lot": "text",
            "material": "text",
            "quantity": "number",
            "unit": "text|null",
            "location": "text|null",
            "inspections": ["text"],
            "used_by": [
                {
                    "job_order": "text",
                    "status": "text",
                    "quantity": "number",
                    "sale": "text|null",
                    "customer": "text|null",
                }
            ],
        },
    ),
    "mes.inspection": (
        {"inspection": "text"},
        {
            "inspection": "text",
            "lot": "text",
            "material": "text",
            "characteristic": "text",
            "value": "number",
            "low": "number",
            "high": "number",
            "unit": "text",
            "result": "text",
            "inspector": "text",
            "measured_at": "time",
            "job_order": "text|null",
        },
    ),
    "mes.equipment": ({"equipment": "text"}, _EQUIPMENT),
    "erp.sales_demand": (
        {"job_orders": ["text"]},
        [{"job_order": "text", "material": "text", "quantity": "number", **_SALE}],
    ),
    "erp.orders": (
        {"job_orders": ["text"]},
        [
            {
                "job_order": "text",
                "number": "text",
                "state": "text",
                "priority": "integer",
                "hold": "bool",
                "hold_reason": "text|null",
                "material": "text",
                "quantity": "number",
                "planned_start": "text|null",  # days, not moments
                "planned_end": "text|null",
                "version": "text",
                "works": [
                    {
                        "seq": "integer",
                        "work_unit": "text|null",
                        "planned_start": "time|null",
                        "planned_end": "time|null",
                        "state": "text",
                    }
                ],
            }
        ],
    ),
    "erp.lot": (
        {"lot": "text"},
        {
            "lot": "text",
            "material": "text",
            "hold": "bool",
            "hold_reason": "text|null",
            "version": "text",
            "places": [{"location": "text", "quarantine": "bool", "free": "number"}],
            "job_orders": ["text"],
            "reserved_by": ["text"],
        },
    ),
    "erp.material": (
        {"material": "text", "quantity": "number"},
        {
            "material": "text",
            "quantity": "number",
            "covered": "bool",
            "components": [{"material": "text", "needed": "number", "free": "number"}],
        },
    ),
    "erp.sale": (
        {"sale": "text"},
        {**_SALE, "lines": [{"material": "text|null", "quantity": "number", "shipping_date": "text|null"}]},
    ),
}
_PROPOSALS: Mapping[str, tuple[Mapping[str, Json], Json]] = {
    "push_right": (
        {"equipment": "text", "down_from": "time", "down_for": "duration"},
        {
            "version": "text",
            "as_of": "time",
            "down_for": "duration",
            "down_until": "time",
            "orders": ["text"],
            "late_orders": [
                {
                    "job_order": "text",
                    "sale": "text|null",
                    "customer": "text|null",
                    "promised": "time",
                    "expected": "time",
                }
            ],
            "staging": [{"job_order": "text", "lot": "text", "location": "text", "from": "time", "to": "time"}],
            "options": [
                {
                    "id": "text",
                    "title": "text",
                    "summary": "text",
                    "figures": _FIGURES,
                    "languages?": {"*": {"title?": "text", "summary?": "text", "figures?": _FIGURES}},
                    "orders": [
                        {
                            "job_order": "text",
                            "planned_start": "time",
                            "planned_end": "time",
                            "works": [_WORK],
                            "version": "text",
                        }
                    ],
                    "dispatch": [_DISPATCH],
                }
            ],
            "failed?": "text",
        },
    ),
    "rush_insert": (
        {"material": "text", "quantity": "number", "sale": "text", "wanted": "time"},
        {
            "orders": ["text"],
            "planned_start": "time",
            "planned_end": "time",
            "in_time": "bool",
            "options": [
                {
                    "id": "text",
                    "title": "text",
                    "summary": "text",
                    "figures": _FIGURES,
                    "languages?": {"*": {"title?": "text", "summary?": "text", "figures?": _FIGURES}},
                    "planned_start": "time",
                    "planned_end": "time",
                    "works": [_WORK],
                }
            ],
            "failed?": "text",
        },
    ),
}


@dataclass(frozen=True)
class Vocabulary:
    """What signals, queries and planners are known, each with its types."""

    signals: Mapping[str, Record] = field(default_factory=dict)
    queries: Mapping[str, QueryType] = field(default_factory=dict)
    proposals: Mapping[str, QueryType] = field(default_factory=dict)

    def plus(
        self, signals: Mapping[str, Json] | None = None, queries: Mapping[str, Json] | None = None
    ) -> "Vocabulary":
        """With a plant's own. signals: type -> facts (beside `equipment` and `subject`);
        queries: name -> {where: {argument: type}, answer: type}.
        Raises ConfigError for a wrong notation."""
        more = {name: QueryType.read(item.get("where", {}), item["answer"]) for name, item in (queries or {}).items()}
        facts = {name: read_record({**ALWAYS, **item}) for name, item in (signals or {}).items()}
        return replace(self, signals={**self.signals, **facts}, queries={**self.queries, **more})

    def facts(self, types: Iterable[str]) -> Type:
        """What `signal` is when it may be of any of these types; anything when one of them is not declared."""
        known = [self.signals.get(str(type)) for type in types]
        return join(record for record in known if record) if known and all(known) else ANY


def _read(declared: Mapping[str, tuple[Mapping[str, Json], Json]]) -> dict[str, QueryType]:
    return {name: QueryType.read(where, answer) for name, (where, answer) in declared.items()}


VOCABULARY = Vocabulary(
    signals={type.value: read_record(facts) for type, facts in FACTS.items()},
    queries=_read(_QUERIES),
    proposals=_read(_PROPOSALS),
)
"""What the product and its connectors bring."""
