"""Reading people, schedules, feeds."""
