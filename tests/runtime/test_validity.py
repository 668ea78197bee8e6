"""What one process removes is a miss in every other within a second, memory levels included."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cache_studio.runtime import Cache
from cache_studio.runtime.validity import LOOK_SECONDS

ROOT = Path(__file__).parents[2]
TARGETS = {
    "json-directory": "json-directory:{}/cache",
    "json-file": "json-file:{}/cache.json",
    "multi-level": "multi-level:{}/cache",
    "asset-cache": "asset-cache:{}/cache",
    "sqlite-table": "sqlite-table:{}/cache.db?table=cache",
    "redis": "{}?format=redis&prefix=app:cache:",
    "redis-response": "{}?format=redis-response&prefix=app:cache:",
}
WITHIN = LOOK_SECONDS + 1.0
"""A second, and what a busy machine adds to the way there and back."""
SERVERS = ("redis", "redis-response")
# Does what it is told, one word a line, with the key "a"; answers one line.
HOLDER = """
import sys
from cache_studio.runtime import Cache
with Cache(sys.argv[1], ttl=600, memory=10, compressed=10, recorder=False) as cache:
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "put":
            cache.put(*rest)
        if word == "keep":
            cache.put(*rest, persist=False)
        if word == "remove":
            cache.invalidate(*rest)
        answer = cache.get(*rest[:1], "none") if word == "get" else "done"
        print(answer, flush=True)
"""
pytestmark = [pytest.mark.redis]


class Holder:
    """Another process with the cache open, which holds entries in memory."""

    def __init__(self, target: str) -> None:
        command = [sys.executable, "-c", HOLDER, target]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, *words: str) -> str:
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip()

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


@pytest.fixture(params=TARGETS)
def target(request, tmp_path) -> str:
    place = request.getfixturevalue("redis_url") if request.param in SERVERS else tmp_path
    return TARGETS[request.param].format(place)


@pytest.fixture
def holder(target) -> Iterator[Holder]:
    holder = Holder(target)
    yield holder
    holder.close()


def seconds_until(holder: Holder, **answers: str) -> float:
    """How long it took until the other process gave these answers for these keys."""
    began = time.monotonic()
    while {key: holder("get", key) for key in answers} != answers:
        assert time.monotonic() - began < 10
        time.sleep(0.005)
    return time.monotonic() - began


def test_what_is_removed_or_replaced_is_so_in_another_process_within_a_second(target, holder) -> None:
    with Cache(target, ttl=600, memory=5, recorder=False) as cache:
        for key in "abc":
            holder("put", key, "1")
        holder("keep", "alone", "1")
        seconds_until(holder, a="1", b="1", c="1", alone="1")
        assert cache.get("c") == "1"
        cache.invalidate("a")
        cache.invalidate_pattern("b*")
        cache.put("c", "2")
        assert seconds_until(holder, a="none", b="none", c="2") < WITHIN
        cache.clear()
        assert seconds_until(holder, c="none", alone="1") < WITHIN


@pytest.mark.parametrize("target", ["json-directory", "asset-cache"], indirect=True)
def test_what_a_user_clears_by_a_command_is_a_miss_too(target, holder) -> None:
    holder("put", "a", "1")
    assert holder("get", "a") == "1"
    command = [sys.executable, "-m", "cache_studio", "clear", target, "--yes"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert seconds_until(holder, a="none") < WITHIN
