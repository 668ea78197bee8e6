"""Put and get by key in SQLite beside diskcache, with the same durability: a write-ahead log, commits not synced.

    PYTHONPATH=. python tests/benchmarks/runtime_sqlite.py [--quick] [--rounds N]

Keys with values of 1 kB, each side in a folder of its own, the sides taking turns in small groups of keys; medians
over the rounds. A use is a get with the `touch` that counts it, as the runtime does; diskcache counts nothing.
The asset cache writes a file an entry beside its row, and diskcache does from 32 kB on: measured with 64 kB values.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import diskcache

from cache_studio.adapters.key_access import Held, KeyAccess
from cache_studio.adapters.registry import get_format
from cache_studio.model.options import read_options
from cache_studio.model.targets import Target

KEYS, SMALL, LARGE = 10_000, 1_000, 64_000
GROUP = 250
"""Keys that one side does before the other's turn."""
GOAL = 1.0


@dataclass(frozen=True)
class Side:
    """One of two that do the same work."""

    put: Callable[[str, bytes], object]
    get: Callable[[str], object]
    use: Callable[[str], object]


def key_of(number: int) -> str:
    """A key as long as those of the five systems."""
    return f"{number:064x}"


@contextmanager
def ours(format_name: str, place: Path) -> Iterator[Side]:
    """The runtime's door."""
    found = get_format(format_name)
    access: KeyAccess = found.access_class().open(Target(str(place), format_name), read_options(found.options, {}))

    def use(key: str) -> None:
        access.get(key)
        access.touch(key, "", 1.0)

    with closing(access):
        yield Side(lambda key, value: access.put(key, Held(value, time.time())), access.get, use)


@contextmanager
def theirs(place: Path) -> Iterator[Side]:
    """diskcache with its own settings: a write-ahead log, synchronous NORMAL."""
    with diskcache.Cache(str(place)) as cache:
        assert (cache.sqlite_journal_mode, cache.sqlite_synchronous) == ("wal", 1)
        yield Side(cache.set, cache.get, cache.get)


def measured(sides: list[Side], keys: list[str], size: int) -> list[list[float]]:
    """Seconds a call of put, get, use and replacing put for each side, in turns."""
    value = os.urandom(size)
    works: list[Callable[[Side, str], object]] = [
        lambda side, key: side.put(key, value),
        lambda side, key: side.get(key),
        lambda side, key: side.use(key),
        lambda side, key: side.put(key, value),
    ]
    figures = []
    for work in works:
        spent = [0.0] * len(sides)
        for start in range(0, len(keys), GROUP):
            for number, side in enumerate(sides):
                began = time.perf_counter()
                for key in keys[start : start + GROUP]:
                    work(side, key)
                spent[number] += time.perf_counter() - began
        figures.append([seconds / len(keys) for seconds in spent])
    return figures


def compare(format_name: str, location: str, count: int, size: int, rounds: int) -> None:
    """Print a line each for put, get, use and replacing put."""
    keys = [key_of(number) for number in range(count)]
    found: list[list[list[float]]] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name, ExitStack() as ends:
            folder = Path(name)
            sides = [ends.enter_context(ours(format_name, folder / "ours" / location))]
            sides.append(ends.enter_context(theirs(folder / "theirs")))
            found.append(measured(sides, keys, size))
    for row, what in enumerate(("put", "get", "use", "put again")):
        mine, other = (statistics.median(one[row][side] for one in found) * 1e6 for side in (0, 1))
        mark = " " if mine <= other * GOAL else "!"
        print(f"{format_name:<14}{size:>7,} B  {what:<10}{mine:>9.1f} us{other:>9.1f} us{mine / other:>7.2f}{mark}")


def main() -> None:
    """Compare both formats."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the keys")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    count = KEYS // 10 if chosen.quick else KEYS
    print(f"{'':<35}{'ours':>9}   {'diskcache':>9}  ratio (goal {GOAL:g})")
    compare("sqlite-table", "cache.db", count, SMALL, chosen.rounds)
    compare("asset-cache", "", count // 10, LARGE, chosen.rounds)


if __name__ == "__main__":
    main()
