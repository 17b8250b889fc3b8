"""What people change that is not one exception's state; each change with its audit record."""
