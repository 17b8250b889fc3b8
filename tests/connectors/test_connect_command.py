"""`mos connect`: a system is tried first, and the site's folder is written when nothing is missing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from authoring.check.facts import connected
from domain.errors import ConfigError
from infra.commands.connecting import app
from infra.connect import check_document
from tests.connectors.rest.home_grown import MAPPING, TOKEN, HomeGrown
from tests.support.json_server import serving


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(HomeGrown()) as address:
        yield address


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "erp.token").write_text(TOKEN)
    (tmp_path / "mapping.yaml").write_text(yaml.safe_dump(MAPPING))
    return tmp_path


def run(folder: Path, *more: str, secret: str = "") -> Result:
    given = ["--secret", secret or f"file:{folder / 'erp.token'}", "--folder", str(folder)]
    return CliRunner().invoke(app, [*more, "--kind", "rest", "--mapping", str(folder / "mapping.yaml"), *given])


def written(folder: Path) -> Any:
    return yaml.safe_load((folder / "connectors.yaml").read_text())


def test_an_erp_is_tried_and_written_with_its_secret_by_reference(url: str, folder: Path) -> None:
    result = run(folder, "erp", url, "--set", "timezone=Europe/Prague")
    assert result.exit_code == 0, result.output
    assert "ok      look-up of record_downtime" in result.output
    (entry,) = written(folder)
    assert (entry["role"], entry["kind"], entry["config"]["timezone"]) == ("erp", "rest", "Europe/Prague")
    assert TOKEN not in (folder / "connectors.yaml").read_text() + result.output
    assert set(connected(written(folder))["erp"].outcomes) == {*MAPPING["outcomes"], "cancel_documents"}


def test_other_entries_and_comments_stay(url: str, folder: Path) -> None:
    file = folder / "connectors.yaml"
    file.write_text("# ours\n- {name: hall, kind: mqtt, role: source, config: {host: h}}\n")
    assert run(folder, "erp", url).exit_code == 0
    assert file.read_text().startswith("# ours\n- {name: hall")
    assert run(folder, "erp", url, "--set", "timeout=7").exit_code == 0
    assert run(folder, "mes", url).exit_code == 0
    assert [(one["name"], one["config"].get("timeout")) for one in written(folder)] == [
        ("hall", None),
        ("erp", 7),
        ("mes", None),
    ]


def test_what_is_missing_is_told_and_nothing_is_written(url: str, folder: Path) -> None:
    (folder / "erp.token").write_text("wrong")
    result = run(folder, "erp", url)
    assert result.exit_code == 1
    assert "MISSING look-up of record_downtime: ERP refused our credentials" in result.output
    assert not (folder / "connectors.yaml").exists()
    assert run(folder, "erp", url, "--anyway").exit_code == 0
    assert (folder / "connectors.yaml").exists()


def test_nobody_there_is_told(folder: Path) -> None:
    result = run(folder, "erp", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "MISSING reach it and sign in: ERP cannot be reached" in result.output


def test_a_dry_run_writes_nothing(url: str, folder: Path) -> None:
    assert run(folder, "erp", url, "--dry-run").exit_code == 0
    assert not (folder / "connectors.yaml").exists()


def test_a_secret_is_given_by_reference_only(url: str, folder: Path) -> None:
    result = run(folder, "erp", url, secret=TOKEN)
    assert isinstance(result.exception, ConfigError)
    assert TOKEN not in result.exception.message


@pytest.mark.parametrize(
    "change, said",
    [
        ({"kind": "sesame"}, "no kind 'sesame'"),
        (
            {"config": {"url": "https://erp", "mapping": {"outcomes": {"fly": {}}}}},
            "no outcome 'fly'|mapping.outcomes.fly",
        ),
        ({"config": {"url": "ftp://erp", "mapping": {}}}, "connector 'erp': url"),
        ({"config": {"url": "https://erp", "mapping": {}, "sped": 1}}, "sped"),
    ],
)
def test_a_push_refuses_wrong_settings_before_it_publishes(change: dict[str, Any], said: str) -> None:
    entry = {"name": "erp", "kind": "rest", "role": "erp", "config": {}, "secrets": {"token": "env:NOT_SET"}}
    with pytest.raises(ConfigError, match=said):
        check_document([entry | change])
