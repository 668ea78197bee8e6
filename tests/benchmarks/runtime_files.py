"""The runtime's file doors against diskcache, put and get of the same bytes. Prints ratios; run it by its name.

Same durability on both sides: a put that returned survives a kill of the process, not a loss of power (diskcache: WAL
with synchronous=NORMAL, ours: an atomic rename without fsync). "bare" is what the filesystem itself takes for the same
files: open, write, close, rename; open, read, close. All take turns of CHUNK calls, and medians of the turns are
compared. Nothing is deleted before the end: a filesystem without a journal makes files slowly for minutes after many
were deleted.
"""

import argparse
import hashlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import diskcache

from cache_studio.adapters.key_access import Held
from cache_studio.adapters.registry import get_format
from cache_studio.model.options import read_options
from cache_studio.model.targets import Target

CHUNK = 250
WHOLE_FILE_ENTRIES = 100
"""What a json-file holds: its capacity in the original application."""
FORMATS = ("json-directory", "multi-level", "json-file")


class Subject(NamedTuple):
    """What is measured; `keys` is how many different ones it is given."""

    put: Callable[[str, bytes], object]
    get: Callable[[str], object]
    keys: int


def keys_of(count: int) -> list[str]:
    """Keys as json-directory's application makes them."""
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in range(count)]


def value_of(number: int) -> bytes:
    """About 1 kB of JSON."""
    return json.dumps({"number": number, "passed": True, "changes": ["a button moved by 20 pixels"] * 33}).encode()


@contextmanager
def library(folder: Path, entries: int) -> Iterator[Subject]:
    """diskcache by its own calls."""
    with diskcache.Cache(str(folder / "diskcache"), eviction_policy="none") as cache:
        yield Subject(lambda key, value: cache.set(key, value, expire=86_400), cache.get, entries)


@contextmanager
def bare(folder: Path, entries: int) -> Iterator[Subject]:
    """Files made and read by nothing but the system's calls."""
    place = folder / "bare"
    place.mkdir()
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY)

    def put(key: str, value: bytes) -> None:
        file = os.open("new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=descriptor)
        os.write(file, value)
        os.close(file)
        os.replace("new", key, src_dir_fd=descriptor, dst_dir_fd=descriptor)

    def get(key: str) -> None:
        file = os.open(key, os.O_RDONLY, dir_fd=descriptor)
        os.read(file, 4096)
        os.close(file)

    try:
        yield Subject(put, get, entries)
    finally:
        os.close(descriptor)


@contextmanager
def door(name: str, folder: Path, entries: int) -> Iterator[Subject]:
    """A format's door."""
    known = get_format(name)
    target = Target(str(folder / name), name)
    with closing(known.access_class().open(target, read_options(known.options, {}))) as access:

        def put(key: str, value: bytes) -> None:
            now = time.time()
            access.put(key, Held(value, now, now + 86_400))

        yield Subject(put, access.get, WHOLE_FILE_ENTRIES if name == "json-file" else entries)


def measure(subjects: dict[str, Subject], entries: int) -> dict[tuple[str, str], float]:
    """Microseconds by subject and call: new puts, gets, and puts over what is there."""
    keys, values = keys_of(entries), [value_of(number) for number in range(entries)]
    figures: dict[tuple[str, str], list[float]] = {}
    for phase in ("put", "get", "replace"):
        for begin in range(0, entries, CHUNK):
            for name, subject in subjects.items():
                chosen = [number % subject.keys for number in range(begin, min(begin + CHUNK, entries))]
                began = time.perf_counter()
                if phase == "get":
                    for number in chosen:
                        subject.get(keys[number])
                else:
                    for number in chosen:
                        subject.put(keys[number], values[number])
                took = (time.perf_counter() - began) / len(chosen) * 1e6
                figures.setdefault((name, phase), []).append(took)
    return {place: statistics.median(found) for place, found in figures.items()}


def main() -> None:
    """Measure and print one line a format and call."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--folder", default=None, help="where the caches are made; the system's temporary folder")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cache-studio-bench-", dir=chosen.folder) as made, ExitStack() as ends:
        place = Path(made)
        subjects = {
            "diskcache": ends.enter_context(library(place, chosen.entries)),
            "bare": ends.enter_context(bare(place, chosen.entries)),
        }
        subjects |= {name: ends.enter_context(door(name, place, chosen.entries)) for name in FORMATS}
        figures = measure(subjects, chosen.entries)
    print(f"{'format':<16}{'call':<9}{'µs a call':>10}{'diskcache':>11}{'ratio':>8}{'bare':>8}{'ratio':>8}")
    for (name, phase), ours in figures.items():
        floor, least = figures["diskcache", phase], figures["bare", phase]
        print(f"{name:<16}{phase:<9}{ours:>10.1f}{floor:>11.1f}{ours / floor:>8.2f}{least:>8.1f}{ours / least:>8.2f}")


if __name__ == "__main__":
    main()
