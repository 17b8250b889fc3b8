"""PagerDuty schedules, from an export."""
