"""Reads: entities as JSON, with the system query options of OData v2 that the stand-in has."""

from collections.abc import Iterable, Mapping
from typing import Any

from infra.standins.sap.addresses import Address, address_of
from infra.standins.sap.books import Books, Row, set_named, wire
from infra.standins.sap.edm import to_json
from infra.standins.sap.errors import malformed, not_found
from infra.standins.sap.filters import ordered, parse_filter
from infra.standins.sap.operations import number_of
from infra.standins.sap.schema import EntitySet, Navigation

Query = Mapping[str, str]
Json = dict[str, Any]
_OF_SETS = ("$filter", "$orderby", "$top", "$skip", "$inlinecount")
_OF_ALL = ("$select", "$expand", "$format")
PAGE = 1000


class Reader:
    """Answers GET for one service; `root` is its address."""

    def __init__(self, books: Books, root: str) -> None:
        self._books, self._root = books, root

    def read(self, address: Address, query: Query) -> tuple[Json | str, str]:
        """The body and the ETag (empty for a set). Raises Refusal."""
        entity_set, rows, many = self._found(address, query)
        _known(query, many)
        if not many:
            return {"d": self.entity(entity_set, rows[0], query)}, self.etag(entity_set, rows[0])
        meant = self._meant(entity_set, rows, query)
        if address.count:
            return str(len(meant)), ""
        page = meant[number_of(query, "$skip", 0, malformed) :][: min(number_of(query, "$top", PAGE, malformed), PAGE)]
        body: Json = {"results": [self.entity(entity_set, row, query) for row in page]}
        if query.get("$inlinecount") == "allpages":
            body["__count"] = str(len(meant))
        return {"d": body}, ""

    def _found(self, address: Address, query: Query) -> tuple[EntitySet, list[Row], bool]:
        entity_set = address.entity_set
        assert entity_set is not None
        if address.key is None:
            return entity_set, self._candidates(entity_set, query), True
        row = self._books.get(entity_set.name, address.key)
        if row is None:
            raise not_found(f"{entity_set.name}({', '.join(map(str, address.key))})")
        if address.navigation is None:
            return entity_set, [row], False
        rows = self.related(row, address.navigation)
        if not rows and not address.navigation.many:
            raise not_found(address.navigation.name)
        return set_named(address.navigation.target), rows, address.navigation.many

    def _candidates(self, entity_set: EntitySet, query: Query) -> list[Row]:
        """All rows, or those with one value that the filter wants."""
        equal = parse_filter(query["$filter"], entity_set).equal if "$filter" in query else {}
        for name, value in equal.items():
            return self._books.where(entity_set.name, name, value)
        return list(self._books.all(entity_set.name))

    def related(self, row: Row, navigation: Navigation) -> list[Row]:
        """The rows that a navigation property leads to."""
        wanted = [(name, row.get(name)) for name in navigation.join]
        rows = self._books.where(navigation.target, *wanted[0]) if wanted else self._books.all(navigation.target)
        return [item for item in rows if all(item.get(name) == value for name, value in wanted)]

    def _meant(self, entity_set: EntitySet, rows: Iterable[Row], query: Query) -> list[Row]:
        found = list(rows)
        if "$filter" in query:
            test = parse_filter(query["$filter"], entity_set).test
            found = [row for row in found if test(row)]
        return [dict(row) for row in ordered(found, query["$orderby"], entity_set)] if "$orderby" in query else found

    def entity(self, entity_set: EntitySet, row: Row, query: Query) -> Json:
        """One entity with its `__metadata`, expanded and cut to what is selected."""
        wanted, opened = _paths(query.get("$select", "")), _paths(query.get("$expand", ""))
        return self._shape(entity_set, row, wanted, opened)

    def _shape(self, entity_set: EntitySet, row: Row, wanted: list[str], opened: list[str]) -> Json:
        first = {path.partition("/")[0] for path in wanted}
        for name in first - set(entity_set.properties) - set(entity_set.navigation) - {"*"}:
            raise malformed(f"Property {name} in $select not found in type {entity_set.type_name}", name)
        body = {"__metadata": self._metadata(entity_set, row)} | wire(entity_set, row)
        if first and "*" not in first:
            body = {name: value for name, value in body.items() if name == "__metadata" or name in first}
        for name in dict.fromkeys(path.partition("/")[0] for path in opened):
            body[name] = self._opened(entity_set, row, name, _below(wanted, name), _below(opened, name))
        return body

    def _opened(self, entity_set: EntitySet, row: Row, name: str, wanted: list[str], opened: list[str]) -> Any:
        navigation = entity_set.navigation.get(name)
        if navigation is None:
            raise malformed(f"Navigation property {name} in $expand not found in {entity_set.type_name}", name)
        target = set_named(navigation.target)
        shaped = [self._shape(target, item, wanted, opened) for item in self.related(row, navigation)]
        if navigation.many:
            return {"results": shaped}
        return shaped[0] if shaped else None

    def _metadata(self, entity_set: EntitySet, row: Row) -> Json:
        uri = f"{self._root}/{address_of(entity_set, row)}"
        found = {"id": uri, "uri": uri, "type": f"{entity_set.type_name}"}
        etag = self.etag(entity_set, row)
        return found | {"etag": etag} if etag else found

    @staticmethod
    def etag(entity_set: EntitySet, row: Row) -> str:
        """`W/"'20261122080000'"`; empty where the metadata declares no concurrency property."""
        name = entity_set.etag
        if not name:
            return ""
        value = to_json(entity_set.properties[name].type, row.get(name))
        return f"W/\"'{value}'\""


def _paths(text: str) -> list[str]:
    return [path.strip() for path in text.split(",") if path.strip()]


def _below(paths: Iterable[str], name: str) -> list[str]:
    parts = [path.partition("/") for path in paths]
    return [rest for first, _, rest in parts if first == name and rest]


def _known(query: Query, many: bool) -> None:
    allowed = (*_OF_SETS, *_OF_ALL) if many else _OF_ALL
    for name in query:
        if name.startswith("$") and name not in allowed:
            raise malformed(f"Query option '{name}' is not allowed here")
        if not name.startswith(("$", "sap-")):
            raise malformed(f"Unknown query parameter '{name}'")
