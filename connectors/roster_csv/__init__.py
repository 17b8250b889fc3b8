"""People as CSV, with the names of SCIM."""
