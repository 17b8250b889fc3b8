"""What the command prints: a caret below the place for people, JSON and SARIF for programs, an exit code for CI."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from authoring.check.many import check_all
from domain.errors import ConfigError
from infra import cli
from infra.commands.check import folder_facts

BAD = """\
definition: bad
title: Bad
owner: planner
steps:
  - notify: told
    only_if: 1 > 2
    to: {role: plannr}
  - if: "true"
    then: [{notify: late, to: {role: planner}}]
"""
CALLER = "definition: caller\ntitle: C\nowner: planner\nsteps: [{call: it, definition: bad}]\n"
DEMO = Path(cli.__file__).parent / "demo" / "site"
SHIPPED = Path(cli.__file__).parents[1] / "workflows" / "definitions"
PLACE = {
    "type": "object",
    "required": ["artifactLocation", "region"],
    "properties": {
        "artifactLocation": {"type": "object", "required": ["uri"], "properties": {"uri": {"format": "uri-reference"}}},
        "region": {
            "type": "object",
            "required": ["startLine"],
            "properties": {"startLine": {"minimum": 1}, "startColumn": {"minimum": 1}},
        },
    },
}
RESULT = {
    "type": "object",
    "required": ["message", "ruleId", "locations"],
    "properties": {
        "level": {"enum": ["none", "note", "warning", "error"]},
        "message": {"type": "object", "required": ["text"]},
        "ruleIndex": {"type": "integer", "minimum": 0},
        "locations": {"type": "array", "items": {"properties": {"physicalLocation": PLACE}}},
    },
}
SARIF = {  # the parts of the OASIS schema for 2.1.0 that this output uses
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "$schema": {"type": "string", "format": "uri"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool"],
                "properties": {
                    "tool": {"required": ["driver"], "properties": {"driver": {"required": ["name"]}}},
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {"type": "array", "items": RESULT},
                },
            },
        },
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bad.yaml").write_text(BAD)
    return tmp_path


def run(*arguments: object) -> tuple[int, str]:
    cli._add_sub_apps("check")
    result = CliRunner().invoke(cli.app, ["check", *map(str, arguments)])
    return result.exit_code, result.output


def test_people_read_the_line_a_caret_and_what_to_do(folder: Path) -> None:
    code, output = run(folder / "bad.yaml", "--site", DEMO)
    assert code == 1
    lines = output.splitlines()
    (place,) = [index for index, line in enumerate(lines) if "bad.yaml:7:5: error: nobody with role plannr" in line]
    assert lines[place].endswith("[mos.people.nobody]")
    assert lines[place + 1 : place + 3] == ["  7 |     to: {role: plannr}", "    |     ^"]
    assert "give somebody on the roster" in lines[place + 3]
    assert lines[-1] == "1 definition: 1 error, 2 warnings"
    assert "\x1b" not in output


def test_warnings_count_when_they_are_asked_to(folder: Path) -> None:
    assert run(folder / "bad.yaml")[0] == 0
    assert run(folder / "bad.yaml", "--warnings-as-errors")[0] == 1


def test_json(folder: Path) -> None:
    document = json.loads(run(folder / "bad.yaml", "--format", "json")[1])
    assert document["counts"] == {"error": 0, "warning": 2, "note": 0}
    first = document["findings"][0]
    assert first == {
        "file": str(folder / "bad.yaml"),
        "line": 6,
        "column": 5,
        "severity": "warning",
        "code": "mos.flow.dead",
        "message": "this never holds: 'told' is never run",
        "suggestion": "",
    }


def test_sarif(folder: Path) -> None:
    document: dict[str, Any] = json.loads(run(folder, "--format", "sarif", "--site", DEMO)[1])
    Draft202012Validator(SARIF).validate(document)
    (one,) = document["runs"]
    rules = one["tool"]["driver"]["rules"]
    for result in one["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert rules[result["ruleIndex"]]["help"]["text"] != result["ruleId"]
    assert {result["level"] for result in one["results"]} == {"error", "warning"}


def test_the_schema_is_the_published_one() -> None:
    from authoring.language import schema

    assert json.loads(run("--schema")[1]) == schema()


def test_nothing_to_check_is_said(tmp_path: Path) -> None:
    cli._add_sub_apps("check")
    result = CliRunner().invoke(cli.app, ["check", str(tmp_path)])
    assert "no definition here" in str(result.exception)


@pytest.mark.parametrize(
    "file, old, new, says",
    [
        ("people.yaml", "shifts: [round", "shfts: [round", "unknown field 'shfts'; did you mean 'shifts'?"),
        ("site.yaml", "level: ", "level: x", "'xarea' is none of area, work_center, work_unit; did you mean 'area'?"),
    ],
)
def test_a_site_s_documents_are_refused_in_our_words(tmp_path: Path, file: str, old: str, new: str, says: str) -> None:
    for name in ("people.yaml", "site.yaml"):
        (tmp_path / name).write_text((DEMO / name).read_text())
    (tmp_path / file).write_text((DEMO / file).read_text().replace(old, new, 1))
    with pytest.raises(ConfigError) as refused:
        folder_facts(tmp_path)
    assert says in str(refused.value)


def test_what_ships_has_no_error_at_the_demo_site() -> None:
    code, output = run(SHIPPED, "--site", DEMO)
    assert code == 0, output


def test_many_give_the_same_as_one_by_one() -> None:
    texts = {f"d{n}.yaml": BAD.replace("definition: bad", f"definition: d{n}") for n in range(60)} | {
        "bad.yaml": BAD,
        "caller.yaml": CALLER,
    }
    alone, together = check_all(texts, workers=1), check_all(texts, workers=2)
    assert alone == together
    assert [sheet.file for sheet in together] == list(texts)
    assert together[-1].findings == []


@pytest.mark.parametrize("name", ["replay", "test", "check", "push"])
def test_help_tells_the_deed_before_the_exit_code(name: str) -> None:
    told = str(getattr(importlib.import_module(cli.COMMANDS[name]), name).__doc__)
    assert told.startswith({"replay": "Show", "test": "Play", "check": "Look", "push": "Check"}[name])
    assert len(told.partition("\n")[0]) > 60  # the list of commands shows this line alone
