"""The composition root and the machines around the product."""
