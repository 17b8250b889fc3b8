"""Tryton 8.2 with the mfgos module, over JSON-RPC."""
