"""Reads CSV (RFC 4180), with commas or semicolons, as spreadsheets write it."""

import csv
import io

from connectors.roster_files import text_of
from domain.errors import InvalidPayloadError

ROWS = 20_000


def parse(data: bytes) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The columns' names, and the rows with their line numbers. Raises InvalidPayloadError."""
    text = text_of(data)
    head = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if head.count(";") > head.count(",") else ",")
    try:
        found = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise InvalidPayloadError(f"The file is no CSV: line {reader.line_num}: {error}") from None
    if not found:
        raise InvalidPayloadError("The file is empty")
    if len(found) > ROWS:
        raise InvalidPayloadError(f"More than {ROWS} rows: split the file")
    return [name.strip() for name in found[0][1]], found[1:]
