"""Stand-in phones that speak the vendors' wire protocols."""
