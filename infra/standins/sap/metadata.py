"""`$metadata`: the service as an EDMX document (OData v2 with the vendor's annotations), written from the schema."""

from xml.etree.ElementTree import Element, SubElement, tostring

from infra.standins.sap.schema import EntitySet, Property, Service

_EDMX = "http://schemas.microsoft.com/ado/2007/06/edmx"
_EDM = "http://schemas.microsoft.com/ado/2008/09/edm"
_DATA = "http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"
_SAP = "http://www.sap.com/Protocols/SAPData"


def edmx(service: Service) -> bytes:
    """The document."""
    root = Element("edmx:Edmx", {"Version": "1.0", "xmlns:edmx": _EDMX, "xmlns:m": _DATA, "xmlns:sap": _SAP})
    data = SubElement(root, "edmx:DataServices", {"m:DataServiceVersion": "2.0"})
    schema = SubElement(data, "Schema", {"Namespace": service.name, "xmlns": _EDM})
    for entity_set in {item.type_name: item for item in service.sets.values()}.values():
        _type(schema, service, entity_set)
    container = SubElement(
        schema, "EntityContainer", {"Name": f"{service.name}_Entities", "m:IsDefaultEntityContainer": "true"}
    )
    for entity_set in service.sets.values():
        flags = {
            "creatable": entity_set.creatable,
            "updatable": entity_set.updatable,
            "deletable": entity_set.deletable,
        }
        said = {f"sap:{name}": "false" for name, flag in flags.items() if not flag}
        SubElement(
            container,
            "EntitySet",
            {"Name": entity_set.name, "EntityType": f"{service.name}.{entity_set.type_name}"} | said,
        )
    for function in service.functions.values():
        made = SubElement(container, "FunctionImport", {"Name": function.name, "m:HttpMethod": "POST"})
        for name, kind in function.parameters.items():
            optional = {} if name in function.required else {"Nullable": "true"}
            SubElement(made, "Parameter", {"Name": name, "Type": f"Edm.{kind}", "Mode": "In"} | optional)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _type(schema: Element, service: Service, entity_set: EntitySet) -> None:
    made = SubElement(schema, "EntityType", {"Name": entity_set.type_name})
    key = SubElement(made, "Key")
    for name in entity_set.key:
        SubElement(key, "PropertyRef", {"Name": name})
    for item in entity_set.properties.values():
        SubElement(made, "Property", _attributes(item))
    for navigation in entity_set.navigation.values():
        association = f"{service.name}.{entity_set.name}_{navigation.name}"
        SubElement(made, "NavigationProperty", {"Name": navigation.name, "Relationship": association})


def _attributes(item: Property) -> dict[str, str]:
    found = {"Name": item.name, "Type": f"Edm.{item.type}"}
    if item.max_length is not None:
        found["MaxLength"] = str(item.max_length)
    if not item.nullable:
        found["Nullable"] = "false"
    if item.concurrency:
        found["ConcurrencyMode"] = "Fixed"
    flags = {"creatable": item.creatable, "updatable": item.updatable, "filterable": item.filterable}
    return found | {f"sap:{name}": "false" for name, flag in flags.items() if not flag}
