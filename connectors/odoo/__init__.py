"""Odoo over its JSON-2 or JSON-RPC interface."""
