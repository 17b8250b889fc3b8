"""The declared mapping: for each query and each kind of outcome its request, its errors, and how it is made safe to
repeat. Everything is checked when the document is read. Pure.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from connectors.rest.template import check_template, check_text
from domain.books import outcomes
from domain.errors import ConfigError
from domain.queries import VOCABULARY
from domain.typing.tree import hint
from domain.values import Json

KINDS: Mapping[str, type[BaseModel]] = {
    model.model_fields["kind"].default: model for model in get_args(get_args(outcomes.Outcome)[0])
}
_BY_KEY = ("key", "token")
_FACTS = (*_BY_KEY, "outcome", "item", "digest", "exception", "decision", "versions")
_BEFORE = (*_FACTS, "before", "before_headers")
Method = Literal["POST", "PUT", "PATCH", "DELETE", "GET"]
Means = Literal["rejected", "conflict", "not_found", "transient", "done", "look_up"]


def _template(value: Json, names: Iterable[str]) -> None:
    try:
        check_template(value, names)
    except ConfigError as error:
        raise ValueError(error.message) from None


def _text(value: str, names: Iterable[str]) -> None:
    try:
        check_text(value, names)
    except ConfigError as error:
        raise ValueError(error.message) from None


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Call(_Part):
    """A GET. `path` begins with / and may hold `{expression}` parts; `params` without a value (null) are left out."""

    path: str = Field(pattern=r"^/")
    params: dict[str, Any] = {}

    def checked(self, names: Iterable[str]) -> None:
        _text(self.path, names)
        _template(self.params, names)


class LookUp(Call):
    """Finds what a key has posted, by the key alone. `body` is the answer: `found` says whether it is there (a 404 says
    no by itself), `record` takes it out, `same` compares it with what is to be posted now."""

    found: str = "=true"
    record: str = "=body"
    same: str = "=true"

    @model_validator(mode="after")
    def _names(self) -> Self:
        self.checked(_BY_KEY)
        for template in (self.found, self.record):
            _template(template, (*_BY_KEY, "body"))
        _template(self.same, (*_FACTS, "record"))
        return self


class Read(Call):
    """Reads the record before it is written: `before` is its body. `done`: it already says what is wanted."""

    done: str

    @model_validator(mode="after")
    def _names(self) -> Self:
        self.checked(_FACTS)
        _template(self.done, _BEFORE)
        return self


class Search(Call):
    """For a system that keeps no key: finds the record that a posting would have made, by what was to be posted (its
    fields, not its key). `body` is the answer: `found` says whether it is there, `record` takes it out. Somebody's own
    record that looks the same is taken for ours."""

    found: str = "=true"
    record: str = "=body"

    @model_validator(mode="after")
    def _names(self) -> Self:
        self.checked(_FACTS)
        for template in (self.found, self.record):
            _template(template, (*_FACTS, "body"))
        return self


class Idempotency(_Part):
    """How an operation is kept from being done twice.

    header: the system keeps keys, sent in `header`, and repeats its first answer.
    natural_key: the key stands in a field of the record, found by `look_up` before every write.
    read_before_write: fields are set to values; `read` says whether they are already.
    none: nothing of these; when the outcome is unknown, the `search` by its fields tells, or a person looks.
    """

    strategy: Literal["header", "natural_key", "read_before_write", "none"]
    header: str = "Idempotency-Key"
    replayed: str = "=false"
    look_up: LookUp | None = None
    read: Read | None = None
    search: Search | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.search and self.strategy != "none":
            raise ValueError(f"{self.strategy} needs no search: it knows its key")
        if self.strategy == "natural_key" and self.look_up is None:
            raise ValueError("natural_key needs look_up: how a record is found by its key")
        if (self.strategy == "read_before_write") is not (self.read is not None):
            raise ValueError("read belongs to read_before_write, which needs it: how to see what stands")
        if self.look_up and self.strategy not in ("natural_key", "header"):
            raise ValueError(f"{self.strategy} has no look_up: call it natural_key")
        _template(self.replayed, ("body", "headers", "status"))
        return self

    @property
    def checked_by_us(self) -> LookUp | None:
        """With `header` the system itself compares key and payload; a look-up only tells what became of a key."""
        return self.look_up if self.strategy == "natural_key" else None


class Rule(_Part):
    """What an answer of this status means; the first rule that fits counts. 401, 403, 429 and 5xx mean the same
    everywhere."""

    status: int = Field(ge=400, lt=500)
    when: str = "=true"
    means: Means
    say: str = ""

    @model_validator(mode="after")
    def _names(self) -> Self:
        if self.status in (401, 403, 429):
            raise ValueError(f"{self.status} means the same everywhere: leave it out")
        _template(self.when, ("body",))
        _text(self.say, ("body",))
        return self


class Undo(_Part):
    """Takes a step back when a later one of its transaction is refused. `answer`: what the step's request answered."""

    method: Method = "POST"
    path: str = Field(pattern=r"^/")
    body: Json = None


