"""Every recorded history replays: a running exception survives the next release of the interpreter."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from domain.language.definition import NotifyStep
from infra.processes.worker import PURE
from tests.replay.small import SMALL
from workflows.engine.frame import Place
from workflows.exception import ExceptionWorkflow
from workflows.steps import registry
from workflows.transaction import TransactionWorkflow

HISTORIES = Path(__file__).with_name("histories")
BEFORE = HISTORIES / "before"
"""What older generations did (ADR 0011): recorded by them, never anew."""
ADVICE = """\
{name}: the interpreter no longer does what this recorded run did:
  {problem}
Exceptions that run in a plant now would stop. Choose:
- Meant: make it a new generation (workflows/engine/generations.py, ADR 0011) and keep the old way beside it until no
  running exception needs it; move the old recording to histories/before and record the new way:
  python -m tests.replay.record NAME
- Meant, and no release has the old way yet: record anew: python -m tests.replay.record
- Not meant: an effect, a wait or their order has changed in workflows/ or domain/. Take it back."""


def recorded() -> Iterator[Any]:
    for path in sorted(HISTORIES.glob("*.json")):
        yield pytest.param(path, id=path.stem)
    for path in sorted(BEFORE.glob("*.json")):
        marks = () if path.stem in SMALL else pytest.mark.full
        yield pytest.param(path, id=f"{path.stem} before", marks=marks)


def read(path: Path) -> list[WorkflowHistory]:
    return [WorkflowHistory.from_json(name, history) for name, history in json.loads(path.read_text()).items()]


def replayer() -> Replayer:
    """As the worker runs them: in the sandbox, with the same modules passed through."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PURE)
    return Replayer(
        workflows=[ExceptionWorkflow, TransactionWorkflow],
        workflow_runner=SandboxedWorkflowRunner(restrictions=restrictions),
        data_converter=pydantic_data_converter,
    )


@pytest.mark.parametrize("path", list(recorded()))
async def test_history_replays(path: Path) -> None:
    for history in read(path):
        result = await replayer().replay_workflow(history, raise_on_replay_failure=False)
        if result.replay_failure:
            pytest.fail(ADVICE.format(name=path.name, problem=result.replay_failure), pytrace=False)


async def test_a_changed_interpreter_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(place: Place, step: NotifyStep) -> None:
        return

    monkeypatch.setitem(registry.STEPS, "notify", silent)
    (history,) = [found for found in read(HISTORIES / "breakdown.json") if "/breakdown/" in found.workflow_id]
    result = await replayer().replay_workflow(history, raise_on_replay_failure=False)
    assert result.replay_failure is not None


def test_every_shipped_definition_is_recorded() -> None:
    definitions = {path.stem for path in (Path(registry.__file__).parents[1] / "definitions").glob("*.yaml")}
    assert definitions <= {path.stem for path in HISTORIES.glob("*.json")}


@pytest.mark.parametrize("path", list(recorded()))
def test_history_names_no_machine(path: Path) -> None:
    """Neither folders nor hosts nor secrets, not even inside the encoded payloads."""
    text = path.read_text()
    inside = " ".join(
        base64.b64decode(data).decode("utf-8", "replace") for data in re.findall(r'"data": "([A-Za-z0-9+/=]+)"', text)
    )
    for found in re.findall(
        r'(?:/[a-z.]+)+/[\w.-]+\.py|"identity": "(?!(?:mos-test|history-service)")|[Pp]assword|[Tt]oken"', text + inside
    ):
        pytest.fail(f"{path.name} holds {found!r}: record it anew, or leave it out in tests/replay/record.py")
