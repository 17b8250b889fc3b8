"""A stand-in for Odoo's external APIs, from their documentation. It is not Odoo and never met one."""
