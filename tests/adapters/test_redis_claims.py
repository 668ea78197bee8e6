"""Who loads a key, agreed between doors and processes."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import redis
from contract import listing
from patience import PATIENCE
from redis_caches import application, attached

from cache_studio.adapters.key_access import Held, KeyAccess
from cache_studio.adapters.redis_claims import markers_outside
from cache_studio.adapters.registry import get_format
from cache_studio.model.errors import CacheUnavailable
from cache_studio.model.options import read_options
from cache_studio.model.targets import parse_target

pytestmark = pytest.mark.redis


def door(url: str, name: str) -> KeyAccess:
    """The door to a URL."""
    target, found = parse_target(url), get_format(name)
    return found.access_class().open(target, read_options(found.options, target.options))


@pytest.fixture(params=["redis", "redis-response"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def access(redis_url: str, name: str) -> Iterator[KeyAccess]:
    with closing(door(f"{redis_url}?prefix=app:cache:", name)) as access:
        yield access


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with application(redis_url) as client:
        yield client


def test_the_first_one_loads_and_the_others_hear_who(access: KeyAccess) -> None:
    assert access.claim("key", "ns", "one", 60) == "one"
    assert access.claim("key", "ns", "two", 60) == "one"
    assert access.claim("key", "other", "two", 60) == "two"
    assert access.claim("key", "", "two", 60) == "two"
    access.release("key", "ns", "one")
    assert access.claim("key", "ns", "three", 60) == "three"


def test_only_the_own_claim_is_ended(access: KeyAccess) -> None:
    access.claim("key", "", "one", 60)
    access.release("key", "", "two")
    assert access.claim("key", "", "three", 60) == "one"
    access.release("key", "", "one")
    access.release("key", "", "one")
    assert access.claim("key", "", "three", 60) == "three"


def test_a_claim_ends_by_itself(access: KeyAccess) -> None:
    access.claim("key", "", "one", 0.05)
    deadline = time.monotonic() + PATIENCE
    while access.claim("key", "", "two", 60) != "two":
        assert time.monotonic() < deadline


def test_a_problem_is_told_to_those_who_wait_and_then_forgotten(access: KeyAccess, client: redis.Redis) -> None:
    access.claim("key", "", "one", 60)
    access.release("key", "", "one", "ValueError: no \udcff answer" + "x" * 5000)
    said = access.problem("key", "", "one")
    assert said.startswith("ValueError: no ? answer")
    assert len(said) <= 2000
    assert access.problem("key", "", "two") == access.problem("other", "", "one") == ""
    (left,) = client.keys()
    assert 0 < client.pttl(left) <= 5000


def test_markers_are_no_entries(access: KeyAccess, client: redis.Redis, name: str, redis_url: str) -> None:
    access.put("key", Held(b"{}", time.time(), time.time() + 60))
    stored = client.dbsize()
    access.claim("key", "", "one", 60)
    access.claim("key", "ns", "one", 60)
    access.release("key", "", "one", "a problem")
    assert client.dbsize() > stored
    assert [known.key for known in access.known()] == ["key"]
    with attached(f"{redis_url}?prefix=app:cache:", name) as adapter:
        assert [row.key for row in listing(adapter).values()] == ["app:cache:key"]
    assert access.delete_like("*") == 1
    assert access.claim("key", "ns", "two", 60) == "one"


def test_markers_lie_where_the_original_application_has_them(redis_url: str, client: redis.Redis) -> None:
    with closing(door(redis_url, "redis-response")) as access:
        access.claim("a" * 64, "", "one", 60)
        assert client.get(f"luciddreamer:cache:processing:{'a' * 64}") == b"one"
        assert 59_000 < client.pttl(f"luciddreamer:cache:processing:{'a' * 64}") <= 60_000


def test_markers_lie_outside_of_a_prefix() -> None:
    assert markers_outside("app:cache:") == "app:processing:cache:"
    assert markers_outside("app:") == "processing:app:"
    assert markers_outside("app") == "processing:app:"
    assert markers_outside("") == "processing:"


def test_without_a_prefix_markers_are_not_listed_either(redis_url: str) -> None:
    with closing(door(redis_url, "redis")) as access:
        access.claim("key", "", "one", 60)
        access.put("key", Held(b"{}", time.time()))
        assert [known.key for known in access.known()] == ["key"]
        assert access.delete_like("*") == 1
        assert access.claim("key", "", "two", 60) == "one"


def test_a_key_of_somebody_else_in_the_place_of_a_marker(access: KeyAccess, client: redis.Redis, name: str) -> None:
    marker = "app:cache:processing:key" if name == "redis-response" else "app:processing:cache:key"
    client.rpush(marker, "x")
    with pytest.raises(CacheUnavailable):
        access.claim("key", "", "one", 60)
    access.release("key", "", "one")
    assert client.exists(marker)


CLAIMING = """
import sys
from cache_studio.adapters.registry import get_format
from cache_studio.model.options import read_options
from cache_studio.model.targets import parse_target
target, found, token = parse_target(sys.argv[1]), get_format(sys.argv[2]), sys.argv[3]
access = found.access_class().open(target, read_options(found.options, target.options))
print("ready", flush=True)
sys.stdin.readline()
print("loads" if access.claim("key", "", token, 60) == token else "waits", flush=True)
sys.stdin.readline()
access.release("key", "", token)
access.close()
"""


def test_of_several_processes_one_loads(redis_url: str, name: str) -> None:
    url = f"{redis_url}?prefix=app:cache:"
    with ExitStack() as stack:
        processes = []
        for number in range(3):
            words = [sys.executable, "-c", CLAIMING, url, name, f"token{number}"]
            process = stack.enter_context(
                subprocess.Popen(
                    words, cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            stack.callback(process.kill)
            processes.append(process)
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        assert sorted(process.stdout.readline() for process in processes) == ["loads\n", *["waits\n"] * 2]
        for process in processes:
            process.communicate("end\n", timeout=20)
            assert process.returncode == 0
    with closing(door(url, name)) as access:
        assert access.claim("key", "", "mine", 60) == "mine"
