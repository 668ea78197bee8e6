"""The most similar of many prompts: the index beside a scan, on three corpora. Prints times; run it by its name.

`free`: words as frequent as in texts, a few of them in most prompts. `templates`: one of five templates with a few
words of its own, so that nearly all words are in very many prompts. `few words`: a vocabulary of 60, the worst there
is for lists of who has a word. Half of the lookups are variants of known prompts; a new prompt comes every tenth time.
The last line is an asset cache of the templates: exact lookup, look for what others stored, index, file copied.
"""

import argparse
import gc
import random
import sqlite3
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from cache_studio.insights.similarity import SimilarityIndex, jaccard
from cache_studio.runtime.assets import AssetCache, image

GOAL = 0.005
"""Seconds, median and 99 of 100 lookups."""
SCANS = 5
THRESHOLD = 0.85
Words = frozenset[str]
Maker = Callable[[random.Random], Words]


def free() -> Maker:
    """Prompts of 5 to 25 words, the n-th word of 50,000 as frequent as 1/n."""
    vocabulary = [f"word{number}" for number in range(50_000)]
    summed = [0.0]
    for number in range(1, len(vocabulary) + 1):
        summed.append(summed[-1] + 1 / number)
    return lambda chance: frozenset(chance.choices(vocabulary, cum_weights=summed[1:], k=chance.randint(5, 25)))


def templates() -> Maker:
    """Prompts of one of five templates, with five words of its own each."""
    bodies = [[f"template{body}-{word}" for word in range(length)] for body, length in enumerate((8, 12, 15, 18, 20))]
    common = [f"common{number}" for number in range(6)]
    own = [f"own{number}" for number in range(2_000)]
    return lambda chance: frozenset([*chance.choice(bodies), *chance.sample(common, 3), *chance.sample(own, 2)])


def few_words() -> Maker:
    """Prompts of 5 to 25 of 60 words."""
    vocabulary = [f"word{number}" for number in range(60)]
    return lambda chance: frozenset(chance.sample(vocabulary, chance.randint(5, 25)))


CORPORA = {"free": free, "templates": templates, "few words": few_words}


def scan(known: list[Words], words: Words) -> tuple[int, float] | None:
    """Compare with every prompt."""
    best = max(range(len(known)), key=lambda id: jaccard(words, known[id]))
    found = jaccard(words, known[best])
    return (best, found) if found >= THRESHOLD else None


def measure(name: str, count: int, lookups: int) -> None:
    """One line: making the index, its memory, lookups and the scan beside them."""
    chance = random.Random(1)
    make = CORPORA[name]()
    known = [make(chance) for _ in range(count)]
    tracemalloc.start()
    traced = SimilarityIndex[int]()
    for id, words in enumerate(known):
        traced.add(id, words)
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del traced
    index = SimilarityIndex[int]()
    began = time.perf_counter()
    for id, words in enumerate(known):
        index.add(id, words)
    made = time.perf_counter() - began
    gc.collect()
    gc.freeze()  # the corpus is not the index's
    times, scans, found = [], [], 0
    for number in range(lookups):
        words = make(chance) if number % 2 else frozenset(list(chance.choice(known))[1:]) | {"another"}
        began = time.perf_counter()
        answer = index.nearest(words, THRESHOLD)
        times.append(time.perf_counter() - began)
        found += answer is not None
        if number < SCANS:
            began = time.perf_counter()
            assert scan(known, words) == answer
            scans.append(time.perf_counter() - began)
        if number % 10 == 9:
            known.append(words)
            index.add(len(known) - 1, words)
    middle, late = statistics.median(times), sorted(times)[int(lookups * 0.99)]
    marks = "".join(" " if value <= GOAL else "!" for value in (middle, late))
    print(
        f"{name:<12}{count:>9,}{made:>8.2f} s{size / 1e6:>7.0f} MB{middle * 1e3:>9.3f} ms{late * 1e3:>9.3f} ms{marks}"
        f"{statistics.median(scans) * 1e3:>9.0f} ms{statistics.median(scans) / middle:>8,.0f} x{found / lookups:>8.0%}",
        flush=True,
    )


def measure_cache(count: int, lookups: int) -> None:
    """One line: the first lookup, which reads all prompts, and the others."""
    chance = random.Random(2)
    make = CORPORA["templates"]()
    prompts = [" ".join(sorted(make(chance))) for _ in range(count)]
    with tempfile.TemporaryDirectory() as folder, AssetCache(folder) as assets:
        assets.put(image("the file of all"), bytes(100_000))
        fill(Path(folder) / "cache" / "cache.db", prompts)
        times = []
        gc.collect()
        gc.freeze()
        for number in range(lookups + 1):
            asset = image(f"{chance.choice(prompts)} another")
            began = time.perf_counter()
            found = assets.get(asset, Path(folder) / "copy.png")
            times.append(time.perf_counter() - began)
            if number % 10 == 9:
                assets.put(image(f"{asset.text} and {number}"), b"new")
        assert found is not None
    middle, late = statistics.median(times[1:]), sorted(times[1:])[int(lookups * 0.99)]
    print(f"{'asset cache':<12}{count:>9,}{times[0]:>8.2f} s{'':>10}{middle * 1e3:>9.3f} ms{late * 1e3:>9.3f} ms")


def fill(database: Path, prompts: list[str]) -> None:
    """A row a prompt; one file is that of all, since only a lookup's own file is ever read."""
    with closing(sqlite3.connect(database)) as connection, connection:
        copied = "file_path, '{}', created_at, last_used_at, 1 FROM cache_entries WHERE id = 1"
        sql = f"INSERT OR IGNORE INTO cache_entries SELECT NULL, 'image', ?, ?, {copied}"
        connection.executemany(sql, ((image(prompt).key, prompt) for prompt in prompts))


def main() -> None:
    """Measure each corpus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=100_000)
    parser.add_argument("--lookups", type=int, default=1_000)
    chosen = parser.parse_args()
    print(f"{'corpus':<12}{'prompts':>9}{'made':>10}{'memory':>10}{'median':>12}{'99 %':>12}{'scan':>14}{'':>9} found")
    for name in CORPORA:
        measure(name, chosen.prompts, chosen.lookups)
    measure_cache(chosen.prompts, chosen.lookups)


if __name__ == "__main__":
    main()
