"""`mos connect agent`: one question, then its entry beside the others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from authoring.check.facts import connected
from infra.commands.connecting import app
from infra.standins.serve import serving
from tests.connectors.openai_compatible.stand_in import KEY, MODEL, Server

ERP = "# ours\n- {name: erp, kind: rest, role: erp, config: {}}\n- {name: other, kind: history, role: agent}\n"


@pytest.fixture
def server() -> Iterator[tuple[Server, str]]:
    found = Server(content='{"colour": "blue", "hours": 3}')
    with serving(found.app()) as url:
        yield found, f"{url}/v1"
    assert found.wrong == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "connectors.yaml").write_text(ERP)
    return tmp_path


def run(folder: Path, url: str, *more: str, secret: str = "") -> Result:
    given = ["--name", "local_model", "--model", MODEL, "--secret", secret or f"file:{folder / 'key'}"]
    return CliRunner().invoke(app, ["agent", url, *given, "--folder", str(folder), *more])


def written(folder: Path) -> Any:
    return yaml.safe_load((folder / "connectors.yaml").read_text())


def test_a_model_is_asked_and_written_beside_the_others(server: tuple[Server, str], folder: Path) -> None:
    result = run(folder, server[1], "--set", "timeout=9")
    assert result.exit_code == 0, result.output
    assert f"ok      reach it and ask it: {MODEL}-0601" in result.output
    text = (folder / "connectors.yaml").read_text()
    assert text.startswith("# ours\n")
    assert KEY not in text + result.output
    assert [one["name"] for one in written(folder)] == ["erp", "other", "local_model"]
    assert "agent:local_model" in connected(written(folder)[1:])
    assert run(folder, server[1], "--set", "timeout=7").exit_code == 0
    assert [(one["name"], one["config"]["timeout"]) for one in written(folder)[2:]] == [("local_model", 7)]


@pytest.mark.parametrize(
    "content, code, says",
    [
        ('{"colour": "red", "hours": 3}', 0, "absent  answer what stands in the data"),
        ('{"colour": "green", "hours": 3}', 1, "MISSING answer with the wanted types"),
        ("blue", 1, "MISSING reach it and ask it"),
    ],
)
def test_what_is_missing_is_told(server: tuple[Server, str], folder: Path, content: str, code: int, says: str) -> None:
    server[0].content = content
    result = run(folder, server[1])
    assert (result.exit_code, says in result.output) == (code, True), result.output
    assert (len(written(folder)) == 2) == (code == 1)


def test_a_key_itself_is_refused(server: tuple[Server, str], folder: Path) -> None:
    assert run(folder, server[1], secret=KEY).exit_code == 1
    assert server[0].seen == []
