"""The stand-in's OData v4 service of sales orders, on the same books as its v2 services."""
