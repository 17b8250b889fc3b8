"""Shared by all tests: their order, and programs of the machine that some of them need."""

import gc
import os
import shutil
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

# The same examples each time, so that what passed once passes again on a busy machine too; `make chaos` draws new ones.
settings.register_profile("same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("new", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile(os.environ.get("MOS_EXAMPLES", "same"))

# Folders whose tests share what takes seconds to start or to read: one worker of `make test` has all of them.
_TOGETHER = {
    "tests/erp/": "erp",
    "tests/connectors/tryton/": "erp",
    "tests/browser/": "browser",
    "tests/phones/": "phones",
    "tests/house/": "house",
}
# Longest first, so that the workers of `make test` end together. Beside the kill tests, which mostly wait, there is
# room for what starts stacks.
_FIRST = ("chaos", "erp", "stack", "e2e", "browser", "workflows", "authoring")


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

    def turn(item: pytest.Item) -> int:
        folder = _shared(item.nodeid) or item.nodeid.split("/")[1]
        return _FIRST.index(folder) if folder in _FIRST else len(_FIRST)

    items.sort(key=turn)


def _shared(nodeid: str) -> str:
    return next((name for folder, name in _TOGETHER.items() if nodeid.startswith(folder)), "")


class _Together(LoadFileScheduling):  # type: ignore[misc]
    """By file, but for the folders that stay together."""

    def _split_scope(self, nodeid: str) -> str:
        return _shared(nodeid) or nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    return _Together(config, log) if config.getvalue("dist") == "loadfile" else None


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
