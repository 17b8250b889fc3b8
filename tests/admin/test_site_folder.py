"""A folder for git beside the database: pulled word for word, pushed back, and never over what is newer there."""

import asyncio
import json
import os
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from admin.access import passwords
from admin.actors import Actor, FourEyesError
from admin.definitions import publish, rollout
from admin.definitions.rollout import Move
from domain.authority.matrix import AuthorityMatrix
from domain.errors import ConfigError, InvalidPayloadError, MosError
from domain.site import Site
from infra import site_folder
from infra.commands.pull import drift, pull
from infra.commands.push import push
from infra.commands.rollout import Action
from infra.commands.rollout import rollout as mos_rollout
from infra.commands.versions import diff, versions
from store.db import Database
from store.read import site as site_read
from store.read.access import sessions as sessions_read
from store.read.definitions import versions as read
from tests.support.plant import DEFINITIONS, SITE
from tests.support.servers import Postgres

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SHIPPED = (DEFINITIONS / "breakdown.yaml").read_text()
LOUDER = SHIPPED.replace("repair_within: 24h", "repair_within: 12h")
LOUDEST = SHIPPED.replace("repair_within: 24h", "repair_within: 6h")
Told = pytest.CaptureFixture[str]


@pytest.fixture
def url(postgres: Postgres, published_template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The database that the commands are told of."""
    with postgres.database(published_template) as found:
        for name in [name for name in os.environ if name.startswith("MOS_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("MOS_DATABASE_URL", found)
        in_database(found, lambda opened: publish.publish_connectors(opened, [], author="eng", now=NOW))
        yield found


@pytest.fixture
def folder(url: str, tmp_path: Path) -> Path:
    """A folder that was just pulled."""
    pull(tmp_path / "plant")
    return tmp_path / "plant"


def in_database(url: str, do: Callable[[Database], Coroutine[Any, Any, Any]]) -> Any:
    async def run() -> Any:
        opened = Database(url, pool_size=1)
        try:
            return await do(opened)
        finally:
            await opened.close()

    return asyncio.run(run())


def published(url: str, text: str) -> None:
    """Somebody else publishes a version of breakdown."""
    in_database(
        url,
        lambda opened: publish.publish_definition(
            opened, text, "breakdown.yaml", author="otto", signed_off_by="sofia", now=NOW
        ),
    )


def live(url: str, definition: str = "breakdown") -> str:
    """The text that is in force."""

    async def ask(opened: Database) -> str:
        async with opened.transaction() as session:
            return (await read.find(session, definition, "live")).source_text

    return str(in_database(url, ask))


def drifted(folder: Path, capsys: Told) -> list[str]:
    capsys.readouterr()
    with pytest.raises(typer.Exit) as left:
        drift(folder)
    lines = [line for line in capsys.readouterr().out.splitlines() if "as published" not in line]
    assert left.value.exit_code == (1 if lines else 0)
    return lines


def breakdown(folder: Path) -> Path:
    return folder / "definitions" / "breakdown.yaml"


def test_pulled_is_what_was_published(folder: Path, capsys: Told) -> None:
    assert {file.name for file in (folder / "definitions").iterdir()} == {p.name for p in DEFINITIONS.glob("*.yaml")}
    assert breakdown(folder).read_text() == SHIPPED
    pulled, pushed = (
        Site.model_validate(yaml.safe_load(file.read_text())) for file in (folder / "site.yaml", SITE / "site.yaml")
    )
    assert pulled == pushed
    assert not (folder / "people.yaml").exists()
    assert drifted(folder, capsys) == []


def test_pushed_back_unchanged_changes_nothing(url: str, folder: Path, capsys: Told) -> None:
    before = in_database(url, _numbers)
    capsys.readouterr()
    push(folder, "lena", "sofia", "")
    assert in_database(url, _numbers) == before
    told = capsys.readouterr()
    assert "breakdown: v1, as it was" in told.out.splitlines()
    assert told.err == ""


def test_who_wrote_and_signed_is_on_record_by_id_however_they_are_called(url: str, folder: Path, capsys: Told) -> None:
    """Or one person would sign for themselves under two names."""
    breakdown(folder).write_text(LOUDER)
    with pytest.raises(FourEyesError):
        push(folder, "Sofia Rossi", "sofia", "half the time")
    push(folder, "Lena Fischer", "sofia@havel.example", "half the time")
    assert capsys.readouterr().err.count("is nobody on the roster") == 0
    (newest, *_) = in_database(url, _all_versions)
    assert (newest.author, newest.signed_off_by) == ("lena", "sofia")


async def _all_versions(opened: Database) -> Any:
    async with opened.transaction() as session:
        return await read.versions(session, "breakdown")


async def _numbers(opened: Database) -> list[tuple[str, int]]:
    async with opened.transaction() as session:
        documents = [(kind, len(await site_read.document_versions(session, kind))) for kind in ("site", "connectors")]
        return documents + [(row.definition, row.number) for row in await read.versions(session)]


def test_edited_pushed_and_known_from_then_on(url: str, folder: Path, capsys: Told) -> None:
    breakdown(folder).write_text(LOUDER)
    (line,) = drifted(folder, capsys)
    assert line.startswith("definitions/breakdown: edited here (v1 by eng, signed off by sofia")
    push(folder, "eng", "nobody", "half the time")
    told = capsys.readouterr()
    assert "breakdown: v2, live" in told.out.splitlines()
    assert "breakdown.yaml:" in told.err
    assert ": warning: " in told.err
    assert ": note: " not in told.err
    assert "the author 'eng' is nobody on the roster" in told.err
    assert "'nobody', who signs off, is nobody on the roster" in told.err
    assert live(url) == LOUDER
    assert drifted(folder, capsys) == []
    assert "half the time" in "\n".join(_told(capsys, "breakdown"))


def _told(capsys: Told, definition: str) -> list[str]:
    capsys.readouterr()
    versions(definition)
    return capsys.readouterr().out.splitlines()


def test_newer_in_the_database_is_not_pushed_over(url: str, folder: Path, capsys: Told) -> None:
    published(url, LOUDER)
    breakdown(folder).write_text(LOUDEST)
    assert drifted(folder, capsys)[0].startswith(
        "definitions/breakdown: edited here, and newer in the database (v2 by otto"
    )
    with pytest.raises(ConfigError, match=r"v2 by otto.*\n.*--force"):
        push(folder, "eng", "sofia", "")
    assert live(url) == LOUDER
    with pytest.raises(ConfigError, match="Nothing was written"):
        pull(folder)
    push(folder, "eng", "sofia", "", force=True)
    assert live(url) == LOUDEST
    assert drifted(folder, capsys) == []


def test_an_old_folder_does_not_bring_the_old_version_back(url: str, folder: Path) -> None:
    published(url, LOUDER)
    with pytest.raises(ConfigError, match="newer in the database"):
        push(folder, "eng", "sofia", "")
    pull(folder)
    assert breakdown(folder).read_text() == LOUDER


def test_a_version_that_is_only_tried_counts_as_newer(url: str, folder: Path) -> None:
    published(url, LOUDER)
    in_database(url, lambda opened: rollout.go_live(opened, "breakdown", "v1", Move(Actor("x", signed_in=False), NOW)))
    breakdown(folder).write_text(LOUDEST)
    with pytest.raises(ConfigError, match="v2 by otto is published too"):
        push(folder, "eng", "sofia", "")


def test_the_same_change_on_both_sides_is_no_drift(url: str, folder: Path, capsys: Told) -> None:
    published(url, LOUDER)
    breakdown(folder).write_text("# with our own comment\n" + LOUDER)
    assert drifted(folder, capsys) == []
    push(folder, "eng", "sofia", "")
    pull(folder)
    assert breakdown(folder).read_text().startswith("# with our own comment")


def test_a_site_that_changed_on_both_sides(url: str, folder: Path, capsys: Told) -> None:
    site = yaml.safe_load((folder / "site.yaml").read_text())
    in_database(url, lambda opened: publish.publish_site(opened, site | {"title": "There"}, author="otto", now=NOW))
    assert drifted(folder, capsys) == ["site: newer in the database"]
    (folder / "site.yaml").write_text(yaml.safe_dump(site | {"title": "Here"}))
    with pytest.raises(ConfigError, match="site: edited here, and newer"):
        push(folder, "eng", "sofia", "")
    pull(folder, force=True)
    assert yaml.safe_load((folder / "site.yaml").read_text())["title"] == "There"


def test_retired_leaves_the_folder_with_the_next_pull(url: str, folder: Path, capsys: Told) -> None:
    in_database(url, lambda opened: rollout.retire(opened, "rush_order", Move(Actor("x", signed_in=False), NOW)))
    assert drifted(folder, capsys) == ["definitions/rush_order: newer in the database (retired)"]
    pull(folder)
    assert not (folder / "definitions" / "rush_order.yaml").exists()
    assert drifted(folder, capsys) == []


def test_a_folder_that_was_never_pulled_does_not_undo_what_people_did_since(url: str, tmp_path: Path, capsys: Told) -> None:  # noqa: E501  # fmt: skip
    """The demo pushes its folder at every start."""
    for name in ("site", "people"):
        (tmp_path / f"{name}.yaml").write_text((SITE / f"{name}.yaml").read_text())
    push(tmp_path, "eng", "sofia", "")
    published(url, LOUDER)
    site = yaml.safe_load((SITE / "site.yaml").read_text())
    in_database(url, lambda opened: publish.publish_site(opened, site | {"title": "Ours"}, author="otto", now=NOW))
    capsys.readouterr()
    push(tmp_path, "eng", "sofia", "")
    assert "breakdown: left alone" in capsys.readouterr().out
    assert live(url) == LOUDER
    assert in_database(url, _title) == "Ours"
    assert not (tmp_path / site_folder.RECORD).exists()
    push(tmp_path, "eng", "sofia", "", force=True)
    assert live(url) == SHIPPED


async def _title(opened: Database) -> str:
    async with opened.transaction() as session:
        return (await site_read.site(session)).title


@pytest.mark.parametrize(
    "name, text, why",
    [
        ("other.yaml", SHIPPED, "holds 'breakdown'"),
        ("breakdown.yaml", "definition: [", "no valid YAML"),
        ("a.yaml", "definition: a\ntitle: A\nowner: o\nsteps:\n  - call: x\n    definition: a\n", "can't call itself"),
    ],
)
def test_folders_that_are_refused_whole(url: str, tmp_path: Path, name: str, text: str, why: str) -> None:
    before = in_database(url, _numbers)
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions" / name).write_text(text)
    (tmp_path / "definitions" / "quality_hold.yaml").write_text(
        (DEFINITIONS / "quality_hold.yaml").read_text().replace("decide_within: 4h", "decide_within: 5h")
    )
    with pytest.raises(MosError, match=why):
        push(tmp_path, "eng", "sofia", "")
    assert in_database(url, _numbers) == before


def test_two_that_call_each_other_are_refused(url: str, tmp_path: Path) -> None:
    _write_callers(tmp_path, a="b", b="a")
    with pytest.raises(ConfigError, match="call each other"):
        push(tmp_path, "eng", "sofia", "")


def test_what_is_called_is_pushed_first(url: str, tmp_path: Path) -> None:
    _write_callers(tmp_path, a="b", b="")
    push(tmp_path, "eng", "sofia", "")
    assert live(url, "a").startswith("definition: a")


def _write_callers(tmp_path: Path, **calls: str) -> None:
    for name, called in calls.items():
        more = f"  - call: x\n    definition: {called}\n" if called else ""
        text = f"definition: {name}\ntitle: T\nowner: o\nsteps:\n  - notify: told\n    to: {{role: planner}}\n{more}"
        (tmp_path / "definitions").mkdir(exist_ok=True)
        (tmp_path / "definitions" / f"{name}.yaml").write_text(text)


def test_a_broken_record_is_told(folder: Path) -> None:
    (folder / site_folder.RECORD).write_text("[]")
    with pytest.raises(ConfigError, match="pull again"):
        drift(folder)


def test_mos_diff(url: str, tmp_path: Path, capsys: Told) -> None:
    published(url, LOUDER)
    (tmp_path / "mine.yaml").write_text(LOUDEST)
    capsys.readouterr()
    diff("breakdown", "v1", "v2")
    diff("breakdown", "live", str(tmp_path / "mine.yaml"))
    assert capsys.readouterr().out.splitlines() == [
        "- parameters.repair_within: 24 h becomes 12 h",
        "- parameters.repair_within: 12 h becomes 6 h",
    ]
    diff("breakdown", "v2", "v2")
    assert capsys.readouterr().out == "nothing differs\n"
    diff("breakdown", "v1", "newest", as_json=True)
    (change,) = json.loads(capsys.readouterr().out)
    assert (change["before"], change["after"]) == ("24h", "12h")


def test_mos_rollout(url: str, capsys: Told) -> None:
    published(url, LOUDER)
    capsys.readouterr()
    mos_rollout("breakdown", Action.BACK, by="lena", reason="too soon")
    assert capsys.readouterr().out.startswith("breakdown v1: live since")
    mos_rollout("breakdown", Action.TRY, "v2", area=["turning"], share=20, by="lena", reason="one area first")
    assert "breakdown v2: trial in turning, 20 % since" in capsys.readouterr().out
    assert [line.split("  ")[:1] for line in _told(capsys, "breakdown")] == [["breakdown v2"], ["breakdown v1"]]
    mos_rollout("breakdown", Action.PROMOTE, by="lena", reason="it did well")
    assert capsys.readouterr().out.startswith("breakdown v2: live since")
    mos_rollout("breakdown", Action.RETIRE, by="lena", reason="no such machine")
    assert "opens nothing" in capsys.readouterr().out
    for action, version, by in ((Action.LIVE, "", "lena"), (Action.BACK, "v1", "lena"), (Action.LIVE, "v1", "")):
        with pytest.raises(InvalidPayloadError):
            mos_rollout("breakdown", action, version, by=by, reason="another try")
    with pytest.raises(InvalidPayloadError, match="reason"):
        mos_rollout("breakdown", Action.LIVE, "v1", by="lena")


def test_the_authority_matrix_has_the_same_life(url: str, folder: Path, capsys: Told) -> None:
    """Pushed, pulled back with the same meaning; what is wrong is refused before anything is published."""
    matrix = folder / "authority.yaml"
    assert not matrix.exists()
    text = (SITE / "authority.yaml").read_text()
    matrix.write_text(text)
    push(folder, "eng", "sofia", "who may decide")
    assert drifted(folder, capsys) == []
    matrix.unlink()
    pull(folder, force=True)
    written, meant = (AuthorityMatrix.model_validate(yaml.safe_load(one)) for one in (matrix.read_text(), text))
    assert written == meant
    matrix.write_text(text.replace("risk: high", "risk: highest"))
    with pytest.raises(ConfigError, match=r"actions\.disposition\.risk"):
        push(folder, "eng", "sofia", "")


def test_a_first_password_is_given_once(url: str, folder: Path, tmp_path: Path) -> None:
    """What somebody has chosen since is theirs: the same push does not take it away."""
    first, chosen = "correct horse battery", "staple of my own choice"
    file = tmp_path / "passwords.yaml"
    file.write_text(yaml.safe_dump({"piotr": first}))
    (folder / "people.yaml").write_text((SITE / "people.yaml").read_text())

    def known(password: str) -> bool:
        stored = in_database(url, lambda opened: _stored(opened, "piotr"))
        return bool(passwords._verify(stored, password))

    push(folder, reason="first", passwords=file)
    assert known(first)
    in_database(url, lambda opened: passwords.set_password(opened, "piotr", chosen, NOW, actor="piotr"))
    push(folder, reason="again", passwords=file)
    assert known(chosen)


async def _stored(database: Database, person: str) -> str:
    async with database.transaction() as session:
        return await sessions_read.password_hash(session, person) or ""
