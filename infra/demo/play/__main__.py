"""``python -m infra.demo.play --data DIR``: play all exceptions; exit code 0 only if all of it happened."""

import argparse
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from infra.demo.play.books import Books
from infra.demo.play.patience import NotHappenedError, Patience
from infra.demo.play.peers import Plant, find_peers
from infra.demo.play.phones import Phones
from infra.demo.play.report import table
from infra.demo.play.scene import Line, Scene, Stage
from infra.demo.play.scenes.breakdown import concerning_everybody, concerning_few
from infra.demo.play.scenes.quality_hold import hold_and_decide
from infra.demo.play.scenes.rush_order import rush
from infra.plant.catalogue import load_catalogue

_INTERRUPTED = 130


def main() -> int:
    """Play; 0 = all of it happened, 1 = something did not, 130 = interrupted."""
    parser = argparse.ArgumentParser(prog="python -m infra.demo.play", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the running demo's data folder")
    parser.add_argument("--seed", type=int, help="picks machines, lot and order; drawn if absent")
    parser.add_argument("--patience", type=float, default=90.0, help="seconds to wait for each thing")
    parser.add_argument("--begun", type=float, default=time.time(), help="when the command was given, epoch seconds")
    given = parser.parse_args()
    seed = secrets.randbelow(10_000) if given.seed is None else given.seed
    try:
        return _play(given.data, seed, given.patience, given.begun)
    except NotHappenedError as missed:
        _say(f"FAILED: {missed}")
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED


def _play(data: Path, seed: int, patience: float, begun: float) -> int:
    peers = find_peers(data)
    stage = Stage(peers, Plant(peers), Phones(peers), Books(peers), Patience(patience, peers.logs), _say)
    for unit in stage.plant.stopped():
        _say(f"{unit} is still down from before: cleared")
        stage.plant.clear_machine(unit)
    lines = _scenes(stage, seed, begun)
    _say(f"\nseed {seed}: from each exception's signal\n{table(lines)}")
    violations = stage.phones.violations()
    for violation in violations:
        _say(f"FAILED: Slack or Twilio would refuse this: {violation}")
    failed = [line.title for line in lines if line.failed]
    _say(_verdict(failed, len(violations), seed))
    return 1 if failed or violations else 0


def _scenes(stage: Stage, seed: int, begun: float) -> list[Line]:
    """Play one after the other; the first failure ends it, since the later ones build on a sound plant."""
    drawn, plant = stage.plant.draw(seed), load_catalogue()
    decision = ("release", "rework")[seed % 2]
    first, second, lot, sale = (drawn[name] for name in ("breakdown_a", "breakdown_b", "hold_lot", "rush"))
    _say(f"seed {seed}: {first} and {second} break down, lot {lot} fails ({decision}), {sale['customer']} is in a rush")
    scenes = [
        (f"breakdown of {first}", lambda scene: concerning_everybody(scene, first, plant)),
        (f"breakdown of {second}", lambda scene: concerning_few(scene, second, plant)),
        (f"quality hold of {lot}", lambda scene: hold_and_decide(scene, lot, decision)),
        (f"rush order of {sale['customer']}", lambda scene: rush(scene, sale)),
    ]
    lines: list[Line] = []
    for title, act in scenes:
        lines.append(Scene(stage, title).play(act))
        if lines[-1].failed:
            break
        if len(lines) == 1:
            _say(f"  The first exception is finished: {time.time() - begun:.0f} s after the command.")
    return lines


def _verdict(failed: Sequence[str], violations: int, seed: int) -> str:
    if not failed and not violations:
        return "All of it happened."
    parts = [f"{title} failed" for title in failed]
    parts += [f"{violations} violations of the vendors' rules"] if violations else []
    return f"NOT all of it happened: {'; '.join(parts)}. Play it again with --seed {seed}."


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
