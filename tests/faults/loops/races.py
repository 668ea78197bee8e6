"""The application writes an entry at the worst moment of its removal: its new value always survives."""

from __future__ import annotations

import json
import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, BinaryIO
from unittest.mock import patch

from loops import _applications as applications
from promises import Promise, Size, workplace
from stakes import JsonDirectory, JsonFile, MultiLevel, Stake, Table
from starts import PATIENCE, attached

from cache_studio.adapters import json_rewrite
from cache_studio.adapters.base import Adapter, EntryCopy
from cache_studio.adapters.files import Folder
from cache_studio.model.columns import Batch
from cache_studio.model.errors import CacheUnavailable, UnsupportedAction
from cache_studio.model.seeing import Fate, Seen
from cache_studio.services import act, plans
from cache_studio.services.attachment import Attachment
from cache_studio.services.studio import Studio

LISTED, COPIED, LAST = "between list and removal", "after the copy", "at the last moment"
_FORK = multiprocessing.get_context("fork")


@dataclass
class Tally:
    """What all races of a run found."""

    races: Counter[str] = field(default_factory=Counter)
    moments: Counter[str] = field(default_factory=Counter)
    in_trash: Counter[str] = field(default_factory=Counter)
    """Newer values that looked like the older ones and were removed, copied as they are: undo brings them back."""
    lost: list[str] = field(default_factory=list)


def promises(size: Size) -> Iterator[Promise]:
    """Four rows: forced races, two studios, a JSON file that is written all the time, and what the plan says of it."""
    with workplace() as folder:
        yield _forced(size, folder)
    with workplace() as folder:
        yield _two_studios(size, folder)
    with workplace() as folder:
        yield from _busy_file(size, folder)


# Forced races ---------------------------------------------------------------------------------------------------


def _forced(size: Size, folder: Path) -> Promise:
    tally = Tally()
    chance = size.chance("races")
    with applications.everything(folder) as caches:
        for cache in caches:
            name = type(cache).__name__
            with cache.opened() as adapter:
                for number in range(100_000, 100_000 + (size.of(40, 500) if cache.five else size.of(10, 50))):
                    moment, end = race(cache, adapter, number, chance)
                    tally.races[name] += 1
                    tally.moments[moment] += 1
                    if end == "in the trash":
                        tally.in_trash[name] += 1
                    elif end != "stays":
                        tally.lost.append(f"{name}: number {number}, written {moment}: {end}")
    lines = [f"races: {dict(tally.races)}", f"written: {dict(tally.moments)}"]
    lines += [f"removed whole, of one length and expiry to the millisecond with what was seen: {dict(tally.in_trash)}"]
    if "RedisKeys" not in tally.races:
        lines.append("no redis-server on this machine: Redis was not tried")
    return Promise(
        "The application's newer value wins",
        f"{tally.races.total()} forced races over {len(tally.races)} kinds of cache: {len(tally.lost)} values lost, "
        f"{tally.in_trash.total()} in the trash",
        not tally.lost,
        "\n".join([*lines, *tally.lost[:20]]),
    )


class Racing:
    """A `Keep` that lets the application write while the copies are handed over."""

    def __init__(self, write: Callable[[], None] | None) -> None:
        self._write = write
        self.taken: list[EntryCopy] = []

    def file(self, descriptor: int, length: int) -> str:
        """Not kept: what is tried here is the removal."""
        return "file"

    def copies(self, copies: Sequence[EntryCopy]) -> None:
        """The copies are whole, nothing is removed yet."""
        self.taken += copies
        if self._write is not None:
            self._write()

    def version(self, descriptor: int, length: int, name: str) -> str:
        """Not kept here."""
        return f"a version of {name}"

    def open(self, name: str) -> BinaryIO:
        """Nothing was kept."""
        raise FileNotFoundError(name)


