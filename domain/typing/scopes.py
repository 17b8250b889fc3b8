"""What conditions and texts of a definition may read, and of which types: at the opening, gathering, at each step.

Pure. A kind of step is one function in `RESULTS`: `(step, scopes) -> Type` of its result.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from domain.language.agents import WHYS, Returned
from domain.language.definition import (
    AgentStep,
    ApproveStep,
    CallStep,
    DecideStep,
    Definition,
    ForEachStep,
    IfStep,
    PostStep,
    ProposeStep,
    SwitchStep,
    TaskStep,
    WaitStep,
    step_kind,
    step_name,
)
from domain.language.steps import children
from domain.queries import VOCABULARY, Vocabulary
from domain.typing.check import TypeChecker
from domain.typing.facts import Fact, narrow
from domain.typing.tree import (
    ANY,
    BOOL,
    DURATION,
    INTEGER,
    NULL,
    NUMBER,
    TEXT,
    TIME,
    Field,
    Kind,
    ListOf,
    Record,
    Scalar,
    Type,
    join,
    read_record,
    type_of,
)
from domain.values import Json

_EQUIPMENT = read_record(dict.fromkeys(("id", "title", "skill", "work_center", "area"), "text"))
_EXCEPTION = read_record({"id?": "text", "definition?": "text", "key?": "text"})
_SITE = read_record({"id": "text", "title": "text", "timezone": "text"})
_OPTION = read_record(
    {"id": "text", "title": "text", "summary?": "text", "figures?": [{"label": "text", "value": "text"}]}
)


class Scopes:
    """The scopes of one definition. `opening`: what `opens` may read; `context`: what queries may read besides;
    `whole`: the results of all steps outside of loops as well; `at(path)`: what the step at this path may read."""

    def __init__(self, definition: Definition, vocabulary: Vocabulary = VOCABULARY) -> None:
        self.definition, self.vocabulary = definition, vocabulary
        self._checkers: dict[int, TypeChecker] = {}
        self._cases: dict[str, Record] = {}
        self._at: dict[str, Record] = {}

    @cached_property
    def opening(self) -> Record:
        """Names that are there before anything was asked."""
        opens = self.definition.opens
        facts = self.vocabulary.facts(opens.on) if opens else ANY
        of_machine = isinstance(facts, Record) and facts.fields["equipment"] == Field(TEXT)
        exception = _EXCEPTION if opens else _required(_EXCEPTION)
        return Record().plus(
            signal=facts,
            equipment=_EQUIPMENT if of_machine else _optional(_EQUIPMENT),
            machine=facts if of_machine or facts == ANY else _optional(facts),
            params=Record({name: Field(_parameter(value)) for name, value in self.definition.parameters.items()}),
            opened_at=TIME,
            exception=exception,
            site=_SITE,
        )

    @cached_property
    def context(self) -> Record:
        """And what the queries answered, or their `otherwise`."""
        found = self.opening.plus(exception=_required(_EXCEPTION))
        for name, query in self.definition.context.items():
            known = self.vocabulary.queries.get(query.from_)
            found = found.plus(**{name: self._answer(known.answer, query) if known else ANY})
        return found

    def _answer(self, answer: Type, query: Any) -> Type:
        return answer if query.required else join([answer, type_of(query.otherwise)])

    @cached_property
    def whole(self) -> Record:
        """What may be read outside of loops."""
        return self._with_results(self.context, self.definition.steps)

    def at(self, path: str) -> Record:
        """What the step at this path (`1.planning.0`) may read: with the elements of the loops around it, and with what
        the conditions around it tell."""
        if path not in self._at:
            around, step = self._around(path)
            self._at[path] = self._told(step, around)
        return self._at[path]

    def around(self, path: str) -> Record:
        """The same before the step's own `only_if` was looked at."""
        return self._around(path)[0]

    def _around(self, path: str) -> tuple[Record, Any]:
        scope, steps, prefix = self.whole, self.definition.steps, ""
        parts = path.split(".")
        for index, label in zip(parts[::2], parts[1::2], strict=False):
            step = steps[int(index)]
            scope = self._inside(step, label, scope, f"{prefix}{index}.{label}")
            steps = next(inner for name, _, inner in children(step) if name == label)
            prefix = f"{prefix}{index}.{label}."
        return scope, steps[int(parts[-1])]

    def checker(self, scope: Record) -> TypeChecker:
        """The one checker of a scope of this definition; it keeps the scope, so that the number stays its own."""
        found = self._checkers.get(id(scope))
        if found is None:
            whole = self.__dict__.get("whole")  # None while it is being made
            within = whole is not None and whole is not scope and set(scope.fields) <= set(whole.fields)
            found = TypeChecker(scope, self.checker(whole) if whole is not None and within else None)
            self._checkers[id(scope)] = found
        return found

    def type_of(self, value: Json, scope: Record) -> Type:
        """The type of authored data with its =expressions evaluated; a wrong expression may give anything."""
        if isinstance(value, str) and value.startswith("=") and not value.startswith("=="):
            found = self.checker(scope).examine(value)
            return ANY if found.errors else found.type
        if isinstance(value, list):
            return ListOf(join(self.type_of(item, scope) for item in value))
        if isinstance(value, dict):
            return Record({name: Field(self.type_of(item, scope)) for name, item in value.items()})
        literal = type_of(value)
        return Scalar(Kind.TEXT, values=(value,)) if literal == TEXT else literal

    def _with_results(self, scope: Record, steps: list[Any]) -> Record:
        for _, step in _outside_loops(steps):
            name = step_name(step)
            if name:
                scope = scope.plus(**{name: RESULTS.get(step_kind(step) or "", _unknown)(step, self, scope)})
        return scope

    def _inside(self, step: Any, label: str, scope: Record, key: str) -> Record:
        """The scope within a part of a step; kept, since many steps share it."""
        if key not in self._cases:
            self._cases[key] = self._enter(step, label, scope)
        return self._cases[key]

    def _enter(self, step: Any, label: str, scope: Record) -> Record:
        scope = self._told(step, scope)
        if isinstance(step, IfStep) and label in ("then", "else"):
            return self.checker(scope).narrowed(step.if_, holds=label == "then")
        if isinstance(step, SwitchStep) and label.startswith("case:"):
            return narrow(scope, [Fact(step.switch, True, label.removeprefix("case:"))])
        if isinstance(step, ForEachStep) and label == "do":
            return self.turn(step, scope)
        return scope

    def turn(self, step: ForEachStep, scope: Record) -> Record:
        """What the steps in a loop may read."""
        elements = self.type_of(step.in_, scope)
        element = elements.item if isinstance(elements, ListOf) else ANY
        inner = scope.plus(**{step.each: element, "loop": read_record({"index": "integer"})})
        return self._with_results(inner, step.do)

    @property
    def goal(self) -> Record:
        """What an agent's goal may read: the site and the machine, nothing that a signal or a person said."""
        return Record({name: self.opening.fields[name] for name in ("equipment", "site")})

    @staticmethod
    def returned(wanted: Returned) -> Scalar:
        """The type of one value that an agent answers."""
        own = _RETURNED[wanted.kind]
        return replace(own, values=tuple(wanted.choices)) if wanted.choices else own

    def option(self, step: ApproveStep, scope: Record) -> Type:
        """One of the options that people choose from, as `impact` reads it."""
        result = _approve(step, self, scope)
        return result.fields["option"].type if isinstance(result, Record) else ANY

    def _told(self, step: Any, scope: Record) -> Record:
        """What is known when the step runs: its own condition held, and what it posts was decided."""
        if step.only_if:
            scope = self.checker(scope).narrowed(step.only_if)
        if isinstance(step, PostStep) and step.decision:
            scope = narrow(scope, [Fact(f"{step.decision}.{end}", True, value) for end, value in _ends(step, scope)])
        return scope


