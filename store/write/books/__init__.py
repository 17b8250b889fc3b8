"""Writing transactions, their parts and troubles, reconciliations."""
