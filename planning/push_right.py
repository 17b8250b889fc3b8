"""Push right: the old order and machines, each operation as early as it may be, but never before its old start.

The plain plan that every planner knows, and the yardstick for better ones (Vieira, Herrmann, Lin, J. Scheduling 6,
2003).
"""

from collections import defaultdict
from dataclasses import dataclass

from planning.model import Operation, Plan


@dataclass(frozen=True)
class Shift:
    """An operation with its new times, in minutes since the plan's `as_of`."""

    operation: Operation
    start: int
    end: int

    @property
    def moved(self) -> bool:
        return (self.start, self.end) != (self.operation.start, self.operation.end)


def push_right(plan: Plan, down_unit: str, down_from: int, down_until: int) -> list[Shift]:
    """All operations with a breakdown of `down_unit` from minute `down_from` to `down_until`; the running one on
    it resumes."""
    unit_free: defaultdict[str, int] = defaultdict(int)
    order_free: defaultdict[str, int] = defaultdict(int)
    shifts: list[Shift] = []
    for operation in sorted(plan.operations, key=lambda o: (not o.running, o.start, o.job_order, o.seq)):
        down = operation.work_unit == down_unit
        if operation.running:
            start = operation.start
            end = max(operation.end, max(down_until, 0) + operation.remaining if down else operation.finish)
        else:
            start = max(operation.start, unit_free[operation.work_unit], order_free[operation.job_order], 0)
            minutes = operation.end - operation.start
            if down and start < down_until and start + minutes > down_from:
                start = max(start, down_until)
            end = start + minutes
        unit_free[operation.work_unit] = max(unit_free[operation.work_unit], end)
        order_free[operation.job_order] = max(order_free[operation.job_order], end)
        shifts.append(Shift(operation, start, end))
    return shifts
