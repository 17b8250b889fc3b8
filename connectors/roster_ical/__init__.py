"""iCalendar feeds as schedules."""
