"""The audit as files: the chain as JSON lines that can be verified far from the database, records as CSV."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

from domain.audit.chain import Head, Kept, Record, Seal, read_data
from domain.audit.verification import Line, Report, Verifier
from domain.errors import InvalidPayloadError
from domain.values import Json, canonical, iso, parse_time
from store.read.evidence.audit import Found

COLUMNS: Final = ("number", "id", "at", "kind", "actor", "subject", "data", "digest", "hash")
_AT_RISK = re.compile(r"(^|[\s;,|\"'])(?=[=+\-@\t\r])")


def as_json(line: Line) -> str:
    """One number with all that verifying it needs, and a line feed."""
    record, head = line.record, line.head
    told: dict[str, Json] = {"seal": vars(line.seal), "record": record.said() if record else None}
    if head:
        told["head"] = vars(head) | {"at": iso(head.at)}
    if line.kept:
        told["personal"] = [vars(one) for one in line.kept]
    return canonical(told) + "\n"


def read_line(text: str) -> Line:
    """The line that `as_json` wrote. Raises InvalidPayloadError for anything else."""
    try:
        told = read_data(text)
        record, head = told["record"], told.get("head")
        return Line(
            Seal(**told["seal"]),
            Record(**record | {"at": parse_time(record["at"])}) if record else None,
            Head(**head | {"at": parse_time(head["at"])}) if head else None,
            tuple(Kept(**one) for one in told.get("personal", ())),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidPayloadError(f"This is no line of an exported chain: {error}") from error


def verify_lines(verifier: Verifier, lines: Iterable[str], erased: Iterable[str] = ()) -> Report:
    """Verify an exported chain; give a verifier that begins where the file does. `erased`: commitments that later
    records say were erased."""
    for text in lines:
        verifier.take(read_line(text))
    return verifier.end(erased=erased)


def with_head(head: Head, public_key: str) -> str:
    """A head to be kept outside, as JSON."""
    return canonical(vars(head) | {"at": iso(head.at), "public_key": public_key})


def read_head(text: str) -> Head:
    """What `with_head` wrote. Raises InvalidPayloadError for anything else."""
    try:
        told = json.loads(text)
        told.pop("public_key", None)
        return Head(**told | {"at": parse_time(told["at"])})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidPayloadError(f"This is no head of the audit: {error}") from error


def found_as_json(found: Found) -> str:
    """A record as people read it, with its place in the chain, and a line feed."""
    seal = found.seal
    proof = {"number": seal.number, "digest": seal.digest, "hash": seal.hash} if seal else {}
    return canonical(found.record.said() | {"data": found.data} | proof) + "\n"


def as_csv(batch: Iterable[Found], *, header: bool) -> Iterator[str]:
    """Rows; no cell is taken for a formula by a spreadsheet (C24)."""
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\r\n")
    if header:
        writer.writerow(COLUMNS)
    for one in batch:
        seal, record = one.seal, one.record
        row = (
            str(seal.number) if seal else "",
            str(record.id),
            iso(record.at),
            record.kind,
            record.actor,
            record.subject,
            json.dumps(one.data, sort_keys=True, ensure_ascii=False) if one.data else "",
            seal.digest if seal else "",
            seal.hash if seal else "",
        )
        writer.writerow([safe(cell) for cell in row])
    yield sheet.getvalue()


def safe(cell: str) -> str:
    """What no spreadsheet takes for a formula: an apostrophe in front, after separators and quotes too
    (ASVS 1.2.10)."""
    return _AT_RISK.sub(r"\1'", cell)
