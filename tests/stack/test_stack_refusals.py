"""Data folders that can't be used: one clear message, exit code 1, and nothing left running."""

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.stack.harness import Site


def _refused(site: Site, **env: str) -> str:
    done = site.mos("up", "--bare", **env)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert site.processes() == {}
    return done.stdout


@pytest.mark.parametrize("content", ["eighteen\n", None])
def test_a_damaged_database_folder_is_refused(site: Site, content: str | None) -> None:
    version = site.data / "postgres" / "PG_VERSION"
    sound = version.read_text()
    version.unlink() if content is None else version.write_text(content)
    try:
        assert f"The PostgreSQL data in {site.data / 'postgres'} is damaged" in _refused(site)
    finally:
        version.write_text(sound)
        shutil.chown(version, version.parent.owner(), version.parent.group())


def test_a_database_of_another_major_version_is_not_touched(site: Site) -> None:
    version = site.data / "postgres" / "PG_VERSION"
    sound = version.read_text()
    version.write_text("16\n")
    try:
        assert "was made by PostgreSQL 16" in _refused(site)
    finally:
        version.write_text(sound)


def test_a_server_that_does_not_start_shows_the_end_of_its_log(site: Site) -> None:
    control = site.data / "postgres" / "global" / "pg_control"
    sound = control.read_bytes()
    control.write_bytes(os.urandom(len(sound)))
    try:
        said = _refused(site)
    finally:
        control.write_bytes(sound)
    assert "postgres ended 4 times in a row (exit code 1)" in said
    assert "  | " in said
    assert "FATAL" in said


@pytest.mark.parametrize("offset", [0, 4096 * 3])
def test_a_damaged_temporal_file_is_refused(site: Site, offset: int) -> None:
    file = site.data / "temporal" / "temporal.db"
    beside = [file.with_name(file.name + suffix) for suffix in ("-wal", "-shm")]
    sound = {path: path.read_bytes() for path in (file, *beside) if path.exists()}
    for path in beside:
        path.unlink(missing_ok=True)
    with file.open("r+b") as damaged:
        damaged.seek(offset)
        damaged.write(b"\xff" * 4096 * 4)
    try:
        assert f"Temporal's file {file} is damaged" in _refused(site)
    finally:
        for path, content in sound.items():
            path.write_bytes(content)


def test_too_little_disk_is_refused_before_anything_is_made(fresh: Site) -> None:
    said = _refused(fresh, MOS_MIN_FREE_MB="999999999")
    assert "Too little disk space" in said
    assert "MOS_MIN_FREE_MB" in said
    assert not (fresh.data / "postgres").exists()


def test_a_disk_that_fills_up_while_starting_is_named(fresh: Site) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small disk for this process only")
    fresh.data.mkdir()
    mount = f'mount -t tmpfs -o size=45m,mode=755 tmpfs {fresh.data} && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", mount, "sh", *fresh.command("up", "--bare")]
    if subprocess.run(["unshare", "--mount", "true"], check=False).returncode != 0:
        pytest.skip("no mount namespaces here")
    env = fresh.environment(MOS_MIN_FREE_MB="4")
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"Too little disk space for {fresh.data}" in done.stdout or "No space left on device" in done.stdout
    assert "Traceback" not in done.stderr
    assert fresh.processes() == {}


def test_a_file_in_place_of_the_folder_is_named(fresh: Site) -> None:
    fresh.data.write_text("")
    assert f"{fresh.data} is a file, not a folder" in _refused(fresh)


def _owners(site: Site) -> set[int]:
    """PostgreSQL begins and ends processes as it likes: one that has gone meanwhile is nobody's."""
    found = set()
    for pid in site.processes():
        with contextlib.suppress(FileNotFoundError):
            found.add(Path(f"/proc/{pid}").stat().st_uid)
    return found


def test_a_plain_user_runs_the_stack(plain_user: Site) -> None:
    plain_user.up()
    assert plain_user.sql("SELECT 1") == [(1,)]
    assert _owners(plain_user) == {65534}
    assert plain_user.signal(signal.SIGINT) == 0
    assert plain_user.processes() == {}


def test_a_plain_user_is_told_that_the_folder_is_another_ones(plain_user: Site) -> None:
    plain_user.data.mkdir(mode=0o755)
    said = _refused(plain_user)
    assert f"No permission for {plain_user.data}" in said
    assert "MOS_DATA_DIR" in said


def test_a_wrong_setting_is_one_line(fresh: Site) -> None:
    done = fresh.mos("up", MOS_API_PORT="eighty")
    assert done.returncode == 1
    assert done.stderr.startswith("Setting to correct: MOS_API_PORT")
    assert len(done.stderr.splitlines()) == 1
