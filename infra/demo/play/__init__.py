"""Plays the demo: causes through the plant's peers, answers by phone and console, reads the ERP."""
