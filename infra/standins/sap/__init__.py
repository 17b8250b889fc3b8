"""A stand-in for six OData v2 services, built from published metadata. It is not SAP software and never met one."""
