"""Verifying the audit chain: number by number, in one pass and bounded memory, saying what was done to which record."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from domain.audit.chain import (
    ERASED,
    GENESIS,
    MARKED,
    Head,
    Kept,
    Record,
    Seal,
    commitment,
    commitments,
    digest_of,
    link,
)

_MOST = 1000  # findings that are told one by one


class What(StrEnum):
    """What was found."""

    ALTERED = "altered"  # the record says something else than when it was sealed
    REMOVED = "removed"  # the record, or its number in the chain, is gone
    INSERTED = "inserted"  # a record that was never sealed and does not wait for it
    REORDERED = "reordered"  # the record stands at `number`, but belongs to `other`
    SEAL = "seal altered"  # the chain does not fit together at this number
    HEAD = "head does not fit"  # what was signed is not what stands here; good up to `other`
    HEAD_GONE = "head removed"  # `other`, the next head, says that there was one at this number
    UNSIGNED = "unsigned"  # numbers from here on that no head covers
    ANCHOR = "anchor does not fit"  # the chain is not the one whose head was kept outside
    VALUE = "personal value altered"
    GONE = "personal value removed"  # without a record of its erasure


@dataclass(frozen=True)
class Finding:
    """`number`: in the chain, 0 = none; `record`: the record's id; `other`: the other number that it is about."""

    what: What
    number: int = 0
    record: int = 0
    kind: str = ""
    subject: str = ""
    other: int = 0

    def line(self) -> str:
        """One line for the terminal."""
        parts = [
            f"number {self.number}" if self.number else "",
            f"record {self.record}" if self.record else "",
            f"{self.kind} {self.subject}".strip(),
            f"see number {self.other}" if self.other else "",
        ]
        return f"{self.what.value}: " + ", ".join(part for part in parts if part)


@dataclass(frozen=True)
class Line:
    """One number as it is kept. `record` is None when it is gone; `head`, when one was signed at this number; `kept`:
    the personal values of its commitments that are still there."""

    seal: Seal
    record: Record | None
    head: Head | None = None
    kept: tuple[Kept, ...] = ()


@dataclass
class Report:
    """`first` to `last`: the numbers that were looked at. `count`: all findings, of which `findings` are told."""

    first: int = 0
    last: int = 0
    hash: str = GENESIS
    records: int = 0
    heads: int = 0
    erased: int = 0
    waiting: int = 0
    count: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.count


@dataclass(frozen=True)
class _Broken:
    """A number whose link does not hold. `before`: the hashes that may be the one before it."""

    line: Line
    before: tuple[str, ...]


