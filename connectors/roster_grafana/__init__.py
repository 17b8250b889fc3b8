"""Grafana OnCall schedules and shifts, from an export."""
