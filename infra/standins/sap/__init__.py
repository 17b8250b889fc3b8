"""A stand-in for OData v2 services and one of v4, built from published metadata. It is not SAP software and never met
one."""
