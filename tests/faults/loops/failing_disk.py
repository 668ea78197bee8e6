"""A disk that fails or is full in the middle of every action: each failure is shown in words, and nothing is lost."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from shutil import rmtree

from bad_disk import PRELOAD, Fault, FullDisk, mount_small_disk, with_libfiu
from loops.kills import found_by_new_start, running
from promises import Promise, Size, workplace
from servers import RedisServer, find_redis_server
from stakes import REMOVING, Stake, all_stakes
from starts import ACTIONS, PATIENCE, Finding, attached, decide, let_litter_grow_old

from cache_studio.model.errors import CacheStudioError
from cache_studio.model.plans import Outcome, UndoOutcome
from cache_studio.services.studio import sentence
from cache_studio.trash import files as trash_files

SMALL_DISK = 48
"""Megabytes: room for all the caches and what undo keeps of one."""
REACHED = 0.1 if with_libfiu() else 0.05
"""The part of all runs that must have failed, else the disk was not bad: below Python alone few calls are reached."""


@dataclass
class Ended:
    """How an action ended on a bad disk."""

    failed: bool = False
    sentences: tuple[str, ...] = ()
    raw: str = ""
    """An error that is no sentence of ours."""
    removed: int = 0
    """How many entries it said are gone now."""


@dataclass
class Tally:
    """What all runs found."""

    runs: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    silent: int = 0
    lost: int = 0
    corrupt: int = 0
    left: int = 0
    twice: int = 0
    """Runs after which an entry that could not be removed, or not be looked at, was kept in the trash as well."""
    reasons: list[str] = field(default_factory=list)
    sentences: Counter[str] = field(default_factory=Counter)

    def add(self, where: str, ended: Ended, finding: Finding) -> None:
        """Count one run."""
        self.silent += bool(ended.raw) or (ended.failed and not ended.sentences)
        self.sentences.update(ended.sentences)
        self.lost += len(finding.lost)
        self.twice += bool(finding.twice)
        self.corrupt += len(finding.corrupt)
        self.left += len(finding.left)
        if ended.raw or (ended.failed and not ended.sentences):
            self.reasons.append(f"{where}: shown as {ended.raw or 'nothing'}")
        for kind in ("lost", "corrupt", "left"):
            self.reasons += [f"{where}: {kind}: {what}" for what in getattr(finding, kind)[:5]]


def promises(size: Size) -> Iterator[Promise]:
    """Rows about errors at random, a disk on which nothing becomes durable, and a full disk."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    before = os.environ.get("LD_PRELOAD")
    if PRELOAD.exists():
        os.environ["LD_PRELOAD"] = str(PRELOAD)
    process = context.Process(target=_in_a_process_that_can_fail, args=(size, there))
    try:
        process.start()
    finally:
        os.environ.pop("LD_PRELOAD", None)
        if before is not None:
            os.environ["LD_PRELOAD"] = before
    there.close()
    try:
        while (row := here.recv()) is not None:
            yield row
    finally:
        process.join()


def _in_a_process_that_can_fail(size: Size, rows: Connection) -> None:
    trash_files.RESERVE = 0  # with the room that the trash leaves free nothing would ever be full
    with workplace() as folder, ExitStack() as stack:
        small = mount_small_disk(folder, SMALL_DISK)
        server = stack.enter_context(RedisServer()) if find_redis_server() else None
        stakes = all_stakes(folder, server)
        homes = {stake.name: folder / f"home of {stake.name}" for stake in stakes}
        for stake in stakes:
            stake.target = decide(homes[stake.name], stake)
        bench = Bench(folder, homes, {stake.name: stake.entries() for stake in stakes})
        rows.send(_random_errors(size, bench, stakes))
        rows.send(_nothing_durable(bench, stakes))
        rows.send(_full_disk(size, bench, stakes, small))
    rows.send(None)


@dataclass
class Bench:
    """Where the runs take place."""

    folder: Path
    homes: Mapping[str, Path]
    expected: dict[str, Mapping[str, object]]

    def run(self, where: str, stake: Stake, verb: str, fault: Fault | FullDisk, tally: Tally) -> tuple[Ended, int]:
        """One action on a bad disk, then a start on a good one; how it ended, and how many entries were missing."""
        if verb == "compact":
            stake.litter()
        home, expected = self.homes[stake.name], self.expected[stake.name]
        with running(attempt, home, stake, verb, fault) as answers:
            ended: Ended = answers.recv() if answers.poll(PATIENCE) else Ended(raw="no answer: it hangs")
        stored = stake.entries()
        missing = sum(name not in stored for name in expected)
        finding = found_by_new_start(home, stake, expected)
        tally.runs[stake.name] += 1
        tally.failed[stake.name] += ended.failed
        if not ended.failed and ended.removed != missing:
            ended = Ended(True, raw=f"done, {ended.removed} removed; {missing} are gone")
        tally.add(f"{where}, {stake.name}, {verb}, {fault}", ended, finding)
        if not finding.is_good:
            rmtree(home)
            stake.fill()
            self.expected[stake.name] = stake.entries()
        return ended, missing


