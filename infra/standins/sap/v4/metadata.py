"""`$metadata`: the service as an EDMX document (OData v4 with its annotations), written from the schema."""

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, tostring

from infra.standins.sap.v4.schema import EntitySet, Property, Service

_EDMX = "http://docs.oasis-open.org/odata/ns/edmx"
_EDM = "http://docs.oasis-open.org/odata/ns/edm"
_FLAGS = (
    ("Insert", "Insertable", "creatable"),
    ("Update", "Updatable", "updatable"),
    ("Delete", "Deletable", "deletable"),
)


def edmx(service: Service) -> bytes:
    """The document."""
    root = Element("edmx:Edmx", {"Version": "4.0", "xmlns:edmx": _EDMX})
    data = SubElement(root, "edmx:DataServices")
    schema = SubElement(data, "Schema", {"Namespace": service.namespace, "Alias": "Self", "xmlns": _EDM})
    container = Element("EntityContainer", {"Name": "Container"})
    for entity_set in service.sets.values():
        _type(schema, entity_set)
        about = {"Name": entity_set.name, "EntityType": f"{service.namespace}.{entity_set.type_name}"}
        _annotated(SubElement(container, "EntitySet", about), entity_set)
    schema.append(container)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _type(schema: Element, entity_set: EntitySet) -> None:
    made = SubElement(schema, "EntityType", {"Name": entity_set.type_name})
    key = SubElement(made, "Key")
    for name in entity_set.key:
        SubElement(key, "PropertyRef", {"Name": name})
    for item in entity_set.properties.values():
        shown = SubElement(made, "Property", _attributes(item))
        if item.computed:
            SubElement(shown, "Annotation", {"Term": "Org.OData.Core.V1.Computed", "Bool": "true"})


def _attributes(item: Property) -> dict[str, str]:
    facets = {"MaxLength": item.max_length, "Precision": item.precision, "Scale": item.scale}
    found = {"Name": item.name, "Type": f"Edm.{item.type}"}
    found |= {name: str(value) for name, value in facets.items() if value is not None}
    return found if item.nullable else found | {"Nullable": "false"}


def _annotated(shown: Element, entity_set: EntitySet) -> None:
    _paths(shown, "Org.OData.Core.V1.OptimisticConcurrency", [entity_set.version])
    for word, flag, name in _FLAGS:
        record = SubElement(SubElement(shown, "Annotation", _term(word)), "Record")
        SubElement(record, "PropertyValue", {"Property": flag, "Bool": str(getattr(entity_set, name)).lower()})
        if name == "updatable":
            fixed = [item.name for item in entity_set.properties.values() if item.fixed]
            _collection(SubElement(record, "PropertyValue", {"Property": "NonUpdatableProperties"}), fixed)


def _term(word: str) -> dict[str, str]:
    return {"Term": f"Org.OData.Capabilities.V1.{word}Restrictions"}


def _paths(shown: Element, term: str, paths: Iterable[str]) -> None:
    _collection(SubElement(shown, "Annotation", {"Term": term}), paths)


def _collection(parent: Element, paths: Iterable[str]) -> None:
    held = SubElement(parent, "Collection")
    for path in paths:
        SubElement(held, "PropertyPath").text = path
