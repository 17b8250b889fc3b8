"""What came of the scenarios, for people, for programs and for continuous integration."""

import json
from collections.abc import Iterator
from datetime import datetime
from xml.etree import ElementTree

from authoring.scenarios.playing import offset
from authoring.scenarios.suite import Case, Report
from authoring.scenarios.timeline import timeline
from domain.values import Json


def as_text(report: Report) -> str:
    """A line a scenario; for failures what was expected, and the whole timeline."""
    lines = [line for case in report.cases for line in _case_lines(case)]
    lines += [line for name in report.coverage for line in _coverage_lines(report, name)]
    failed = sum(not case.passed for case in report.cases)
    count = f"{len(report.cases)} scenario{'' if len(report.cases) == 1 else 's'}"
    lines.append(f"{count}, {failed} failed" if failed else f"{count}, all passed")
    return "\n".join(lines)


def _case_lines(case: Case) -> Iterator[str]:
    verdict = "ok  " if case.passed else "FAIL"
    yield f"{verdict} {case.file} ({case.seconds * 1000:.0f} ms) {case.title}".rstrip()
    yield from (f"  {problem}" for problem in problems(case))
    if case.played and not case.passed:
        yield from (f"     {line}" for line in timeline(case.played))


def problems(case: Case) -> list[str]:
    """file:line:column and what is wrong."""
    found = [f"{case.file}:{one.line}:{one.column}: {one.message}" for one in case.findings]
    for expected, result in case.played.failures if case.played else ():
        at = f" at {_since_start(case, result.at)}" if result.at and result.got else ""
        got = f"; got: {result.got}{at}" if result.got else ""
        found.append(f"{case.file}:{expected.line}:{expected.column}: expected {expected.text}{got}")
    return found + [f"{case.file}:1:1: in memory and on Temporal differ: {one}" for one in case.differs]


def _since_start(case: Case, at: datetime) -> str:
    return offset(at, case.played.scenario.start) if case.played else ""


def _coverage_lines(report: Report, name: str) -> Iterator[str]:
    coverage = report.coverage[name]
    steps, all_steps, ways, all_ways = coverage.counts()
    missing = f"; not gone through: {', '.join(coverage.missing())}" if coverage.missing() else ""
    yield f"{name}: {steps} of {all_steps} steps, {ways} of {all_ways} branches ({coverage.share:.0%}){missing}"


def as_json(report: Report) -> str:
    """The same as one JSON document."""
    return json.dumps({"scenarios": [_case(case) for case in report.cases], "coverage": _coverage(report)}, indent=1)


def _case(case: Case) -> Json:
    problems_found = [{"line": f.line, "column": f.column, "code": f.code, "message": f.message} for f in case.findings]
    for expected, result in case.played.failures if case.played else ():
        got = f"expected {expected.text}" + (f"; got: {result.got}" if result.got else "")
        place = {"line": expected.line, "column": expected.column}
        problems_found.append({**place, "code": "mos.scenario.not_met", "message": got})
    return {
        "file": case.file,
        "title": case.title,
        "passed": case.passed,
        "seconds": round(case.seconds, 4),
        "problems": problems_found,
        "differs": list(case.differs),
        "timeline": timeline(case.played) if case.played and not case.passed else [],
    }


def _coverage(report: Report) -> Json:
    found = {}
    for name, coverage in report.coverage.items():
        steps, all_steps, ways, all_ways = coverage.counts()
        found[name] = {
            "steps": [steps, all_steps],
            "branches": [ways, all_ways],
            "share": round(coverage.share, 4),
            "missing": coverage.missing(),
        }
    return found


def as_junit(report: Report) -> str:
    """JUnit XML, as CI servers read it: one suite, one case a scenario."""
    failed = sum(not case.passed for case in report.cases)
    suite = ElementTree.Element("testsuite", name="mos test", tests=str(len(report.cases)), failures=str(failed))
    for case in report.cases:
        node = ElementTree.SubElement(suite, "testcase", name=case.title or case.file, file=case.file)
        node.set("classname", case.file)
        node.set("time", f"{case.seconds:.3f}")
        if not case.passed:
            wrong = problems(case)
            failure = ElementTree.SubElement(node, "failure", message=wrong[0] if wrong else "failed")
            failure.text = "\n".join([*wrong, *(timeline(case.played) if case.played else [])])
    return ElementTree.tostring(suite, encoding="unicode")


FORMATS = {"text": as_text, "json": as_json, "junit": as_junit}
