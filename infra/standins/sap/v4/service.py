"""One operation on the v4 service, however it came: alone over HTTP or as a part of a batch."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from infra.standins.sap import changes
from infra.standins.sap.books import Books, Row, set_named
from infra.standins.sap.context import Context, Plant
from infra.standins.sap.edm import Value
from infra.standins.sap.errors import Refusal
from infra.standins.sap.operations import Answer, Operation, Runner, json_of, number_of, query_of
from infra.standins.sap.v4 import views
from infra.standins.sap.v4.addresses import Address, parse_address, parse_filter
from infra.standins.sap.v4.errors import malformed, not_found, not_played, refused
from infra.standins.sap.v4.schema import EntitySet, Service
from infra.standins.sap.v4.values import from_json, to_json

PAGE = 1000
_OPTIONS = ("$filter", "$top", "$skiptoken")
_EXACT = "ieee754compatible=true"


class Dispatcher4(Runner):
    """Operations on the service of v4. `page`: rows of one answer at most."""

    def __init__(
        self,
        service: Service,
        books: Books,
        plant: Plant,
        root: str,
        clock: Callable[[], datetime],
        page: int = PAGE,
    ) -> None:
        super().__init__(books)
        self._service, self._plant, self._root, self._clock, self._page = service, plant, root, clock, page

    def _run(self, operation: Operation, user: str) -> Answer:
        exact = _speaks_json(operation)
        parts = urlsplit(operation.target)
        query = query_of(parts.query)
        address = parse_address(self._service, parts.path)
        if operation.method == "GET":
            return self._read(address, query, exact)
        if named := [name for name in query if not name.startswith("sap-")]:
            raise malformed(f"A change takes no query option '{named[0]}'")
        if operation.method != "PATCH":
            raise _unplayed(operation.method, address)
        return self._update(address, operation, user, exact)

    def _read(self, address: Address, query: Mapping[str, str], exact: bool) -> Answer:
        _known(query, _OPTIONS if address.key is None else ())
        entity_set = address.entity_set
        if address.key is not None:
            row = self._row(entity_set, address.key)
            return self._shown(entity_set, row, exact)
        meant = list(views.rows(self.books, entity_set))
        if "$filter" in query:
            test = parse_filter(query["$filter"], entity_set)
            meant = [row for row in meant if test(row)]
        meant = meant[: number_of(query, "$top", len(meant), malformed)]
        start = number_of(query, "$skiptoken", 0, malformed)
        page = meant[start : start + self._page]
        body: dict[str, Any] = {"value": [self._entity(entity_set, row, exact) for row in page]}
        if start + self._page < len(meant):
            asked = {**query, "$skiptoken": str(start + self._page)}
            options = "&".join(f"{name}={quote(value)}" for name, value in asked.items())
            body["@odata.nextLink"] = f"{self._root}/{entity_set.name}?{options}"
        return _answer(200, body, exact)

    def _update(self, address: Address, operation: Operation, user: str, exact: bool) -> Answer:
        entity_set = address.entity_set
        if address.key is None:
            raise Refusal(405, "STANDIN/405", "Only an entity addressed by its key can be changed")
        row = self._row(entity_set, address.key)
        if not entity_set.updatable:
            raise Refusal(405, "STANDIN/405", f"Entities of {entity_set.name} cannot be changed")
        self._same_version(row, operation.headers.get("if-match"))
        if entity_set.name != "SalesOrder":
            raise not_played(f"a change of {entity_set.name}")
        meant = _values(entity_set, operation)
        context = Context(self.books, self._plant, self._clock(), user)
        after = changes.store(context, set_named(views.PARTS[entity_set.name]), row, meant)
        return self._shown(entity_set, after, exact)

    def told(self, refusal: Refusal) -> Answer:
        """In the form of OData v4."""
        return refused(refusal)

    def _row(self, entity_set: EntitySet, key: tuple[str, ...]) -> Row:
        row = self.books.get(views.PARTS[entity_set.name], key)
        if row is None:
            raise not_found(f"{entity_set.name}({', '.join(key)})")
        return row

    def _same_version(self, row: Row, if_match: str | None) -> None:
        if not if_match:
            raise Refusal(428, "STANDIN/428", "Precondition required: send If-Match")
        if if_match.strip() != "*" and views.etag(self.books, row) not in [
            part.strip() for part in if_match.split(",")
        ]:
            raise Refusal(412, "STANDIN/412", "Precondition failed: the entity was changed", kind="state")

    def _entity(self, entity_set: EntitySet, row: Row, exact: bool) -> dict[str, Any]:
        shown = views.seen(self.books, entity_set, row)
        values = {name: to_json(item, shown[name], exact=exact) for name, item in entity_set.properties.items()}
        return {"@odata.etag": views.etag(self.books, row), **values}

    def _shown(self, entity_set: EntitySet, row: Row, exact: bool) -> Answer:
        body = {"@odata.context": f"$metadata#{entity_set.name}/$entity", **self._entity(entity_set, row, exact)}
        return _answer(200, body, exact, {"etag": views.etag(self.books, row)})


def _values(entity_set: EntitySet, operation: Operation) -> dict[str, Value]:
    """What the body changes, as the books call it. Raises Refusal."""
    body = json_of(operation, "STANDIN/415", malformed)
    if not isinstance(body, dict) or not body:
        raise malformed("The body must be one JSON object that names properties")
    for name in body:
        item = entity_set.properties.get(name)
        if item is None:
            raise malformed(f"Property '{name}' is invalid in {entity_set.type_name}", name)
        if item.computed or item.fixed:
            raise malformed(f"Property '{name}' of {entity_set.name} cannot be changed", name)
    values: dict[str, Value] = {}
    for name, given in body.items():
        value, kept = from_json(entity_set.properties[name], given), views.kept_as(entity_set, name)
        if kept is None:
            raise not_played(f"property '{name}': its books are those of the v2 service")
        values[kept] = value
    return values


def _unplayed(method: str, address: Address) -> Refusal:
    """What the metadata forbids is not allowed; what it does not forbid is not played."""
    entity_set = address.entity_set
    allowed = {"POST": entity_set.creatable, "DELETE": entity_set.deletable, "PUT": entity_set.updatable}
    if not allowed.get(method):
        return Refusal(405, "STANDIN/405", f"{method} is not allowed for {entity_set.name}")
    return not_played(f"{method} of {entity_set.name}")


def _speaks_json(operation: Operation) -> bool:
    """Whether decimals are asked for as texts. Raises Refusal for who wants no JSON."""
    accept = operation.headers.get("accept", "*/*").lower().replace(" ", "")
    if "application/json" not in accept and "*/*" not in accept:
        raise Refusal(406, "STANDIN/406", "Only application/json is spoken")
    return _EXACT in accept


def _known(query: Mapping[str, str], options: tuple[str, ...]) -> None:
    for name in query:
        if name.startswith("$") and name not in options:
            raise not_played(f"query option '{name}' here")
        if not name.startswith(("$", "sap-")):
            raise malformed(f"Unknown query parameter '{name}'")


def _answer(status: int, body: Mapping[str, Any], exact: bool, headers: Mapping[str, str] | None = None) -> Answer:
    kind = "application/json;odata.metadata=minimal" + (";IEEE754Compatible=true" if exact else "")
    return Answer(
        status, json.dumps(body).encode(), {"content-type": kind, "odata-version": "4.0"} | dict(headers or {})
    )
