"""The books: ledger, reconciliation, connections, audit."""
