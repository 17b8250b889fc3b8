"""Whether the product kept the vendors' rules over a whole run, as the stand-ins saw it."""

from collections.abc import Collection
from typing import Any

import httpx

EVERY = ("request", "state", "rate", "answer")


def violations(phones: str, kinds: Collection[str] = EVERY, since: float = 0.0) -> list[dict[str, Any]]:
    """What the stand-ins at `phones` (the page's URL) refused after the moment `since` (epoch seconds)."""
    found = httpx.get(f"{phones.rstrip('/')}/control/violations", timeout=30, trust_env=False).raise_for_status().json()
    return [one for one in found if one["kind"] in kinds and one["at"] >= since]


def assert_rules_kept(phones: str, kinds: Collection[str] = EVERY, since: float = 0.0) -> None:
    """No violation. Where processes are killed, leave `answer` (nobody was there) and `state` (it was too late) out."""
    found = violations(phones, kinds, since)
    told = [f"{v['vendor']} {v['method']}: {v['error']} {' '.join(v['detail'])}" for v in found]
    assert not found, f"{len(found)} violations of the vendors' rules:\n" + "\n".join(told)
