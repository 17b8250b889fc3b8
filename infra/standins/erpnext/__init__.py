"""A stand-in for ERPNext's REST interface, from its framework's documentation. It is not ERPNext and never met one."""
