"""The simulated site: real protocol peers in their own processes."""