class Shown(_Part):
    """One field of a record for people: what stands (`before`) and what it is set to (`after`)."""

    before: Json
    after: Json


class Rows(_Part):
    """Fields of several records that one request sets: of each element of `each` (as `as`), by its name `record`."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    each: str
    name: str = Field(default="row", alias="as")
    record: str
    fields: dict[str, Shown]


class Operation(_Part):
    """One request of an outcome; with `each` one for every element, which is `item`. `read`: reads the record first,
    as `before`, whatever the strategy. `reverse`: the outcome that takes it back, made from what stood before (`stood`:
    record -> field -> value); without it, the `undo` of what it made, where that needs nothing but the document."""

    each: str = ""
    when: str = "=true"
    method: Method = "POST"
    path: str = Field(pattern=r"^/")
    params: dict[str, Any] = {}
    headers: dict[str, Any] = {}
    body: Json = None
    document: str
    read: Call | None = None
    fields: dict[str, Shown] = {}
    rows: Rows | None = None
    idempotency: Idempotency
    undo: Undo | None = None
    reverse: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _names(self) -> Self:
        if self.read:
            if self.idempotency.read:
                raise ValueError("read_before_write reads already: leave `read` out")
            self.read.checked(_FACTS)
        names = _BEFORE if self.reads else _FACTS
        _template(self.each, set(_FACTS) - {"item"})
        _template(self.when, _FACTS)
        _text(self.path, names)
        _template([self.params, self.headers, self.body], names)
        if self.undo:
            _text(self.undo.path, (*names, "answer"))
            _template(self.undo.body, (*names, "answer"))
        _template(self.reverse, (*_FACTS, "stood"))
        self._check_shown(names)
        return self

    @property
    def reads(self) -> Call | None:
        """What is read before it is written, if anything."""
        return self.idempotency.read or self.read

    def _check_shown(self, names: tuple[str, ...]) -> None:
        """A record that is found by its key is named from what is found: nothing else is known then."""
        _text(self.document, (*_BY_KEY, "answer") if self.idempotency.look_up else (*names, "answer"))
        for shown in self.fields.values():
            _template(shown.before, _BEFORE)
            _template(shown.after, _FACTS)
        if self.rows:
            _template(self.rows.each, _FACTS)
            _text(self.rows.record, (*_FACTS, self.rows.name))
            for shown in self.rows.fields.values():
                _template(shown.before, (*_BEFORE, self.rows.name))
                _template(shown.after, (*_FACTS, self.rows.name))


class Query(Call):
    """A named question: `where` has its arguments, `body` is the answer, `answer` what becomes of it."""

    answer: Json = "=body"

    @model_validator(mode="after")
    def _names(self) -> Self:
        self.checked(("where",))
        _template(self.answer, ("where", "body"))
        return self


class Postings(Call):
    """Lists what was posted since `since`: of each element of `each` its key, its moment and its document."""

    each: str
    key: str
    at: str
    document: str

    @model_validator(mode="after")
    def _names(self) -> Self:
        self.checked(("since",))
        _template(self.each, ("body",))
        _template([self.key, self.at], ("item",))
        _text(self.document, ("item",))
        return self


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Operations = Annotated[list[Operation], BeforeValidator(_listed), Field(min_length=1)]


class RestMapping(_Part):
    """`probe`: a GET that tells whether we may come in (default: the first query without arguments)."""

    queries: dict[str, Query] = {}
    outcomes: dict[str, Operations] = {}
    errors: list[Rule] = []
    say: str = ""
    postings: Postings | None = None
    probe: Call | None = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        for found, names, what in ((self.queries, VOCABULARY.queries, "query"), (self.outcomes, KINDS, "outcome")):
            for name in found:
                if name not in names:
                    raise ValueError(f"no {what} '{name}'{hint(name, names)}")
        if self.probe:
            self.probe.checked(())
        _text(self.say, ("body",))
        return self

    @property
    def unsure(self) -> bool:
        """Does any operation leave us without a key to learn by what became of it?"""
        return any(one.idempotency.strategy == "none" for many in self.outcomes.values() for one in many)

    @property
    def takes_back(self) -> bool:
        """Does any operation say how it is taken back?"""
        return any(one.reverse or one.undo for many in self.outcomes.values() for one in many)
