"""SAP S/4HANA over its published OData v2 services."""
