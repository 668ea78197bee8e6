"""The runtime's file doors against diskcache, put and get of the same bytes. Prints ratios; run it by its name.

Same durability on both sides: a put that returned survives a kill of the process, not a loss of power (diskcache: WAL
with synchronous=NORMAL, ours: an atomic rename without fsync). Rounds are interleaved and medians compared.
"bare" is what the filesystem itself takes for the same files: open, write, close, rename; open, read, close. Nothing is
deleted before the end: some filesystems make files slowly for minutes after many were deleted.
"""

import argparse
import hashlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import diskcache

from cache_studio.adapters.key_access import Held, KeyAccess
from cache_studio.adapters.registry import get_format
from cache_studio.model.options import read_options
from cache_studio.model.targets import Target

WHOLE_FILE_ENTRIES = 100
"""What a json-file holds: its capacity in the original application."""

Measure = Callable[[Path, list[str], list[bytes]], dict[str, float]]


def keys_of(count: int) -> list[str]:
    """Keys as json-directory's application makes them."""
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in range(count)]


def value_of(number: int) -> bytes:
    """About 1 kB of JSON."""
    return json.dumps({"number": number, "passed": True, "changes": ["a button moved by 20 pixels"] * 33}).encode()


def open_door(name: str, place: Path) -> KeyAccess:
    """A new cache of a format."""
    known = get_format(name)
    return known.access_class().open(Target(str(place), name), read_options(known.options, {}))


def each(call: Callable[[str, bytes], object], keys: list[str], values: list[bytes]) -> float:
    """Microseconds a call."""
    began = time.perf_counter()
    for key, value in zip(keys, values, strict=True):
        call(key, value)
    return (time.perf_counter() - began) / len(keys) * 1e6


def measure_diskcache(place: Path, keys: list[str], values: list[bytes]) -> dict[str, float]:
    """Its own calls."""
    with diskcache.Cache(str(place), eviction_policy="none") as cache:
        return phases(lambda key, value: cache.set(key, value, expire=86_400), cache.get, keys, values)


def measure_bare(place: Path, keys: list[str], values: list[bytes]) -> dict[str, float]:
    """Files made and read by nothing but the system's calls."""
    place.mkdir()
    folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY)

    def put(key: str, value: bytes) -> None:
        descriptor = os.open("new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=folder)
        os.write(descriptor, value)
        os.close(descriptor)
        os.replace("new", key, src_dir_fd=folder, dst_dir_fd=folder)

    def get(key: str) -> None:
        descriptor = os.open(key, os.O_RDONLY, dir_fd=folder)
        os.read(descriptor, 4096)
        os.close(descriptor)

    try:
        return phases(put, get, keys, values)
    finally:
        os.close(folder)


def measure_door(name: str, place: Path, keys: list[str], values: list[bytes]) -> dict[str, float]:
    """The same through a door."""
    door = open_door(name, place)

    def put(key: str, value: bytes) -> None:
        now = time.time()
        door.put(key, Held(value, now, now + 86_400))

    try:
        return phases(put, door.get, keys, values)
    finally:
        door.close()


def phases(
    put: Callable[[str, bytes], object], get: Callable[[str], object], keys: list[str], values: list[bytes]
) -> dict[str, float]:
    """New puts, gets, and puts over what is there."""
    return {
        "put": each(put, keys, values),
        "get": each(lambda key, _value: get(key), keys, values),
        "replace": each(put, keys, values),
    }


def main() -> None:
    """Measure and print one line a format and call."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", default=None, help="where the caches are made; the system's temporary folder")
    chosen = parser.parse_args()
    measures: dict[str, Measure] = {"diskcache": measure_diskcache, "bare": measure_bare}
    measures |= {name: partial(measure_door, name) for name in ("json-directory", "multi-level", "json-file")}
    figures: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="cache-studio-bench-", dir=chosen.folder) as folder:
        for turn in range(chosen.rounds):
            for name, measure in measures.items():
                count = min(WHOLE_FILE_ENTRIES, chosen.entries) if name == "json-file" else chosen.entries
                keys, values = keys_of(count), [value_of(number) for number in range(count)]
                for call, figure in measure(Path(folder) / f"{name}-{turn}", keys, values).items():
                    figures.setdefault((name, call), []).append(figure)
    print(f"{'format':<16}{'call':<10}{'µs a call':>10}{'diskcache':>11}{'ratio':>8}{'bare':>8}{'ratio':>8}")
    for (name, call), found in figures.items():
        ours, floor, bare = (statistics.median(f) for f in (found, figures["diskcache", call], figures["bare", call]))
        print(f"{name:<16}{call:<10}{ours:>10.1f}{floor:>11.1f}{ours / floor:>8.2f}{bare:>8.1f}{ours / bare:>8.2f}")


if __name__ == "__main__":
    main()
