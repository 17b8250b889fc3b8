"""Findings in words for people, and as JSON for programs."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from domain.language.definition_text import Finding

SEVERITIES = ("error", "warning", "note")
_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "note": "\x1b[1;36m"}
_PLAIN, _DIM = "\x1b[0m", "\x1b[2m"
_WIDE = 140


@dataclass(frozen=True)
class Sheet:
    """One file with its text, and what was found in it."""

    file: str
    text: str
    findings: list[Finding] = field(default_factory=list)


def counts(sheets: Iterable[Sheet]) -> dict[str, int]:
    """How many findings of each severity."""
    found = [finding.severity for sheet in sheets for finding in sheet.findings]
    return {severity: found.count(severity) for severity in SEVERITIES}


def lines(sheet: Sheet, *, colours: bool = False) -> list[str]:
    """One finding: its place and message, the line with a caret, what to do."""
    source = sheet.text.splitlines()
    return [line for finding in sheet.findings for line in _finding(sheet.file, finding, source, colours)]


def _finding(file: str, finding: Finding, source: list[str], colours: bool) -> list[str]:
    tint, end, dim = (_COLOURS.get(finding.severity, ""), _PLAIN, _DIM) if colours else ("", "", "")
    first, *rest = finding.message.splitlines() or [""]
    place = f"{file}:{finding.line}:{finding.column}: "
    found = [f"{place}{tint}{finding.severity}{end}: {first} {dim}[{finding.code}]{end}"]
    found += [f"  {line}" for line in rest]
    if 0 < finding.line <= len(source):
        excerpt, caret = _excerpt(source[finding.line - 1], finding.column)
        number = str(finding.line)
        found += [f"  {dim}{number} |{end} {excerpt}", f"  {dim}{' ' * len(number)} |{end} {' ' * caret}{tint}^{end}"]
    return [*found, *([f"  = {finding.suggestion}"] if finding.suggestion else [])]


def _excerpt(line: str, column: int) -> tuple[str, int]:
    """The part of a line around a column, and where in it that is."""
    line = line.replace("\t", " ")
    start = 0 if column <= _WIDE - 20 else column - _WIDE // 2
    return line[start : start + _WIDE], column - 1 - start


def summary(sheets: list[Sheet]) -> str:
    """`12 definitions: 1 error, 3 warnings, 2 notes`."""
    found = counts(sheets)
    told = [f"{count} {severity}{'s' if count != 1 else ''}" for severity, count in found.items() if count]
    files = f"{len(sheets)} definition{'s' if len(sheets) != 1 else ''}"
    return f"{files}: {', '.join(told) or 'ok'}"


def as_json(sheets: list[Sheet]) -> str:
    """`{"findings": [{file, line, column, severity, code, message, suggestion}], "counts": {..}}`."""
    findings = [
        {
            "file": sheet.file,
            "line": finding.line,
            "column": finding.column,
            "severity": finding.severity,
            "code": finding.code,
            "message": finding.message,
            "suggestion": finding.suggestion,
        }
        for sheet in sheets
        for finding in sheet.findings
    ]
    document: Mapping[str, object] = {"findings": findings, "counts": counts(sheets), "files": len(sheets)}
    return json.dumps(document, indent=1, ensure_ascii=False)
