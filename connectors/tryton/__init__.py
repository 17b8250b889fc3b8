"""Tryton 8.2 over JSON-RPC: with the mfgos module, or (`bare`) without it."""
