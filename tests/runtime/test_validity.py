"""What one process removes is a miss in every other within a second, memory levels included."""

import time
from collections.abc import Iterator

import pytest
from applications import OURS, Application, running
from commands import runner
from patience import PATIENCE

from cache_studio.runtime import Cache
from cache_studio.runtime.validity import LOOK_SECONDS

TARGETS = {
    "json-directory": "json-directory:{}/cache",
    "json-file": "json-file:{}/cache.json",
    "multi-level": "multi-level:{}/cache",
    "asset-cache": "asset-cache:{}/cache",
    "sqlite-table": "sqlite-table:{}/cache.db?table=cache",
    "redis": "{}?format=redis&prefix=app:cache:",
    "redis-response": "{}?format=redis-response&prefix=app:cache:",
}
SERVERS = ("redis", "redis-response")
pytestmark = [pytest.mark.redis]


@pytest.fixture(params=TARGETS)
def target(request, tmp_path) -> str:
    place = request.getfixturevalue("redis_url") if request.param in SERVERS else tmp_path
    return TARGETS[request.param].format(place)


@pytest.fixture
def holder(target) -> Iterator[Application]:
    """Another process with the cache open, which holds entries in memory."""
    with running("holder_program", OURS) as holder:
        holder.call("open", target)
        yield holder
        holder.call("close")


def wait_for(holder: Application, **answers: str | None) -> None:
    """Wait until the other process gives these answers for these keys."""
    began = time.monotonic()
    while {key: holder.call("get", key) for key in answers} != answers:
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.005)


def test_what_is_removed_or_replaced_is_so_in_another_process_within_a_second(target, holder) -> None:
    assert LOOK_SECONDS <= 1
    with Cache(target, ttl=600, memory=5, recorder=False) as cache:
        for key in "abc":
            holder.call("put", key, "1")
        holder.call("keep", "alone", "1")
        wait_for(holder, a="1", b="1", c="1", alone="1")
        assert cache.get("c") == "1"
        cache.invalidate("a")
        cache.invalidate_pattern("b*")
        cache.put("c", "2")
        wait_for(holder, a=None, b=None, c="2")
        cache.clear()
        wait_for(holder, c=None, alone="1")


@pytest.mark.parametrize("target", ["json-directory", "asset-cache"], indirect=True)
def test_what_a_user_clears_by_a_command_is_a_miss_too(target, holder, monkeypatch) -> None:
    holder.call("put", "a", "1")
    assert holder.call("get", "a") == "1"
    done = runner(monkeypatch)("clear", target, "--yes")
    assert done.code == 0, done.err
    wait_for(holder, a=None)
