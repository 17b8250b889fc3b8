"""The simulated site: real protocol peers in their own processes."""

from infra.quick_imports import begun

begun()
