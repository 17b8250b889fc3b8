"""ERPNext over the REST interface of its framework, Frappe."""
