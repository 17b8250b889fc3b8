"""The account that PostgreSQL runs as on a machine where we are root and nobody has made one."""

import os
import pwd
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from domain.errors import ConfigError
from infra.stack import users

Useradd = Callable[[int], bool]


class _Machine:
    """Whose useradd answers as told, at its n-th call: True makes the account, False refuses."""

    def __init__(self, answers: Useradd, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls, self.there, self._answers = 0, False, answers
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        monkeypatch.setattr(users, "_PAUSES", (0.0, 0.0))
        monkeypatch.setattr(pwd, "getpwnam", self._account)
        monkeypatch.setattr(subprocess, "run", self._useradd)

    def _useradd(self, command: list[str], **_: Any) -> None:
        self.calls += 1
        if not self._answers(self.calls):
            raise subprocess.CalledProcessError(1, command)
        self.there = True

    def _account(self, name: str) -> SimpleNamespace:
        if not self.there:
            raise KeyError(name)
        return SimpleNamespace(pw_uid=980, pw_gid=981)


def test_it_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = _Machine(lambda call: True, monkeypatch)
    assert [users.server_user(tmp_path / "data") for _ in range(2)] == [(980, 981)] * 2
    assert machine.calls == 1


def test_another_start_that_makes_it_just_then_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def theirs(call: int) -> bool:
        machine.there = call == 2  # theirs is done when ours is refused the second time
        return False

    machine = _Machine(theirs, monkeypatch)
    assert users.server_user(tmp_path / "data") == (980, 981)


def test_a_machine_that_makes_none_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = _Machine(lambda call: False, monkeypatch)
    with pytest.raises(ConfigError, match="make it yourself"):
        users.server_user(tmp_path / "data")
    assert machine.calls == 3
