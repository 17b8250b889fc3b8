"""Shared by all tests: programs of the machine that some of them need."""

import os
import shutil

import pytest


def pytest_runtest_setup(item: pytest.Item) -> None:
    """`@pytest.mark.needs("chromium")` skips where the program is missing, and fails on a CI machine."""
    needed = {program for mark in item.iter_markers("needs") for program in mark.args}
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
    missing = sorted(program for program in needed if shutil.which(program, path=path) is None)
    if not missing:
        return
    advice = f"needs {', '.join(missing)}: apt-get install {' '.join(missing)}"
    if os.environ.get("CI") == "true":
        pytest.fail(advice, pytrace=False)
    pytest.skip(advice)
