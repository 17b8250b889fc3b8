"""Stand-ins for vendors' systems, for tests and demos: strict, in memory, never the vendor's own software."""
