"""Signatures, input and result types and options of the activities. Pure."""