def _ends(step: PostStep, scope: Record) -> list[tuple[str, str | None]]:
    """A post on a decision runs only when that approved; on a task, only when that was done."""
    decision = scope.fields.get(step.decision)
    fields = decision.type.fields if decision and isinstance(decision.type, Record) else {}
    return [("verdict", "approved")] if "verdict" in fields else [("done_at", None)] if "done_at" in fields else []


def scope_of(definition: Definition, vocabulary: Vocabulary = VOCABULARY) -> Record:
    """Every name that conditions and texts outside of loops may read, with its type."""
    return Scopes(definition, vocabulary).whole


def _outside_loops(steps: list[Any], prefix: str = "") -> list[tuple[str, Any]]:
    """The steps whose results are read outside: all but those within a `for_each`."""
    found: list[tuple[str, Any]] = []
    for index, step in enumerate(steps):
        found.append((f"{prefix}{index}", step))
        for label, _, inner in children(step):
            if not isinstance(step, ForEachStep) or label != "do":
                found += _outside_loops(inner, f"{prefix}{index}.{label}.")
    return found


def _parameter(value: Json) -> Type:
    """A site may give another value of the same type; nothing is known of one that is null here."""
    found = type_of(value)
    return replace(ANY, nullable=True) if found == NULL else found


def _optional(record: Type) -> Type:
    if not isinstance(record, Record):
        return record
    return Record({name: replace(part, optional=True) for name, part in record.fields.items()})


def _required(record: Record) -> Record:
    return Record({name: replace(part, optional=False) for name, part in record.fields.items()})


# -- results, by kind of step ------------------------------------------------------------------------------------------


def _task(step: TaskStep, scopes: Scopes, scope: Record) -> Type:
    given = {name: scopes.type_of(value, scope) for name, value in step.otherwise.items()}
    fields = {name: Field(type) for name, type in given.items()}
    for name, ask in step.ask.items():
        answer = Scalar(Kind.TEXT, values=tuple(ask.choices)) if ask.kind == "choice" else TEXT
        answer = DURATION if ask.kind == "duration" else answer
        fields[name] = Field(join([answer, given[name]] if name in given else [answer]), name not in given)
    moments = ["accepted_at", "done_at", *(["arrived_at"] if "arrived" in step.buttons else [])]
    fields |= {name: Field(TIME, optional=True) for name in moments}
    fields |= {name: Field(TEXT, optional=True) for name in ("by", "done_by")}
    if step.offer != "everyone":
        return Record(fields)
    one = Record({name: replace(part, optional=True) for name, part in fields.items()})
    return Record({"all": Field(ListOf(one)), "missing": Field(ListOf(TEXT)), "done_at": Field(TIME, optional=True)})


