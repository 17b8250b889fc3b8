"""Log-ins, second steps, programs' keys, addresses that are proven."""
