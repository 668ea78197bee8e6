"""Purging with an undo copy against the bare removal, the wait of a writer beside it, and how soon Stop answers.

The caches are copied anew for every round. What is purged goes through the services, as from the window's dialog.
"""

import math
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import awake
import data
import floors
import redis
from floors import Program
from lock_waits import waits_beside
from servers import RedisServer
from sizes import Bench
from table import Against, Row, Rule

from cache_studio.model.plans import Outcome, Plan, Progress
from cache_studio.services import act
from cache_studio.services.attachment import Attachment
from cache_studio.services.plans import plan_clear, plan_purge
from cache_studio.services.studio import Studio

STOP_MS = 200.0
PROGRESS_MS = 200.0
LOCK_MS, FANOUT_LOCK_MS = 50.0, 8.0
"""Of a library that waits for its lock, and of one that gives up after 10 ms."""
BY = "benchmark"


@dataclass(frozen=True)
class Removal:
    """A removal, and what it is compared with. `prepare` makes the cache anew; it is not measured."""

    name: str
    size: str
    entries: int
    goal: float
    floor: Program | None
    prepare: Callable[[], object]
    target: str
    plan: Callable[[Attachment], Plan]
    database: Path | None = None
    """What another process asks for its write lock meanwhile."""
    lock_ms: float = LOCK_MS
    copies: str = "with undo copies"


@dataclass
class Figures:
    """What the rounds measured, in seconds."""

    floors: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    progress: list[float] = field(default_factory=list)
    """The longest time between two words of progress, of each round."""
    stops: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    """Every wait for the write lock."""


def rows(bench: Bench) -> Iterator[Row]:
    """Files, rows of SQLite, entries of a library that does not wait for its lock, keys of Redis."""
    yield from _measured(bench, _files(bench))
    yield from _measured(bench, _sqlite(bench))
    yield from _measured(bench, _fanout(bench))
    with RedisServer() as server:
        copied = _redis(bench, server)
        yield from _measured(bench, copied)
        yield from _measured(bench, _without_copies(copied, server))


def _files(bench: Bench) -> Removal:
    count = bench.size.removed_files
    kept = data.json_files(bench.folder, count)
    folder = bench.folder / "purged"

    def prepare() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(kept, folder)

    return Removal(
        "purge JSON files",
        f"{count:,} files",
        count,
        3,
        Program("rm -rf", lambda: floors.run("rm", "-rf", str(folder))),
        prepare,
        f"json-directory:{folder}?ttl=1s",
        lambda attachment: plan_purge(attachment, data.START + count + 60),
    )


def _sqlite(bench: Bench) -> Removal:
    count = bench.size.removed_rows
    kept = data.sqlite_rows(bench.folder, 2 * count)
    file = bench.folder / "purged.db"
    moment = data.START + 86_400 + count - 0.5
    delete = f"DELETE FROM entries WHERE expires_at <= {moment}"

    def prepare() -> None:
        for old in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
            old.unlink(missing_ok=True)
        shutil.copyfile(kept, file)

    return Removal(
        "purge rows of SQLite",
        f"{count:,} of {2 * count:,}",
        count,
        4,
        Program("sqlite3 DELETE", lambda: floors.run("sqlite3", str(file), delete)),
        prepare,
        f"sqlite-table:{file}?table=entries",
        lambda attachment: plan_purge(attachment, moment),
        file,
    )


def _fanout(bench: Bench) -> Removal:
    count = bench.size.removed_files
    kept = data.fanout(bench.folder, count)
    folder = bench.folder / "purged-fanout"

    def prepare() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(kept, folder)

    return Removal(
        "purge a FanoutCache",
        f"{count:,} entries",
        count,
        0,
        None,
        prepare,
        f"diskcache-fanout:{folder}",
        lambda attachment: plan_purge(attachment, time.time() + data.FANOUT_TTL + 60),
        folder / "000" / "cache.db",
        FANOUT_LOCK_MS,
    )


def _redis(bench: Bench, server: RedisServer) -> Removal:
    count = bench.size.removed_rows

    def prepare() -> None:
        with redis.Redis(port=server.port) as client:
            client.flushall()
            data.redis_keys(client.execute_command, count)

    return Removal(
        "clear keys of Redis",
        f"{count:,} keys",
        count,
        4,
        floors.redis_dump_and_unlink(server.port),
        prepare,
        f"redis://127.0.0.1:{server.port}/0?format=redis&prefix=app:cache:",
        lambda attachment: plan_clear(attachment, None, time.time()),
    )