class Verifier:
    """Give it every line in order, then `end`. `after`, `previous`: the number and hash that the first line follows (a
    checkpoint, or what stands there). `valid`: is this head's signature by a key that is trusted? `joined`: a head
    stands at `after`, so that the first head here has to say that it follows that one."""

    def __init__(
        self, valid: Callable[[Head], bool], after: int = 0, previous: str = GENESIS, *, joined: bool = False
    ) -> None:
        self._valid = valid
        self._joined = joined
        self._before: tuple[str, ...] = (previous,)
        self._signed = after
        self._broken: list[_Broken] = []
        self._strange: list[tuple[Line, str]] = []
        self._gone: dict[str, Finding] = {}
        self._erased: set[str] = set()
        self.report = Report(first=after + 1, last=after, hash=previous)

    def take(self, line: Line) -> None:
        """The next line."""
        seal, expected = line.seal, self.report.last + 1
        for number in range(expected, min(seal.number, expected + _MOST)):
            self.found(Finding(What.REMOVED, number))
        text = line.record.text() if line.record else ""
        digest = digest_of(text) if text else ""
        if seal.number == expected:
            self._link(line, digest)
        else:
            self._before = (seal.hash,)
        self._content(line, digest)
        self._head(line)
        if line.kept or MARKED in text or (line.record and line.record.kind == ERASED):
            self._values(line)
        self.report.last, self.report.hash = seal.number, seal.hash
        self.report.records += line.record is not None

    def _link(self, line: Line, digest: str) -> None:
        seal = line.seal
        holds = [before for before in self._before if link(seal.number, before, seal.digest) == seal.hash]
        if holds:
            self._before = (seal.hash,)
            return
        by_record = [before for before in self._before if link(seal.number, before, digest) == seal.hash]
        computed = link(seal.number, self._before[0], seal.digest)
        if by_record:  # only the seal's copy of the digest was changed
            self.found(_of(What.SEAL, line))
        elif len(self._broken) < _MOST:
            self._broken.append(_Broken(line, self._before))
        else:
            self.found(_of(What.SEAL, line))
        self._before = (seal.hash, computed)

    def _content(self, line: Line, digest: str) -> None:
        if line.record is None:
            self.found(_of(What.REMOVED, line))
        elif digest != line.seal.digest:
            self._strange.append((line, digest))
            if len(self._strange) > _MOST:
                self.found(_of(What.ALTERED, self._strange.pop()[0]))

    def _head(self, line: Line) -> None:
        head = line.head
        if head is None:
            return
        self.report.heads += 1
        known = self._joined or self.report.heads > 1
        if head.after > self._signed or (head.after < self._signed and known):
            self.found(Finding(What.HEAD_GONE, head.after, other=head.number))
        if head.hash == line.seal.hash and self._valid(head):
            self._signed = head.number
        else:
            self.found(Finding(What.HEAD, head.number, other=self._signed))
            self._signed = head.number  # what comes later is judged by later heads

    def _values(self, line: Line) -> None:
        if line.record is None:
            return
        if line.record.kind == ERASED:
            self._erased |= set(line.record.data.get("commitments", ()))
        kept = {one.commitment: one for one in line.kept}
        for name in commitments(line.record.data):
            one = kept.get(name)
            if one is None:
                self.report.erased += 1
                self._gone[name] = _of(What.GONE, line)
            elif commitment(one.value, one.salt) != name:
                self.found(_of(What.VALUE, line))

    def end(
        self,
        *,
        loose: Iterable[Record] = (),
        heads: Iterable[Head] = (),
        erased: Iterable[str] = (),
        to_the_end: bool = True,
    ) -> Report:
        """`loose`: records that are neither sealed nor waiting for it; `heads`: those at numbers that are not there;
        `erased`: commitments that records outside the range say were erased; `to_the_end`: the last line was the
        chain's, which is always signed."""
        self._explain()
        for record in loose:
            self.found(Finding(What.INSERTED, 0, record.id, record.kind, record.subject))
        for head in heads:
            self.found(Finding(What.HEAD, head.number, other=self._signed))
        if to_the_end and self._signed < self.report.last:
            self.found(Finding(What.UNSIGNED, self._signed + 1, other=self.report.last))
        for name in self._gone.keys() - self._erased - set(erased):
            self.found(self._gone[name])
        self.report.findings.sort(key=lambda finding: (finding.number or 2**63, finding.record))
        return self.report

    def _explain(self) -> None:
        """Tell what was moved from what was changed."""
        belongs = {line.seal.digest: line.seal.number for line, _ in self._strange}
        for line, digest in self._strange:
            other = belongs.get(digest, 0)
            self.found(_of(What.REORDERED if other else What.ALTERED, line, other))
        true: dict[int, str] = {}
        for here in self._broken:
            number = here.line.seal.number
            before = (*here.before, *((true[number - 1],) if number - 1 in true else ()))
            if any(_fits(number, one, here.line.seal) for one in before):
                continue  # only the one before it was moved
            there = next(
                (one.line for one in self._broken if any(_fits(number, b, one.line.seal) for b in before)), None
            )
            if there is not None:
                true[number] = there.seal.hash
            self.found(_of(What.REORDERED if there else What.SEAL, here.line, there.seal.number if there else 0))

    def found(self, finding: Finding) -> None:
        """Something is wrong."""
        self.report.count += 1
        if len(self.report.findings) < _MOST:
            self.report.findings.append(finding)


def _fits(number: int, before: str, seal: Seal) -> bool:
    return link(number, before, seal.digest) == seal.hash


def _of(what: What, line: Line, other: int = 0) -> Finding:
    record = line.record
    kind, subject = (record.kind, record.subject) if record else ("", "")
    return Finding(what, line.seal.number, line.seal.record_id, kind, subject, other)
