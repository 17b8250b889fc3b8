"""The product's processes, put together."""
