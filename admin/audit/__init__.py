"""The chain: sealed, verified, taken out, held, erased."""
