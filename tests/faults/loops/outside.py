"""Links that are swapped in while we work, and paths that lead elsewhere: nothing outside a cache is touched."""

from __future__ import annotations

import multiprocessing
import os
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from loops import _applications as applications
from promises import Promise, Size, workplace

from cache_studio.adapters.base import Adapter, EntryCopy
from cache_studio.adapters.json_rewrite import _EXCHANGE, _renameat2
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.identity import EntryId
from cache_studio.model.seeing import Fate, Return, Seen

SECRET = b"OUTSIDE"
_HERE = -100  # AT_FDCWD of linux/fcntl.h
_FORK = multiprocessing.get_context("fork")


@dataclass
class Tally:
    """What was tried, and everything that must not be."""

    rounds: int = 0
    swaps: int = 0
    removed: int = 0
    restored: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def promises(size: Size) -> Iterator[Promise]:
    """One row for links that are swapped in, one for paths in an index that lead elsewhere."""
    exchange = _renameat2()
    if exchange is not None:
        yield _attack(size)
    with workplace() as folder:
        yield _hostile_paths(size, folder)


def _attack(size: Size) -> Promise:
    seconds = 0.7 if size.quick else 5.0
    tallies: dict[str, Tally] = {}
    for kind in applications.FILES:
        with workplace() as folder:
            cache = kind(folder)
            tally = tallies[type(cache).__name__] = Tally()
            for part in parts_of(cache):
                _attack_one(cache, part, folder, seconds, tally)
    wrong = [f"{name}: {text}" for name, tally in tallies.items() for text in tally.wrong]
    swaps, rounds = sum(tally.swaps for tally in tallies.values()), sum(tally.rounds for tally in tallies.values())
    removed = sum(tally.removed for tally in tallies.values())
    lines = [
        f"{name}: {tally.swaps:,} swaps, {tally.rounds:,} rounds, {tally.removed:,} removed, "
        f"{tally.restored:,} restored, refused {dict(tally.refused)}"
        for name, tally in tallies.items()
    ]
    return Promise(
        "Nothing outside a cache is touched, read or shown",
        f"{seconds:g} s of links swapped in on each of {len(tallies)} kinds of cache ({swaps:,} swaps against "
        f"{rounds:,} rounds, {removed:,} removals): {len(wrong)} touched, read or shown",
        not wrong and all(tally.swaps and tally.rounds for tally in tallies.values()),
        "\n".join([*lines, *wrong[:20]]),
    )


def parts_of(cache: applications.Application) -> list[Path]:
    """What an attacker can swap for a link below the place that is attached."""
    first = applications.key(0)
    match cache:
        case applications.JsonDirectory():
            return [cache.folder / f"{first}.json"]
        case applications.MultiLevel():
            return [cache.folder / "l3", cache.folder / "l3" / "ai_operations"]
        case applications.Assets():
            return [cache.folder / "image", cache.folder / "image" / f"{first}.png"]
        case _:
            return [Path(cache.location)]


def _attack_one(cache: applications.Application, part: Path, folder: Path, seconds: float, tally: Tally) -> None:
    outside = folder / f"outside {part.name}"
    mine = type(cache)(outside) if not isinstance(cache, applications.RedisKeys) else cache
    _make_secret(mine)
    elsewhere = mine.folder / part.relative_to(cache.folder)
    link = folder / f"link to {part.name}"
    link.symlink_to(elsewhere)
    before = _tree(outside)
    with cache.opened() as adapter, _swapping(part, link, tally):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            _one_round(adapter, tally)
    if not part.is_symlink() and link.is_symlink():
        link.unlink()
    after = _tree(outside)
    tally.wrong += [
        f"{name} was touched" for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    ]


def _make_secret(mine: applications.Application) -> None:
    """The same keys with other values, each of which says that it is outside; and one key more."""
    say = applications.text
    try:
        applications.text = lambda number: f"{SECRET.decode()} {say(number)}"  # type: ignore[assignment]
        for number in range(applications.COUNT + 1):
            mine.write(applications.key(number), number)
    finally:
        applications.text = say


@contextmanager
def _swapping(part: Path, link: Path, tally: Tally) -> Iterator[None]:
    """Another process that exchanges the names of both all the time; in the end each has its own again."""
    stop, swaps = _FORK.Event(), _FORK.Value("q", 0)
    process = _FORK.Process(target=_swap, args=(part, link, stop, swaps))
    process.start()
    try:
        yield
    finally:
        stop.set()
        process.join(30)
        tally.swaps += swaps.value


def _swap(part: Path, link: Path, stop: Any, swaps: Any) -> None:
    exchange = _renameat2()
    assert exchange is not None
    chance = random.Random(1)
    one, other = os.fsencode(part), os.fsencode(link)
    while not stop.is_set():
        swaps.value += exchange(_HERE, one, _HERE, other, _EXCHANGE) == 0
        if chance.random() < 0.3:
            stop.wait(chance.choice((0.0001, 0.001, 0.004)))
    with suppress(OSError):
        if part.is_symlink():
            exchange(_HERE, one, _HERE, other, _EXCHANGE)


