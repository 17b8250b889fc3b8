"""Signed CloudEvents that others send us."""