def race(cache: applications.Application, adapter: Adapter, number: int, chance: random.Random) -> tuple[str, str]:
    """One race: when the application wrote, and where what it wrote is afterwards: it "stays" where all is well."""
    key = applications.key(chance.randrange(applications.COUNT))
    cache.write(key, number)
    seen = _seen(adapter.lookup([cache.shown(key)]))
    newer = number + 500_000  # as long as the older one
    moment = chance.choice((LISTED, COPIED, LAST))
    if moment == LAST and not isinstance(
        cache,
        applications.JsonDirectory
        | applications.MultiLevel
        | applications.JsonFile
        | applications.JsonTable
        | applications.Assets,
    ):
        moment = COPIED  # a transaction or a script: there is no later moment in which anybody can write
    if moment == LISTED:
        cache.write(key, newer)
    keep = Racing((lambda: cache.write(key, newer)) if moment == COPIED else None)
    with ExitStack() as stack:
        wrote = _at_last(stack, lambda: cache.write(key, newer)) if moment == LAST else None
        fates = [removal.fate for removal in adapter.remove(seen, keep)]
    if wrote is not None and not wrote:
        return moment, "the moment never came"
    if cache.stored(key) == newer:
        row_was_removed = moment == LAST and isinstance(cache, applications.Assets)  # its file goes after the row
        told = fates == [Fate.REMOVED if row_was_removed else Fate.CHANGED]
        return moment, "stays" if told else f"the answer was {fates}"
    adapter.restore(keep.taken, keep)
    return moment, "in the trash" if cache.stored(key) == newer else "gone"


def _at_last(stack: ExitStack, write: Callable[[], None]) -> list[bool]:
    """Let the application write when names are about to be changed; the answer holds True when it did."""
    wrote: list[bool] = []
    rename, exchange = Folder.rename, json_rewrite._exchange

    def write_once() -> None:
        if not wrote:
            wrote.append(True)
            write()

    def late_rename(folder: Folder, *arguments: Any) -> None:
        write_once()
        rename(folder, *arguments)

    def late_exchange(*arguments: Any) -> bool:
        write_once()
        return exchange(*arguments)

    stack.enter_context(patch.object(Folder, "rename", late_rename))
    stack.enter_context(patch.object(json_rewrite, "_exchange", late_exchange))
    return wrote


def _seen(batch: Batch) -> list[Seen]:
    return [
        Seen(entry_id, tuple(int(part) for part in stamp))
        for entry_id, stamp in zip(batch.ids, batch.stamps, strict=True)
    ]


# Two studios ----------------------------------------------------------------------------------------------------


def _two_studios(size: Size, folder: Path) -> Promise:
    """Two processes clear one cache at once and undo it at once, with one trash: the cache is as it was."""
    wrong: list[str] = []
    stakes: list[Stake] = [kind(folder) for kind in (JsonFile, JsonDirectory, MultiLevel, Table)]
    rounds = size.of(1, 6)
    for one in stakes:
        one.fill()
        before = one.entries()
        for number in range(rounds):
            found = _both(folder / "home", one, "clear")
            removed = sum(done for done, _ in found)
            if removed < len(before) or one.entries():  # what both copied waits in the trash of both
                wrong.append(f"{one.name}, round {number}: {removed} of {len(before)} removed by both")
            found = _both(folder / "home", one, "undo")
            after = one.entries()
            changed = sum(after.get(name) != entry for name, entry in before.items())
            if changed or len(after) != len(before) or one.damage():
                wrong.append(f"{one.name}, round {number}: {len(after)} of {len(before)} are back, {changed} differ")
            wrong += [f"{one.name}, round {number}: {error}" for _, error in found if error]
    return Promise(
        "Two studios at work on one cache lose nothing",
        f"{rounds * len(stakes)} times cleared and undone by two processes at once: {len(wrong)} wrong",
        not wrong,
        "\n".join(wrong[:20]),
    )


def _both(home: Path, stake: Stake, verb: str) -> list[tuple[int, str]]:
    barrier = _FORK.Barrier(2)
    pipes = [_FORK.Pipe() for _ in range(2)]
    processes = [_FORK.Process(target=_one_studio, args=(home, stake, verb, barrier, there)) for _, there in pipes]
    for process in processes:
        process.start()
    answers: list[tuple[int, str]] = []
    for here, _ in pipes:
        answers.append(here.recv() if here.poll(PATIENCE) else (0, "no answer"))
    for process in processes:
        process.join(PATIENCE)
        if process.is_alive():
            process.kill()
            process.join()
    return answers


