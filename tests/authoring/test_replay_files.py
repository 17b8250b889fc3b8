"""`mos replay` on files: what is wrong is said with its line and what to do; a shadow's signals; what it prints."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from authoring.replay import reading
from authoring.replay.reading import RecordingError
from bench import month
from domain.errors import MosError
from infra.cli import COMMANDS, app

ROOT = Path(__file__).resolve().parents[2]
BREAKDOWN = ROOT / "workflows" / "definitions" / "breakdown.yaml"
SITE = month.site(10)
GOOD = {"at": "2026-11-02T08:00:00Z", "type": "machine.state", "equipment": "unit-1", "facts": {"state": "aborted"}}


def read(folder: Path, text: str, name: str = "recorded.jsonl") -> Any:
    (folder / name).write_text(text, encoding="utf-8")
    return reading.read(folder / name, SITE, "breakdown")


def test_a_line_needs_only_what_is_worth_saying(tmp_path: Path) -> None:
    (one,) = read(tmp_path, json.dumps(GOOD) + "\n\n").signals
    assert (one.signal.subject, one.signal.occurred_at) == ("unit-1", one.signal.received_at)
    assert one.signal.facts["packml"] == 9
    assert one.signal.facts["unit_mode"] == 1
    assert one.signal.facts["stop_reason"] is None


@pytest.mark.parametrize(
    "change, said",
    [
        ({"at": None}, "'at'"),
        ({"at": "2026-11-02 08:00"}, "no time zone"),
        ({"type": "machine.stat"}, "did you mean 'machine.state'?"),
        ({"equipment": "unit-77"}, "unknown equipment 'unit-77'"),
        ({"equipment": 7}, "'equipment' has to be a text"),
        ({"facts": {"stat": "aborted"}}, "unknown field 'stat' (did you mean 'state'?)"),
        ({"facts": {}}, "also has: state"),
        ({"facts": []}, "'facts' has to be an object"),
        ({"colour": "red"}, "unknown field 'colour'"),
    ],
)
def test_a_wrong_signal_is_named_by_its_line(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    wrong = json.dumps(GOOD | change)
    with pytest.raises(RecordingError, match="line 2") as error:
        read(tmp_path, f"{json.dumps(GOOD)}\n{wrong}\n")
    assert said in error.value.message


@pytest.mark.parametrize(
    "line, said",
    [
        ('{"at": "2026', "no JSON"),
        ("[1]", "a JSON object is expected"),
        ('{"exception": "e"}', "neither a signal"),
        ('{"answer": {}}', "of which exception"),
        ('{"exception": "e", "answer": {"task": "repair"}}', "'answer' also has 'person'"),
        ('{"exception": "e", "page": 3}', "'page' has to be an object"),
        ('{"exception": "e", "fact": {"sourc": 1}}', "did you mean 'source'?"),
        (
            '{"exception": "e", "fact": {"source": "agent.likely", "value": {"values": 3}}}',
            "the answer of 'agent.likely': values: names with values are needed here",
        ),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(RecordingError, match="line 2") as error:
        read(tmp_path, f"{json.dumps(GOOD)}\n{line}\n")
    assert said in error.value.message


def test_a_csv_is_read_by_the_types_of_its_facts(tmp_path: Path) -> None:
    text = "at,type,equipment,state,unit_mode,planned_stop\n2026-11-02T08:00:00Z,machine.state,unit-1,aborted,1,false\n"
    (one,) = read(tmp_path, text, "recorded.csv").signals
    assert (one.signal.facts["unit_mode"], one.signal.facts["planned_stop"]) == (1, False)


@pytest.mark.parametrize(
    "text, said",
    [
        ("at,type,equipmnt\n", "line 1: unknown column 'equipmnt' (did you mean 'equipment'?)"),
        ("at,equipment\n", "line 1: the column 'type' is missing"),
        ("at,type,unit_mode\n2026-11-02T08:00:00Z,machine.state,one\n", "line 2: 'unit_mode' is 'one'"),
        ("at,type,state\n2026-11-02T08:00:00Z,machine.state\n", "line 2: it has not as many fields"),
        ("at,type\n", "has no signals"),
    ],
)
def test_a_wrong_csv_is_named_by_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(RecordingError) as error:
        read(tmp_path, text, "recorded.csv")
    assert said in error.value.message


def test_no_text_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes(b"at,type\n\xe9,machine.state\n")
    with pytest.raises(RecordingError, match="no UTF-8 text"):
        reading.read(tmp_path / "latin.csv", SITE, "breakdown")
    with pytest.raises(MosError, match="can't be read"):
        reading.read(tmp_path / "nothing.csv", SITE, "breakdown")


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    """A folder with a site, its people, and a short recording."""
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(SITE.model_dump(mode="json")))
    (tmp_path / "people.yaml").write_text(yaml.safe_dump(month.roster().model_dump(mode="json")))
    month.write(tmp_path / "month.jsonl", 40, machines=10)
    return tmp_path


def mos(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "infra.cli", "replay", "breakdown", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)


def test_the_command_on_files_alone(plant: Path) -> None:
    changed = plant / "breakdown.yaml"
    changed.write_text(
        BREAKDOWN.read_text().replace("one_per: [signal.equipment]", "one_per: [signal.equipment]\n  settle: 90s")
    )
    given = ("--from", str(plant / "month.jsonl"), "--site", str(plant), "--file", str(changed))
    done = mos(*given, "--against", str(BREAKDOWN), "--format", "json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["exceptions"]["only_before"] > 0
    assert report["changes"] == ["opens.settle: 0 s becomes 90 s"]
    page = plant / "report.html"
    done = mos(*given, "--format", "html", "--out", str(page))
    assert done.stdout.endswith("report.html written\n")
    assert "<svg" in page.read_text()


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("--site", "{plant}"), "give the signals with --from"),
        (("--site", "{plant}", "--from", "{plant}/month.jsonl", "--file", "no.yaml"), "no.yaml can't be read"),
        (
            ("--site", "{plant}", "--from", "{plant}/month.jsonl", "--file", f"{BREAKDOWN}", "--against", "live"),
            "give --against a file",
        ),
        (("--reaction", "soon"), "--reaction: 'soon' is no duration"),
        (
            (
                "--site",
                "{plant}",
                "--from",
                "{plant}/month.jsonl",
                "--file",
                f"{BREAKDOWN.with_name('rush_order.yaml')}",
            ),
            "holds 'rush_order', not 'breakdown'",
        ),
    ],
)
def test_wrong_options_are_told_in_one_line(plant: Path, arguments: tuple[str, ...], said: str) -> None:
    from infra.commands import replay

    assert COMMANDS["replay"] == "infra.commands.replay"
    if not app.registered_commands or all(one.name != "replay" for one in app.registered_commands):
        app.command("replay")(replay.replay)
    given = [argument.format(plant=plant) for argument in arguments]
    done = CliRunner().invoke(app, ["replay", "breakdown", *given])
    assert isinstance(done.exception, MosError)
    assert said in done.exception.message
    assert "\n" not in done.exception.message
