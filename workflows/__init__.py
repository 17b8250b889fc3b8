"""The truth about one exception over time."""
