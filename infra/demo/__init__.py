"""`mos demo`: the product on a simulated plant with a real ERP and stand-in phones."""
