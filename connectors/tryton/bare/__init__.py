"""A Tryton without our module: what its stock models and buttons allow."""
