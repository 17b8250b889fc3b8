"""SAP S/4HANA over its published OData services."""
