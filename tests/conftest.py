"""Shared by all tests: their order, and programs of the machine that some of them need."""

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples each time, so that what passed once passes again on a busy machine too; `make chaos` draws new ones.
settings.register_profile("same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("new", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile(os.environ.get("MOS_EXAMPLES", "same"))

# Longest files first, so that the workers of `make test` end together. Beside the kill tests, which mostly wait, there
# is room for what starts stacks.
_FIRST = ("chaos", "stack", "e2e", "workflows", "authoring")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is loaded for thousands of tests stays: it is not searched for garbage while it grows, nor later on."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order matters to nobody else: tests of a file stay together."""
    here = Path(__file__).parent

    def turn(item: pytest.Item) -> int:
        folder = item.path.relative_to(here).parts[0]
        return _FIRST.index(folder) if folder in _FIRST else len(_FIRST)

    items.sort(key=turn)


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
