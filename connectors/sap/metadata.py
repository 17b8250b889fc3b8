"""What the published metadata says of the services (entities.json, entities4.json), and bodies checked against it
before anything is sent. Pure but for reading these files, once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

from connectors.sap import edm, edm4
from domain.errors import ConfigError, InvariantError, RejectedError
from domain.values import Json

PRODUCTION = "API_PRODUCTION_ORDER_2_SRV"
MATERIAL = "API_MATERIAL_DOCUMENT_SRV"
NOTIFICATION = "API_MAINTNOTIFICATION"
MAINTENANCE = "API_MAINTENANCEORDER"
INSPECTION = "API_INSPECTIONLOT_SRV"
SALES = "API_SALES_ORDER_SRV"
SALES4 = "CE_SALESORDER_0001"  # the same orders by OData v4
_CUSTOM = "YY1_"  # a customer's own extension fields; the metadata of the standard cannot know them


@dataclass(frozen=True)
class Property:
    type: str
    max_length: int | None = None
    nullable: bool = True
    creatable: bool = True
    updatable: bool = True
    filterable: bool = True


class Edm(Protocol):
    """The types of one version of OData (`edm`, `edm4`)."""

    def fits(self, edm: str, value: Any, /) -> bool: ...

    def to_json(self, edm: str, value: Any, /) -> Json: ...

    def from_json(self, edm: str, value: Json, /) -> Any: ...

    def literal(self, edm: str, value: Any, /) -> str: ...

    def etag_of(self, record: Mapping[str, Json], /) -> str: ...

    def escaped(self, text: str, /) -> str: ...


@dataclass(frozen=True, eq=False)  # one object for each set (see entity_set)
class EntitySet:
    """`etag`: the property that its version is made of, empty if there is none. `edm`: the types of its version of
    OData. `path`: its service below the root, where the service is not found by its name (OData v4)."""

    service: str
    name: str
    keys: tuple[str, ...]
    properties: Mapping[str, Property]
    navigation: tuple[str, ...]
    etag: str = ""
    creatable: bool = True
    updatable: bool = True
    edm: Edm = edm
    path: str = ""

    def property(self, name: str) -> Property:
        """Raises InvariantError for one that is not there."""
        if name not in self.properties:
            raise InvariantError(f"{self.name} has no property {name}: report this.")
        return self.properties[name]

    def address(self, key: Mapping[str, Any]) -> str:
        """`A_SalesOrder('1')`, percent-encoded. Raises RejectedError when a key is too long to exist."""
        for name, value in key.items():
            self.check(name, value)
        literals = [(name, self.edm.literal(self.property(name).type, key[name])) for name in self.keys]
        inner = literals[0][1] if len(literals) == 1 else ",".join(f"{name}={text}" for name, text in literals)
        return self.edm.escaped(f"{self.name}({inner})")

    def equals(self, name: str, value: Any) -> str:
        """`Batch eq 'L-1'` for a `$filter`."""
        return self.compare(name, "eq", value)

    def compare(self, name: str, operator: str, value: Any) -> str:
        found = self.property(name)
        if not found.filterable:
            raise InvariantError(f"{self.name}.{name} cannot be filtered by: report this.")
        return f"{name} {operator} {self.edm.literal(found.type, value)}"

    def check(self, name: str, value: Any) -> None:
        """Type and length of one value. Raises InvariantError, RejectedError (too long)."""
        found = self.property(name)
        if not self.edm.fits(found.type, value):
            raise InvariantError(f"{self.name}.{name} is a {found.type}, not {type(value).__name__}: report this.")
        if found.max_length is not None and isinstance(value, str) and len(value) > found.max_length:
            raise RejectedError(f"{value!r} is too long for SAP's {name} ({found.max_length} characters).")

    def holds(self, name: str, text: str) -> bool:
        """Whether a text is short enough to exist there."""
        length = self.property(name).max_length
        return length is None or len(text) <= length

    def cut(self, name: str, text: str) -> str:
        """A text for people, cut to the field's length."""
        return text[: self.property(name).max_length]

    def body(self, values: Mapping[str, Any], *, creating: bool) -> dict[str, Json]:
        """The checked JSON body of a POST or PATCH; deep inserts under their navigation property, already JSON."""
        if not (self.creatable if creating else self.updatable):
            raise InvariantError(f"{self.name} cannot be {'created' if creating else 'changed'}: report this.")
        return {name: self._value(name, value, creating) for name, value in values.items()}

    def _value(self, name: str, value: Any, creating: bool) -> Json:
        if name in self.navigation or name.startswith(_CUSTOM):
            return value
        found = self.property(name)
        if not (found.creatable if creating else found.updatable):
            raise InvariantError(f"{self.name}.{name} is read only: report this.")
        self.check(name, value)
        return self.edm.to_json(found.type, value)

    def read(self, record: Mapping[str, Json]) -> dict[str, Any]:
        """An answer's record in Python values, with its ETag as `@etag` (empty if there is none)."""
        values = {
            name: self.edm.from_json(found.type, record[name])
            for name, found in self.properties.items()
            if name in record
        }
        return {**values, "@etag": self.edm.etag_of(record)}

    def settle(self, fields: Mapping[str, str], where: str) -> None:
        """Values from a plant's settings for new records. Raises ConfigError naming the wrong one."""
        for name, value in fields.items():
            if name.startswith(_CUSTOM):
                continue
            found = self.properties.get(name)
            if found is None or found.type != "String" or not found.creatable:
                raise ConfigError(f"{where}: {name} is no text that {self.name} takes.")
            if found.max_length is not None and len(value) > found.max_length:
                raise ConfigError(f"{where}: {name} has at most {found.max_length} characters.")


