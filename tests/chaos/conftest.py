"""The site of the kill tests: started once, its product processes killed again and again."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.site import Site
from tests.support.vendor_rules import assert_rules_kept


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A running site, stopped when the tests of a file are through: it is busy even when nothing happens.
    `MOS_CHAOS_SITE` names the folder of one that runs already (for who works on these tests)."""
    if "MOS_CHAOS_SITE" in os.environ:
        running = Site(Path(os.environ["MOS_CHAOS_SITE"]))
        running.attach()
        yield running
        return
    # Not pytest's tmp_path: PostgreSQL runs as another user when we are root, and could not reach it.
    folder = Path(tempfile.mkdtemp(prefix="mos-chaos-"))
    folder.chmod(0o711)
    started = Site(folder / "data")
    try:
        started.start()
        yield started
        assert_rules_kept(started.phones_page, ("request", "rate"))
    finally:
        started.stop()
        shutil.rmtree(folder, ignore_errors=True)
