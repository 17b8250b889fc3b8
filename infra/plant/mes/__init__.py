"""The plant's MES: job orders, dispatch list, lots, inspections, and signed events."""
