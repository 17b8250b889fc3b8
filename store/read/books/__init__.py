"""Reading transactions, their parts and troubles, reconciliations."""