def _random_errors(size: Size, bench: Bench, stakes: list[Stake]) -> Promise:
    chance, tally = size.chance("failing disk"), Tally()
    pairs = [(stake, verb) for stake in stakes for verb in stake.verbs]
    for number in range(size.of(25, 150)):
        if number % len(pairs) == 0:
            chance.shuffle(pairs)
        bench.run(f"run {number}", *pairs[number % len(pairs)], Fault.by(chance), tally)
    how = "libfiu below SQLite and Python" if with_libfiu() else "below Python alone: no libfiu here"
    return _row("random errors of write, fsync, open, read, rename and remove lose nothing", how, tally)


def _nothing_durable(bench: Bench, stakes: list[Stake]) -> Promise:
    """Every fsync fails: no copy is durable, so every entry must stay."""
    tally, removed = Tally(), 0
    for number, stake in enumerate(stakes):
        verb = REMOVING[number % len(REMOVING)] if "purge" in stake.verbs else "clear"
        ended, missing = bench.run(f"run {number}", stake, verb, Fault(("fsync",), 1.0, number), tally)
        if with_libfiu() and (missing or not ended.failed):
            removed += missing
            tally.reasons.append(f"{stake.name}: {missing} removed although no fsync ever succeeded; {ended}")
    how = f"no fsync succeeds, {removed} removed" if with_libfiu() else "SQLite's fsync was not reached: no libfiu here"
    row = _row("nothing is removed before its copy is durable", how, tally)
    return Promise(row.name, row.figure, row.kept and not removed, row.detail)


def _full_disk(size: Size, bench: Bench, stakes: list[Stake], small: bool) -> Promise:
    chance, tally = size.chance("full disk"), Tally()
    pairs = [(stake, verb) for stake in stakes for verb in stake.verbs]
    chance.shuffle(pairs)
    for number in range(size.of(10, 60)):
        left = int(10 ** chance.uniform(3.5, 6.5))
        bench.run(f"run {number}", *pairs[number % len(pairs)], FullDisk(bench.folder, left, small), tally)
    how = f"a disk of {SMALL_DISK} MB with 3 kB to 3 MB left" if small else "files limited to 3 kB to 3 MB"
    return _row("a full disk loses nothing", how, tally)


def _row(name: str, how: str, tally: Tally) -> Promise:
    runs, failed = tally.runs.total(), tally.failed.total()
    kinds = ", ".join(f"{kind} {tally.runs[kind]} ({tally.failed[kind]})" for kind in tally.runs)
    said = [f"said {count} times: {text}" for text, count in tally.sentences.most_common(12)]
    said.append(f"runs that kept a copy of an entry that had stayed: {tally.twice}")
    return Promise(
        f"{name}, and every failure is shown",
        f"{runs} runs ({how}), {failed} failed, {tally.silent} without a sentence:"
        f" {tally.lost} entries lost, {tally.corrupt} corrupt, {tally.left} leftovers after the next start",
        not (tally.silent or tally.lost or tally.corrupt or tally.left) and failed > runs * REACHED,
        "\n".join([f"runs (failed): {kinds}", *said, *tally.reasons[:40]]),
    )


def attempt(home: Path, stake: Stake, verb: str, fault: Fault | FullDisk, answer: Connection) -> None:
    """Begin an action, let the disk fail while it is done, and send an `Ended`."""
    let_litter_grow_old()
    with attached(home, stake) as (studio, attachment):
        act_now = ACTIONS[verb](studio, attachment)
        ended, bug = Ended(), None
        with fault.on():
            try:
                ended = _ended(act_now())
            except CacheStudioError as error:
                ended = Ended(True, (sentence(error),))
            except Exception as error:  # that none comes is what is tried
                bug = error
        if bug is not None:
            ended = Ended(True, raw="".join(traceback.format_exception(bug)))
        answer.send(ended)


def _ended(outcome: object) -> Ended:
    if isinstance(outcome, Outcome):
        return Ended(not outcome.is_whole, outcome.reasons, removed=outcome.removed)
    if isinstance(outcome, UndoOutcome):
        return Ended(bool(outcome.failed or outcome.newer_kept), outcome.reasons)
    return Ended()