def _without_copies(removal: Removal, server: RedisServer) -> Removal:
    """The same, but nothing is kept; what was seen is compared all the same."""

    def plan(attachment: Attachment) -> Plan:
        return replace(removal.plan(attachment), no_undo="Nothing is kept here.")

    name, copies = "clear keys of Redis at once", "without undo copies"
    return replace(removal, name=name, copies=copies, goal=6, floor=floors.redis_unlink(server.port), plan=plan)


def _measured(bench: Bench, removal: Removal) -> Iterator[Row]:
    figures = Figures()
    for _ in range(bench.size.rounds):
        if removal.floor is not None:
            removal.prepare()
            figures.floors.append(awake.took(removal.floor.run))
        removal.prepare()
        _purge(removal, figures)
        removal.prepare()
        _stop(removal, figures)
    yield from _rows(removal, figures)


def _purge(removal: Removal, figures: Figures) -> None:
    """Purge to the end, as it is measured; where there is a lock, once more beside somebody who wants it."""
    outcome, taken = _run(removal, figures)
    _check(removal, outcome)
    figures.ours.append(taken)
    if removal.database is not None:
        removal.prepare()
        with waits_beside(removal.database) as found:
            outcome, _ = _run(removal, Figures())
        _check(removal, outcome)
        figures.waits += found.waits
        assert found.waits, "nobody asked for the lock"


def _run(removal: Removal, figures: Figures) -> tuple[Outcome, float]:
    moments: list[float] = []
    studio = Studio(follow=False)
    try:
        attachment = _listed(studio, removal)
        plan = removal.plan(attachment)
        assert plan.count == removal.entries, f"{plan.count} entries are planned"
        began = time.perf_counter()
        running = act.run(attachment, plan, studio.trash, BY, lambda _: moments.append(time.perf_counter()))
        outcome = running.future.result()
        ended = time.perf_counter()
    finally:
        studio.close()
    edges = [began, *moments, ended]
    figures.progress.append(awake.longest(list(pairwise(edges))))
    return outcome, awake.seconds(began, ended)


def _check(removal: Removal, outcome: Outcome) -> None:
    assert outcome.removed == removal.entries, f"{outcome.removed} removed: {outcome.reasons}"
    assert (outcome.undo_id is not None) == (removal.copies == Removal.copies), "undo is not what was planned"


def _stop(removal: Removal, figures: Figures) -> None:
    """Stop in the middle: the time until the outcome of what was done so far is there."""
    studio = Studio(follow=False)
    asked: list[float] = []
    try:
        attachment = _listed(studio, removal)
        plan = removal.plan(attachment)

        def on_progress(progress: Progress) -> None:
            if not asked and progress.done >= removal.entries // 3:
                asked.append(time.perf_counter())
                running.stop()

        running = act.run(attachment, plan, studio.trash, BY, on_progress)
        outcome = running.future.result()
        ended = time.perf_counter()
    finally:
        studio.close()
    if outcome.stopped:  # a small one may be over before it is asked
        figures.stops.append(awake.seconds(asked[0], ended))


def _listed(studio: Studio, removal: Removal) -> Attachment:
    attachment = studio.attach(studio.resolve(removal.target))
    standing = attachment.listed().result()
    assert standing.view is not None
    assert standing.view.complete, standing.partial
    return attachment


def _rows(removal: Removal, figures: Figures) -> Iterator[Row]:
    name, size = removal.name, removal.size
    if removal.floor is not None:
        floor = Against.of(removal.floor.name, figures.floors)
        yield Row.of_rounds(f"{name}, {removal.copies}", size, figures.ours, "s", removal.goal, Rule.FLOOR, floor)
    if figures.stops:
        stop = statistics.median(figures.stops) * 1000
        yield Row(f"{name}: until Stop answers", size, stop, "ms", STOP_MS)
    longest = statistics.median(figures.progress) * 1000
    yield Row(f"{name}: longest time without progress", size, longest, "ms", PROGRESS_MS)
    if removal.database is not None:
        wait = ninety_ninth(figures.waits) * 1000
        yield Row(f"{name}: wait for the write lock, 99 %", size, wait, "ms", removal.lock_ms)


def ninety_ninth(values: list[float]) -> float:
    """The value that 99 % do not exceed."""
    return sorted(values)[math.ceil(len(values) * 0.99) - 1]
