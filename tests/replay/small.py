"""Small definitions that together use every kind of step and every way to fail, and how each is played.

Their effects are in memory (`tests.support.effects`): a history shows what the interpreter does and nothing else.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client, WorkflowHandle

from activities.contracts.agents import AgentAnswer
from activities.contracts.model import (
    Answer,
    AnswerResult,
    Command,
    CommandResult,
    ExceptionInput,
    JoinBatch,
    JoinResult,
    OpeningSignal,
)
from domain.ids import derived_id
from domain.language.definition import Definition
from domain.values import Json, iso
from tests.support.effects import Effects, worker
from tests.support.eventually import eventually
from workflows.engine.generations import OPENS_WITH

PLANNER: Json = {"role": "planner"}
POST: Json = {
    "post": "first",
    "to": "erp",
    "standing": True,
    "outcomes": [{"set_order_status": {"job_orders": ["JO-1"], "status": "held"}}],
}
STANDING: Json = {"outcomes": ["set_order_status"], "reason": "protective"}
ADDED: Json = {
    "definition": "added",
    "title": "Added",
    "owner": "planner",
    "parameters": {"number": 1},
    "gives": {"twice": "=params.number * 2"},
    "steps": [{"notify": "inner", "to": PLANNER, "title": "{{ params.number }}"}],
}


@dataclass
class Game:
    """One running exception and the hands of those who answer and steer."""

    handle: WorkflowHandle[Any, str]
    effects: Effects
    _seq: int = field(default=10)

    async def asked(self, name: str, nth: int = 0) -> str:
        """The id of the task that was asked under this name, the n-th of them."""

        async def found() -> str | None:
            ids = list(dict.fromkeys(told.task_id for told in self.effects.told if told.name == name))
            return ids[nth] if len(ids) > nth else None

        task = await eventually(found, f"'{name}' is asked")
        assert task is not None
        return task

    async def press(self, name: str, verb: str, person: str = "jonas", nth: int = 0, **said: Json) -> AnswerResult:
        self._seq += 1
        press = Answer(
            id=f"press-{self._seq}", seq=self._seq, asked=True, person=person, person_name=person.title(),
            channel="slack", task_id=await self.asked(name, nth), version=1, verb=verb, fields=said,
            received_at=datetime.now(UTC),
        )  # fmt: skip
        result: AnswerResult = await self.handle.execute_update(
            "answer", press, id=f"answer-{self._seq}", result_type=AnswerResult
        )
        return result

    async def steer(self, kind: str, **more: Any) -> CommandResult:
        self._seq += 1
        command = Command(
            id=f"command-{self._seq}", seq=self._seq, kind=kind, person="lena", person_name="Lena Fischer",
            reason="tried", received_at=datetime.now(UTC), **more,
        )  # fmt: skip
        result: CommandResult = await self.handle.execute_update(
            "command", command, id=command.id, result_type=CommandResult
        )
        assert result.accepted, result.code
        return result

    async def join(self, **facts: Json) -> None:
        self._seq += 1
        batch = JoinBatch(signals=[_signal(self._seq, facts)])
        await self.handle.execute_update("join", batch, id=f"join-{self._seq}", result_type=JoinResult)

    async def noted(self, kind: str) -> None:
        await self.times(kind, 1)

    async def times(self, kind: str, count: int) -> None:
        async def found() -> bool:
            return self.effects.kinds().count(kind) >= count

        await eventually(found, f"'{kind}' stands {count} times in the story")


Play = Callable[[Game], Awaitable[None]]


@dataclass(frozen=True)
class Small:
    """A definition's steps and how it is played; `ends`: how it must end; `agents`: what agents
    answer, one after the other (None: nothing ever)."""

    steps: list[Json]
    play: Play
    ends: str = "completed"
    refuse_posts: int = 0
    agents: tuple[AgentAnswer | None, ...] = ()
    people: tuple[str, ...] = ("jonas",)


async def nothing(game: Game) -> None:
    """It runs by itself."""


async def _loops(game: Game) -> None:
    for number in range(2):
        await game.press("look", "done", nth=number)


async def _signals(game: Game) -> None:
    await game.noted("waited")
    await game.join(state="running")


async def _people(game: Game) -> None:
    await game.press("all", "done", "amira")
    await game.press("all", "done", "jonas", 1)
    await game.press("one", "done", "amira")
    await game.press("vote", "approve:a", "amira")
    await game.press("vote", "approve:a", "jonas")


async def _retried(game: Game) -> None:
    await game.noted("step_failed")
    await game.steer("retry", step="0")


async def _skipped(game: Game) -> None:
    await game.noted("step_failed")
    await game.steer("skip", step="0", values={"status": "by hand"})


async def _paused(game: Game) -> None:
    await game.asked("look")
    await game.steer("pause")
    await game.press("look", "done")
    await game.steer("resume")


async def _taken_over(game: Game) -> None:
    await game.asked("look")
    await game.steer("take_over")
    await game.steer("close")


async def _handed_back(game: Game) -> None:
    await game.asked("look")
    await game.steer("take_over")
    await game.steer("hand_back")
    await game.press("look", "done", nth=1)


async def _cancelled(game: Game) -> None:
    await game.asked("look")
    await game.steer("cancel")


async def _migrated(game: Game) -> None:
    await game.asked("look")
    longer = definition("migrated", [*SMALL["migrated"].steps, {"notify": "after", "to": PLANNER}])
    await game.steer("migrate", definition=longer, version="v2")
    await game.press("look", "done")


async def _handed_over(game: Game) -> None:
    await game.press("look", "accept", "jonas")
    await game.press("look", "hand_over", "jonas", to="amira")
    await game.noted("asked_again")
    await game.press("look", "accept", "amira")
    await game.press("look", "hand_over", "amira")
    await game.press("look", "done", "jonas")


async def _talked(game: Game) -> None:
    await game.press("look", "accept", "jonas")
    await game.press("look", "ask", "amira", text="which one?")
    await game.press("look", "inform", "jonas", text="the left one")
    await game.press("look", "done", "jonas")


async def _reminded(game: Game) -> None:
    await game.press("look", "accept", "jonas")
    await game.noted("reminded")
    await game.noted("released")
    spans: dict[str, Json] = {"for": "1s"}
    await game.press("look", "snooze", "amira", 0, **spans)
    await game.times("reminded", 2)
    await game.press("look", "done", "amira")


async def _agent_skipped(game: Game) -> None:
    async def asked() -> bool:
        return len(game.effects.questions) > 0

    await eventually(asked, "the agent is asked")
    await game.steer("skip", step="0", values={"cause": "seen by hand", "source": "otherwise"})


async def _nobody(game: Game) -> None:
    await game.press("look", "decline")
    await game.noted("owner_called")
    await game.steer("cancel")


_BELT = AgentAnswer(values={"cause": "belt"}, confidence=0.8, cases=5, model="history/1", tries=1)
LOOK: Json = {"task": "look", "to": PLANNER}
AGENT: Json = {
    "agent": "likely",
    "use": "history",
    "goal": "Which cause?",
    "given": {"number": "=signal.number"},
    "returns": {"cause": {"choices": ["belt", "power"]}},
    "within": "1m",
    "otherwise": {"cause": "power"},
}
HELD: Json = {**POST, "undo": [{"notify": "taken_back", "to": PLANNER}]}
# Between two timers of one step lie seconds: a worker that stands still for a moment must not see both at once.
SMALL: dict[str, Small] = {
    "choices": Small(
        [
            {"decide": "one", "csv": "signal.number, => level\n> 5, high\n-, low"},
            {"decide": "many", "hit": "collect", "rules": [{"then": {"a": 1}}, {"when": "false", "then": {"a": 2}}]},
            {"switch": "one.level", "cases": {"low": [{"notify": "low", "to": PLANNER}]}},
            {"if": "size(many.all) > 1", "then": [LOOK], "else": [{"notify": "few", "to": PLANNER}]},
            {"call": "sum", "definition": "added", "with": {"number": 21}},
            {"notify": "sum_told", "to": PLANNER, "title": "{{ sum.twice }}", "only_if": "sum.twice == 42"},
        ],
        nothing,
    ),
    "loops": Small(
        [
            {"for_each": "looked", "each": "one", "in": ["a", "b"], "together": 1, "do": [LOOK]},
            {
                "repeat": "again",
                "at_most": 3,
                "every": "1s",
                "until": "again_told.told == ['Jonas']",
                "do": [{"notify": "again_told", "to": PLANNER}],
            },
        ],
        _loops,
    ),
    "waits": Small(
        [
            {"wait": "soon", "at": f"={iso(datetime.now(UTC) + timedelta(seconds=1))!r}"},
            {
                "wait": "running",
                "signal": {"type": ["machine.state"], "when": "signal.state == 'running'"},
                "within": "1h",
            },
        ],
        _signals,
    ),
    "people": Small(
        [
            {"task": "all", "to": PLANNER, "offer": "everyone"},
            {"task": "one", "to": PLANNER, "offer": "assigned", "accept_within": "10m"},
            {
                "approve": "vote",
                "to": PLANNER,
                "options": [{"id": "a", "title": "A"}],
                "authority": "reschedule",
                "quorum": 2,
                "within": "1h",
            },
        ],
        _people,
        people=("amira", "jonas"),
    ),
    "expires": Small(
        [
            {
                "task": "look",
                "to": PLANNER,
                "within": "5s",
                "otherwise": {"done": False},
                "ladder": [{"to": PLANNER, "after": "1s"}],
            }
        ],
        nothing,
    ),
    "retried": Small([{**POST, "on_failure": "wait"}], _retried, refuse_posts=1),
    "skipped": Small([{**POST, "on_failure": "wait"}], _skipped, refuse_posts=1),
    "undone": Small(
        [
            {"notify": "before", "to": PLANNER, "undo": [{"notify": "taken_back", "to": PLANNER}]},
            {**POST, "on_failure": "undo"},
        ],
        nothing,
        ends="undone",
        refuse_posts=1,
    ),
    "cancelled": Small([HELD, LOOK], _cancelled, ends="cancelled"),
    "paused": Small([LOOK, {"notify": "after", "to": PLANNER}], _paused),
    "taken_over": Small([LOOK], _taken_over, ends="closed_by_hand"),
    "handed_back": Small([LOOK], _handed_back),
    "migrated": Small([LOOK], _migrated),
    "handed_over": Small([LOOK], _handed_over, people=("amira", "jonas")),
    "talked": Small([LOOK], _talked, people=("amira", "jonas")),
    "reminded": Small([{**LOOK, "remind_after": "1s", "release_after": "5s"}], _reminded, people=("amira", "jonas")),
    "agents": Small(
        [
            AGENT,
            {"notify": "proposed", "to": PLANNER, "title": "{{ likely.cause }}"},
            {**AGENT, "agent": "second", "instead": [{"notify": "without", "to": PLANNER}]},
            {**AGENT, "agent": "third", "given": {"number": "=signal.missing"}},
            {"notify": "stood_in", "to": PLANNER, "title": "{{ second.cause }}"},
        ],
        nothing,
        agents=(_BELT, _BELT.model_copy(update={"values": {"cause": "sabotage"}})),
    ),
    "agent_skipped": Small([AGENT, {"notify": "after", "to": PLANNER}], _agent_skipped, agents=(None,)),
    "nobody": Small([LOOK], _nobody, ends="cancelled"),
}


def definition(name: str, steps: list[Json]) -> Definition:
    return Definition.model_validate(
        {
            "definition": name,
            "title": name,
            "owner": "planner",
            "opens": {"on": ["machine.state"], "one_per": ["signal.equipment"]},
            "standing_authority": STANDING,
            "steps": steps,
            "bundled": {"added": ADDED},
        }
    )


def _signal(seq: int, facts: dict[str, Json]) -> OpeningSignal:
    now = datetime.now(UTC)
    return OpeningSignal(
        seq=seq, type="machine.state", subject="lathe-2", equipment=None, occurred_at=now, received_at=now, facts=facts
    )


async def play(client: Client, name: str) -> Effects:
    """Play one of them to its end."""
    small = SMALL[name]
    effects = Effects(people={person: person.title() for person in small.people}, refuse_posts=small.refuse_posts)
    effects.agent_answers = list(small.agents)
    given = ExceptionInput(
        exception_id=f"exc_{name}", site="brno", version="v1", definition=definition(name, small.steps), key="lathe-2",
        priority="high", opened_at=datetime.now(UTC), signals=[_signal(1, {"number": 1})], equipment={}, parameters={},
        site_facts={}, generation=OPENS_WITH,
    )  # fmt: skip
    async with worker(client, effects):
        handle = await client.start_workflow(name, given, id=f"brno/{name}/lathe-2/exc_{name}", task_queue="mos")
        running = client.get_workflow_handle(handle.id, result_type=str)
        await small.play(Game(running, effects))
        assert await running.result() == small.ends
    return effects


def task_id(name: str, path: str) -> str:
    """The id of the task of a step."""
    return derived_id("tsk", f"exc_{name}", path)
