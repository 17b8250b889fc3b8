"""The words and the rules of the plant: pure, no I/O, no clock of its own."""