def _one_studio(home: Path, stake: Stake, verb: str, barrier: Any, answer: Connection) -> None:
    try:
        with attached(home, stake) as (studio, attachment):
            barrier.wait(PATIENCE)
            if verb == "clear":
                plan = plans.plan_clear(attachment, None, time.time())
                barrier.wait(PATIENCE)
                answer.send((act.run(attachment, plan, studio.trash, "races").future.result(PATIENCE).removed, ""))
                return
            answer.send((_undo_all(studio, attachment), ""))
    except Exception as error:  # whatever it is, the other studio is told and the row is broken
        answer.send((0, f"{type(error).__name__}: {error}"))


def _undo_all(studio: Studio, attachment: Attachment) -> int:
    """Undo what waits; what the other studio is undoing this moment is left to it and looked at again."""
    restored, end = 0, time.monotonic() + PATIENCE
    while (waiting := [action for action in studio.trash.actions() if action.waiting]) and time.monotonic() < end:
        for action in waiting:
            with suppress(UnsupportedAction):
                restored += act.undo(attachment, action, studio.trash).future.result(PATIENCE).restored
    return restored


# A JSON file that is written all the time --------------------------------------------------------------------------


def _busy_file(size: Size, folder: Path) -> Iterator[Promise]:
    """Its application holds it in memory and writes it whole, as S2 does."""
    stop, (here, there) = _FORK.Event(), _FORK.Pipe()
    cache = applications.JsonFile(folder)
    untouched = [applications.key(number) for number in range(3)]
    spans_before = {key: cache.memory[key] for key in untouched}
    process = _FORK.Process(target=_keep_writing, args=(cache, size.of(2, 10), stop, there))
    process.start()
    removals: Counter[str] = Counter()
    wrong: list[str] = []
    try:
        with cache.opened() as adapter:
            while not here.poll(0):
                removals[_remove_one(adapter, applications.key(4))] += 1
                wrong += _spoiled(cache, spans_before)
    finally:
        stop.set()
        written = here.recv() if here.poll(PATIENCE) else 0
        process.join(PATIENCE)
    last = cache.stored(applications.key(5))
    if last != written:
        wrong.append(f"the last number written was {written}, stored is {last}")
    leftovers = sorted(path.name for path in cache.folder.iterdir() if path.name.startswith(".cs-"))
    wrong += [f"left behind: {name}" for name in leftovers]
    yield Promise(
        "A JSON file that its application writes all the time stays whole",
        f"{written:,} writes against {removals.total():,} removals ({removals['removed']:,} done): {len(wrong)} wrong",
        not wrong and removals["removed"] > 0,
        f"{dict(removals)}\n" + "\n".join(wrong[:20]),
    )
    with cache.opened() as adapter:
        says = adapter.returns_entries
    yield Promise(
        "What cannot be promised is said before",
        f"the plan says: “{says}”",
        "return" in says or "back" in says,
    )


def _keep_writing(cache: applications.JsonFile, seconds: float, stop: Any, answer: Connection) -> None:
    """Numbers under one key, while another is removed all the time; the last number is the answer."""
    chance = random.Random(1)
    number, end = 5, time.monotonic() + seconds
    while time.monotonic() < end and not stop.is_set():
        number += 1
        cache.write(applications.key(5), number)
        if chance.random() < 0.5:
            stop.wait(chance.choice((0.001, 0.005, 0.02)))
    answer.send(number)


def _remove_one(adapter: Adapter, key: str) -> str:
    try:
        batch = adapter.lookup([key])
        if not batch.ids:
            return "not there"
        return adapter.remove(_seen(batch), Racing(None))[0].fate.value
    except CacheUnavailable:
        return "stood back"


def _spoiled(cache: applications.JsonFile, expected: dict[str, object]) -> list[str]:
    """What a reader sees now must be whole, and entries that nobody touches must be there."""
    try:
        stored = json.loads(cache.file.read_bytes())
    except ValueError as error:
        return [f"a reader saw half a file: {error}"]
    return [f"{key} differs" for key, entry in expected.items() if stored.get(key) != entry]
