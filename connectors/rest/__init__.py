"""Any system with a JSON interface over HTTP, by a declared mapping."""
