"""The interpreter of definitions, written against a small runtime port."""