class Copies:
    """A trash in memory that looks at what it is given."""

    def __init__(self, tally: Tally) -> None:
        self.taken: list[EntryCopy] = []
        self._tally = tally

    def file(self, descriptor: int, length: int) -> str:
        """No value here is so large."""
        raise AssertionError("a small file travels inside its copy")

    def copies(self, copies: Sequence[EntryCopy]) -> None:
        """None of them may come from outside."""
        self.taken += copies
        self._tally.wrong += ["a value from outside was copied" for copy in copies if SECRET in copy.data]

    def version(self, descriptor: int, length: int, name: str) -> str:
        """Not kept here."""
        return f"a version of {name}"

    def open(self, name: str) -> Any:
        """No value here is so large."""
        raise FileNotFoundError(name)


def _one_round(adapter: Adapter, tally: Tally) -> None:
    """List, read, remove and restore everything, as far as it can be got at."""
    tally.rounds += 1
    seen = _tried(lambda: _list(adapter, tally), tally) or []
    for entry in seen:
        _tried(partial(_read, adapter, entry.id, tally), tally)
    copies = Copies(tally)
    removals = _tried(lambda: adapter.remove(seen, copies), tally) or []
    tally.removed += sum(removal.fate is Fate.REMOVED for removal in removals)
    left = copies.taken
    for _ in range(200):  # the folder is there every second moment
        answers = _tried(partial(adapter.restore, left, copies), tally)
        if answers is not None:
            tally.restored += sum(answer.fate is Return.RESTORED for answer in answers)
            left = [copy for copy, answer in zip(left, answers, strict=True) if answer.fate is Return.FAILED]
        if not left:
            break


def _list(adapter: Adapter, tally: Tally) -> list[Seen]:
    seen: list[Seen] = []
    for batch in adapter.scan():
        tally.wrong += [
            "a key from outside was listed" for key in batch.keys if key == applications.key(applications.COUNT)
        ]
        seen += [
            Seen(entry_id, tuple(int(part) for part in stamp))
            for entry_id, stamp in zip(batch.ids, batch.stamps, strict=True)
        ]
    return seen


def _read(adapter: Adapter, entry_id: EntryId, tally: Tally) -> None:
    payload = adapter.read(entry_id)
    tally.wrong += ["a value from outside was read" for piece in payload.pieces if SECRET in piece.data]


def _tried(what: Callable[[], Any], tally: Tally) -> Any:
    try:
        return what()
    except CacheStudioError as error:
        tally.refused[type(error).__name__] += 1
        return None


def _tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Modification time and content of every file."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


# Paths in an index -----------------------------------------------------------------------------------------------


def _hostile_paths(size: Size, folder: Path) -> Promise:
    tally, chance = Tally(), size.chance("paths")
    outside = folder / "outside"
    outside.mkdir()
    victims = [outside / f"{applications.key(number)}.png" for number in range(3)]
    for victim in victims:
        victim.write_bytes(SECRET)
    before = _tree(outside)
    rounds = size.of(5, 60)
    tried = 0
    for number in range(rounds):
        cache = applications.Assets(folder / str(number))
        (cache.folder / "way").symlink_to(outside)
        (cache.folder / "image" / "link.png").symlink_to(victims[0])
        paths = [_hostile_path(chance, cache.folder, victims) for _ in range(20)]
        with closing(sqlite3.connect(cache.folder / "cache.db")) as database, database:
            database.executemany(
                "INSERT INTO cache_entries(asset_type, prompt_hash, prompt_text, file_path) VALUES(?,?,'x',?)",
                ((chance.choice(("image", "..", "way", "tts")), f"{at:064x}", path) for at, path in enumerate(paths)),
            )
        tried += len(paths)
        with ExitStack() as stack:
            adapter = stack.enter_context(cache.opened())
            _one_round(adapter, tally)
            adapter.compact()
    after = _tree(outside)
    tally.wrong += [
        f"{name} was touched" for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    ]
    return Promise(
        "A file_path that leads elsewhere leads nowhere",
        f"{tried} hostile paths listed, read, removed, restored and compacted: {len(tally.wrong)} touched",
        not tally.wrong and tally.removed > tried // 2,
        "\n".join([f"{tally.removed} rows removed, {tally.restored} restored", *tally.wrong[:20]]),
    )


def _hostile_path(chance: random.Random, root: Path, victims: Sequence[Path]) -> str:
    victim = chance.choice(victims)
    up = "../" * chance.randrange(1, 9)
    return chance.choice(
        (
            str(victim),
            os.path.relpath(victim, root),
            f"image/../{os.path.relpath(victim, root)}",
            f"{up}{str(victim).lstrip('/')}",
            f"way/{victim.name}",
            f"{root}/way/{victim.name}",
            f"{root}/../{os.path.relpath(victim, root.parent)}",
            f"{root}{victim}",
            "image/link.png",
            f"./way/./{victim.name}",
            f"way//{victim.name}",
            f"way\\{victim.name}",
            f"file://{victim}",
            f"{victim}\0.png",
            f"image/{'x' * 300}",
            "image",
            "..",
            ".",
        )
    )
