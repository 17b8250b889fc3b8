"""One phones process for the tests that leave it as it is, and a fresh application for each test."""

from collections.abc import Iterator

import pytest

from tests.phones.peers import WIDE, Application, Phones, configuration


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phones]:
    """Phones with wide rates, started once."""
    with Phones(tmp_path_factory.mktemp("phones"), configuration()) as phones:
        yield phones


@pytest.fixture
def application() -> Iterator[Application]:
    """What the vendors call back."""
    with Application() as running:
        yield running


@pytest.fixture
def phones(shared: Phones, application: Application) -> Phones:
    """The shared phones, emptied and pointed at this test's application."""
    shared.do("reset")
    urls = {"interactivity_url": f"{application.url}/slack/interactivity"}
    urls |= {"commands_url": f"{application.url}/slack/commands", "events_url": f"{application.url}/slack/events"}
    inbound = {"inbound_url": f"{application.url}/twilio/inbound", "calls_per_second": 10_000.0}
    shared.configure(slack=urls | {"limits": WIDE}, twilio=inbound)
    return shared
