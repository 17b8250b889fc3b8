"""GoAlert schedules and rotations, from an export."""
