"""Findings as SARIF 2.1.0 (OASIS standard, docs.oasis-open.org/sarif/sarif/v2.1.0): for editors and CI."""

import json
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from authoring.check.codes import told
from authoring.check.reporting import Sheet
from domain.language.definition_text import Finding

VERSION = "2.1.0"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def as_sarif(sheets: list[Sheet]) -> str:
    """One run of `mos check`. Columns count characters, from 1."""
    codes = sorted({finding.code for sheet in sheets for finding in sheet.findings})
    results = [_result(sheet.file, finding, codes) for sheet in sheets for finding in sheet.findings]
    driver = {"name": "mos check", "rules": [_rule(code) for code in codes]}
    artifacts = [{"location": _location(sheet.file)} for sheet in sheets]
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "artifacts": artifacts,
        "results": results,
    }
    return json.dumps({"$schema": SCHEMA, "version": VERSION, "runs": [run]}, indent=1, ensure_ascii=False)


def _rule(code: str) -> dict[str, Any]:
    text = {"text": told(code) or code}
    return {"id": code, "shortDescription": text, "help": text}


def _result(file: str, finding: Finding, codes: list[str]) -> dict[str, Any]:
    text = finding.message + (f"\n{finding.suggestion}" if finding.suggestion else "")
    region = {"startLine": max(finding.line, 1), "startColumn": max(finding.column, 1)}
    return {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": finding.severity,
        "message": {"text": text},
        "locations": [{"physicalLocation": {"artifactLocation": _location(file), "region": region}}],
    }


def _location(file: str) -> dict[str, str]:
    return {"uri": quote(PurePath(file).as_posix())}
