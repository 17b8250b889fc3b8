"""People, schedules, absences; imports and feeds."""