def _approve(step: ApproveStep, scopes: Scopes, scope: Record) -> Type:
    """`option` is there once approved, who and when once decided; silence gives `expired` and nothing more."""
    options = scopes.type_of(step.plain_options, scope)
    option = options.item if isinstance(options, ListOf) and isinstance(options.item, Record) else _OPTION
    decided = ("verdict", ("approved", "rejected"))
    verdicts = ("approved", "rejected", *(("expired",) if step.on_timeout == "expire" else ()))
    ids = tuple(str(item["id"]) for item in step.options if "id" in item) if isinstance(step.options, list) else ()
    chosen = option.plus(id=Scalar(Kind.TEXT, values=ids)) if ids else option
    return Record(
        {
            "verdict": Field(Scalar(Kind.TEXT, values=verdicts)),
            "option": Field(chosen, optional=True, given=("verdict", ("approved",))),
            "by": Field(TEXT, optional=True, given=decided),
            "at": Field(TIME, optional=True, given=decided),
            "comment": Field(TEXT, optional=True, given=decided),
            "votes": Field(ANY, optional=True),
        }
    )


def _wait(step: WaitStep, scopes: Scopes, _: Record) -> Type:
    fields = {"met": Field(BOOL)}
    if step.signal:
        fields["signal"] = Field(scopes.vocabulary.facts(step.signal.type), optional=True)
    return Record(fields)


def _propose(step: ProposeStep, scopes: Scopes, _: Record) -> Type:
    known = scopes.vocabulary.proposals.get(step.using)
    return known.answer if known else ANY


_RETURNED: Mapping[str, Scalar] = {
    "text": TEXT,
    "number": NUMBER,
    "integer": INTEGER,
    "bool": BOOL,
    "duration": DURATION,
}


def _agent(step: AgentStep, scopes: Scopes, scope: Record) -> Type:
    """Without a value in `otherwise` it is there only when it was proposed: `source` says so, `why` why not."""
    by = Scalar(Kind.TEXT, values=("agent", "otherwise"))
    fields = {"source": Field(by), "why": Field(Scalar(Kind.TEXT, values=("", *WHYS))), "at": Field(TIME)}
    fields |= {"agent": Field(TEXT), "model": Field(TEXT)}
    fields |= {"confidence": Field(NUMBER, optional=True), "cases": Field(INTEGER, optional=True)}
    proposed = ("source", ("agent",))
    for name, returned in step.returns.items():
        own = scopes.returned(returned)
        if name in step.otherwise:
            fields[name] = Field(join([own, scopes.type_of(step.otherwise[name], scope)]))
        else:
            fields[name] = Field(own, optional=True, given=proposed)
    return Record(fields)


def _decide(step: DecideStep, scopes: Scopes, scope: Record) -> Type:
    """`rule` is the number of the rule that held, 0 for `otherwise`."""
    rule = {"rule": Field(INTEGER)}
    rows: list[Type] = [Record({**_fields(scopes.type_of(one.then, scope)), **rule}) for one in step.table()]
    if step.hit == "collect":
        return Record({"all": Field(ListOf(join(rows)))})
    always = any(one.when.strip() == "true" for one in step.table())
    otherwise = [] if always else [Record({**_fields(scopes.type_of(step.otherwise, scope)), **rule})]
    return join([*rows, *otherwise])


def _fields(type: Type) -> Mapping[str, Field]:
    return type.fields if isinstance(type, Record) else {}


def _call(step: CallStep, scopes: Scopes, _: Record) -> Type:
    called = scopes.definition.bundled.get(step.definition)
    if called is None:
        return ANY
    inner = Scopes(called, scopes.vocabulary)
    return inner.type_of(called.gives, inner.whole)


def _for_each(step: ForEachStep, scopes: Scopes, scope: Record) -> Type:
    turn = scopes.turn(step, scope)
    names = [step_name(inner) for _, inner in _outside_loops(step.do) if step_name(inner)]
    return ListOf(Record({name: turn.fields[name] for name in names}))


def _unknown(_: Any, __: Scopes, ___: Record) -> Type:
    return ANY


RESULTS: dict[str, Callable[[Any, Scopes, Record], Type]] = {
    "task": _task,
    "notify": lambda *_: Record(),
    "approve": _approve,
    "wait": _wait,
    "propose": _propose,
    "agent": _agent,
    "post": lambda *_: read_record({"status": "'posted'|'rejected'|'dry_run'", "documents": ["text"]}),
    "decide": _decide,
    "call": _call,
    "for_each": _for_each,
    "repeat": lambda *_: read_record({"met": "bool", "count": "integer"}),
}
