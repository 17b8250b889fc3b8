"""The decision layer: affected orders, options and their trade-offs. Pure computation."""
