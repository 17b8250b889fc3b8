"""The measured run: contenders take turns, round by round; the first round only warms them up."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
from temporalio.client import Client

from bench import machine
from bench.contenders import Bare, Contender, Product
from bench.drive import Burst, Driver, Latency
from bench.ground import Ground, bare, free_port, ground, product_worker, publish_job
from bench.outside import Outside
from bench.tireless import tireless
from store.db import Database

_IDLE_S = 6.0
_SAMPLE_S = 1.0
Memory = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Plan:
    """How much to do. `latency` is for each contender over all rounds. A contender that would need more than
    `longest_burst_s` for a burst, by its warm-up, gets a smaller one."""

    rounds: int = 3
    burst: int = 150
    latency: int = 40
    contenders: tuple[str, ...] = ("product", "bare", "tuned")
    longest_burst_s: float = 20


@dataclass
class Found:
    """What one contender did. `memory`: part -> highest (PSS, RSS) in MB during its bursts; `cpu`: part -> seconds of
    processor time in them."""

    bursts: list[Burst] = field(default_factory=list)
    latency: Latency = field(default_factory=Latency)
    memory: Memory = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)


@dataclass
class Turn:
    """One contender's part of one round."""

    burst: Burst
    latency: Latency
    memory: Memory
    cpu: dict[str, float]


@dataclass
class Results:
    """`idle`: CPU by part of the product's stack, in percent of a core, while nothing happens."""

    found: dict[str, Found]
    idle: dict[str, float]


async def measure(plan: Plan) -> Results:
    """Starts everything, measures, stops everything."""
    with ground() as stack:
        database = Database(stack.env["MOS_DATABASE_URL"])
        try:
            await publish_job(database)
        finally:
            await database.close()
        async with _playing(stack, plan) as (driver, contenders), tireless(stack.env["MOS_DATABASE_URL"]):
            results = Results({one.name: Found() for one in contenders}, {})
            await _rounds(stack, driver, contenders, plan, results)
            results.idle = await _idle(stack)
        return results


@contextlib.asynccontextmanager
async def _playing(stack: Ground, plan: Plan) -> AsyncIterator[tuple[Driver, list[Contender]]]:
    outside = Outside()
    await outside.start()
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http:
            with contextlib.ExitStack() as processes:
                contenders = [_start(name, stack, outside, http, processes) for name in plan.contenders]
                client = await Client.connect(
                    stack.env["MOS_TEMPORAL_ADDRESS"], namespace=stack.env["MOS_TEMPORAL_NAMESPACE"]
                )
                yield Driver(outside, client), contenders
    finally:
        await outside.stop()


def _start(
    name: str, stack: Ground, outside: Outside, http: aiohttp.ClientSession, processes: contextlib.ExitStack
) -> Contender:
    if name == "product":
        processes.enter_context(product_worker(stack, outside.url))
        return Product(http, stack.env)
    port = free_port()
    processes.enter_context(bare(stack, outside.url, port, tuned=name == "tuned"))
    return Bare(name, http, port)


async def _rounds(stack: Ground, driver: Driver, contenders: list[Contender], plan: Plan, results: Results) -> None:
    bursts: dict[str, int] = {}
    each = -(-plan.latency // plan.rounds)
    for contender in contenders:
        turn = await _turn(stack, driver, contender, (0, max(plan.burst // 5, 10), max(each // 5, 1)))
        bursts[contender.name] = max(min(plan.burst, int(turn.burst.rate * plan.longest_burst_s)), 10)
        _say("warm-up", contender, turn)
    for number in range(1, plan.rounds + 1):
        for contender in contenders:
            turn = await _turn(stack, driver, contender, (number, bursts[contender.name], each))
            _keep(results.found[contender.name], turn)
            _say(f"round {number}", contender, turn)


def _say(when: str, contender: Contender, turn: Turn) -> None:
    print(f"{when:<8} {contender.name:<8} {turn.burst.exceptions:4} at {turn.burst.rate:5.1f}/s", flush=True)


async def _turn(stack: Ground, driver: Driver, contender: Contender, size: tuple[int, int, int]) -> Turn:
    number, burst, each = size
    latency = await driver.one_by_one(contender, [f"LOT-{contender.name}-{number}-s{n}" for n in range(each)])
    parts, memory = _parts(stack, contender), Memory()
    before, sampler = machine.cpu_of(parts), asyncio.create_task(_sample(parts, memory))
    done = await driver.burst(contender, [f"LOT-{contender.name}-{number}-b{n}" for n in range(burst)])
    sampler.cancel()
    after = machine.cpu_of(parts)
    return Turn(done, latency, memory, {name: after[name] - before[name] for name in parts})


def _parts(stack: Ground, contender: Contender) -> dict[str, int]:
    """The processes that work for a contender."""
    parts = stack.parts()
    if contender.name == "product":
        return parts
    servers = ("temporal", "postgres") if contender.name == "tuned" else ("temporal",)
    return {name: parts[name] for name in servers} | {"program": stack.pids[contender.name]}


async def _sample(parts: dict[str, int], highest: Memory) -> None:
    while True:
        await asyncio.sleep(_SAMPLE_S)
        _raise(highest, machine.memory_of(parts))


def _raise(highest: Memory, found: Memory) -> None:
    for name, (pss, rss) in found.items():
        known = highest.get(name, (0.0, 0.0))
        highest[name] = (max(pss, known[0]), max(rss, known[1]))


def _keep(found: Found, turn: Turn) -> None:
    found.bursts.append(turn.burst)
    found.latency.first_post += turn.latency.first_post
    found.latency.erp_post += turn.latency.erp_post
    _raise(found.memory, turn.memory)
    for name, seconds in turn.cpu.items():
        found.cpu[name] = found.cpu.get(name, 0.0) + seconds


async def _idle(stack: Ground) -> dict[str, float]:
    """Percent of a core by part, with no exception open."""
    await asyncio.sleep(2)
    parts, begun = stack.parts(), time.monotonic()
    before = machine.cpu_of(parts)
    await asyncio.sleep(_IDLE_S)
    seconds, after = time.monotonic() - begun, machine.cpu_of(parts)
    return {name: 100 * (after[name] - before[name]) / seconds for name in parts}
