"""kill -9 in the middle of every action, over every kind of cache: nothing is lost, and the next start cleans up."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from shutil import rmtree

from promises import Promise, Size, workplace
from servers import RedisServer, find_redis_server
from stakes import Stake, all_stakes
from starts import PATIENCE, Finding, begin, decide, start_again

GUESS = 0.06
"""Seconds that an action is thought to take before one has been seen to end."""
_FORK = multiprocessing.get_context("fork")  # a new interpreter takes longer than a whole round


@dataclass
class Tally:
    """What all rounds found."""

    kills: Counter[str] = field(default_factory=Counter)
    """By kind of cache."""
    mid_work: Counter[str] = field(default_factory=Counter)
    by_verb: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    corrupt: int = 0
    twice: int = 0
    left: int = 0
    restored: int = 0
    reasons: list[str] = field(default_factory=list)

    def add(self, where: str, finding: Finding) -> None:
        """Count what one round found."""
        self.lost += len(finding.lost)
        self.corrupt += len(finding.corrupt)
        self.twice += len(finding.twice)
        self.left += len(finding.left)
        self.restored += finding.restored
        for kind in ("lost", "corrupt", "twice", "left"):
            self.reasons += [f"{where}: {kind}: {what}" for what in getattr(finding, kind)[:5]]


def promises(size: Size) -> Iterator[Promise]:
    """Two rows: nothing is lost; what a kill leaves behind is cleaned up."""
    tally = Tally()
    with workplace() as folder, ExitStack() as stack:
        server = stack.enter_context(RedisServer()) if find_redis_server() else None
        stakes = all_stakes(folder, server)
        _run(size, folder, stakes, tally)
    kills, mid_work = tally.kills.total(), tally.mid_work.total()
    names = ", ".join(f"{name} {tally.kills[name]} ({tally.mid_work[name]})" for name in tally.kills)
    verbs = ", ".join(f"{verb} {count}" for verb, count in tally.by_verb.items())
    missing = "" if server else "\nno redis-server on this machine: Redis was not tried"
    yield Promise(
        "kill -9 in purge, evict, clear, compact and undo loses nothing",
        f"{kills} kills, {mid_work} mid-work: {tally.lost} entries lost, {tally.corrupt} corrupt, {tally.twice} twice",
        not (tally.lost or tally.corrupt or tally.twice) and mid_work > kills / 2,
        "\n".join([f"kills (mid-work): {names}", f"by action: {verbs}{missing}", *tally.reasons[:40]]),
    )
    yield Promise(
        "the next start cleans up after a kill",
        f"{tally.restored} entries restored to the byte, {tally.left} leftovers after {kills} starts",
        not tally.left,
    )


def _run(size: Size, folder: Path, stakes: list[Stake], tally: Tally) -> None:
    chance = size.chance("kills")
    homes = {stake.name: folder / f"home of {stake.name}" for stake in stakes}
    expected: dict[str, Mapping[str, object]] = {}
    for stake in stakes:
        stake.target = decide(homes[stake.name], stake)
        expected[stake.name] = stake.entries()
    pairs = [(stake, verb) for stake in stakes for verb in stake.verbs]
    lasts = dict.fromkeys(((stake.name, verb) for stake, verb in pairs), GUESS)
    for number in range(size.of(60, 420)):
        if number % len(pairs) == 0:
            chance.shuffle(pairs)
        stake, verb = pairs[number % len(pairs)]
        if verb == "compact":
            stake.litter()
        delay = chance.uniform(0.0, lasts[stake.name, verb])
        seconds = kill_after(delay, homes[stake.name], stake, verb)
        tally.kills[stake.name] += 1
        tally.by_verb[verb] += 1
        if seconds is None:
            tally.mid_work[stake.name] += 1
        else:
            lasts[stake.name, verb] = max(0.001, seconds)
        finding = found_by_new_start(homes[stake.name], stake, expected[stake.name])
        tally.add(f"round {number}, {stake.name}, {verb}, killed after {delay * 1000:.1f} ms", finding)
        if not finding.is_good:
            rmtree(homes[stake.name])
            stake.fill()
            expected[stake.name] = stake.entries()


def kill_after(delay: float, home: Path, stake: Stake, verb: str) -> float | None:
    """Kill a process so many seconds after it began; how long its work took, or None when it was mid-work."""
    with running(begin, home, stake, verb) as answers:
        if not answers.poll(PATIENCE) or answers.recv() != "begun":
            raise RuntimeError(f"{verb} on {stake.name} did not begin")
        began = time.monotonic()
        done = answers.poll(delay)
        return time.monotonic() - began if done else None


def found_by_new_start(home: Path, stake: Stake, expected: Mapping[str, object]) -> Finding:
    """What a new process makes of what is there."""
    with running(start_again, home, stake, expected) as answers:
        try:
            if answers.poll(PATIENCE):
                found: Finding = answers.recv()
                return found
        except EOFError:
            pass
    return Finding(corrupt=["the new start gave no answer"])


@contextmanager
def running(work: Callable[..., None], *arguments: object) -> Iterator[Connection]:
    """A process that does this work, given the other end of a pipe; killed when the block ends."""
    here, there = _FORK.Pipe()
    process = _FORK.Process(target=work, args=(*arguments, there))
    process.start()
    there.close()
    try:
        yield here
    finally:
        process.kill()
        process.join()
        here.close()
