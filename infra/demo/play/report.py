"""The summary: how long everything took, and who was and was not messaged."""

from collections.abc import Sequence

from infra.demo.play.scene import Line

_HEAD = ("exception", "-> first phone", "-> decision", "-> ERP", "messaged", "not messaged")


def table(lines: Sequence[Line]) -> str:
    """Seconds are counted from the exception's signal."""
    rows = [_HEAD, *(_row(line) for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(line: Line) -> tuple[str, ...]:
    title = line.title + (" FAILED" if line.failed else "")
    moments = (line.first_phone, line.decision, line.posting)
    return (
        title,
        *(_since(line.signal, moment) for moment in moments),
        ", ".join(line.messaged),
        ", ".join(line.others),
    )


def _since(signal: float, moment: float) -> str:
    return f"{moment - signal:.2f} s" if signal and moment else "-"