@cache
def entity_set(service: str, name: str) -> EntitySet:
    """Of the published metadata; the same object each time."""
    found = _document()[service]
    about = found["entity_sets"][name]
    type_ = found["entity_types"][about["type"]]
    v4 = "path" in found
    return EntitySet(
        service=service,
        name=name,
        keys=tuple(type_["key"]),
        properties={
            prop: _property4(prop in type_["key"] or prop in about.get("not_updatable", ()), facts)
            if v4
            else _property(facts)
            for prop, facts in type_["properties"].items()
        },
        navigation=tuple(type_["navigation"]),
        etag=about.get("concurrency")
        or next((prop for prop, facts in type_["properties"].items() if facts.get("concurrency")), ""),
        creatable=about.get("creatable", True),
        updatable=about.get("updatable", True),
        edm=edm4 if v4 else edm,
        path=found.get("path", ""),
    )


@cache
def function_parameters(service: str, name: str) -> tuple[str, ...]:
    """Of a function import, in the metadata's order."""
    found = _document()[service]["function_imports"]
    return next(tuple(item["parameters"]) for item in found if item["name"] == name)


def _property(facts: Mapping[str, Any]) -> Property:
    return Property(**{name: value for name, value in facts.items() if name != "concurrency"})


def _property4(fixed: bool, facts: Mapping[str, Any]) -> Property:
    """OData v4 says who sets a value, not whether we may: what SAP computes is never ours, what is immutable (or
    `fixed`) is ours once."""
    ours = not facts.get("computed")
    return Property(
        type=facts["type"],
        max_length=facts.get("max_length"),
        nullable=facts.get("nullable", True),
        creatable=ours,
        updatable=ours and not fixed and not facts.get("immutable"),
    )


@cache
def _document() -> Mapping[str, Any]:
    folder = files("connectors.sap")
    texts = [folder.joinpath(name).read_text(encoding="utf-8") for name in ("entities.json", "entities4.json")]
    return {service: facts for text in texts for service, facts in json.loads(text).items()}
