"""Writing people, schedules, feeds."""
