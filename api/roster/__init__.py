"""People and schedules, who may decide, how somebody is reached."""
