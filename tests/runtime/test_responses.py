"""The response cache (S5) on a real server: two processes, a server that dies, one that hangs."""

import asyncio
import json
import subprocess
import sys
import threading
import time

import pytest
import redis
from patience import PATIENCE
from servers import RedisServer

from cache_studio.model.errors import BadRequest, LoadFailed
from cache_studio.runtime.request_metrics import metrics_from
from cache_studio.runtime.requests import request_key
from cache_studio.runtime.responses import ResponseCache

QUESTION = {
    "messages": [{"role": "user", "content": "Wie spät ist es?"}],
    "temperature": 0.5,
    "top_p": 1.0,
    "max_tokens": 100,
}
ANSWER = {
    "content": "Zwölf.",
    "request_id": "request-1",
    "provider_used": "openai",
    "processing_time_ms": 1200.0,
    "cost_usd": 0.02,
}


def question(text):
    return {**QUESTION, "messages": [{"role": "user", "content": text}]}


def answer(number, provider="openai", ms=1000.0, cost=0.01):
    return {
        "content": str(number),
        "request_id": f"r{number}",
        "provider_used": provider,
        "processing_time_ms": ms,
        "cost_usd": cost,
    }


@pytest.fixture
def server():
    with RedisServer() as running:
        yield running


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in ("REDIS_URL", "REDIS_MAX_CONNECTIONS", "CACHE_DEFAULT_TTL", "METRICS_TTL"):
        monkeypatch.delenv(name, raising=False)


# Configuration ----------------------------------------------------------------------------------------------------


def test_variables_configure_it_and_arguments_win(redis_url, monkeypatch):
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("CACHE_DEFAULT_TTL", "120")
    monkeypatch.setenv("METRICS_TTL", "30m")
    monkeypatch.setenv("REDIS_MAX_CONNECTIONS", "3")

    async def scenario():
        async with ResponseCache() as cache:
            await cache.store(QUESTION, ANSWER)
            await asyncio.gather(*(cache.get(question(str(i))) for i in range(50)))
            await cache.store(question("short"), answer(2), ttl="5s")
        async with ResponseCache(ttl="10m", prefix="app:cache:") as other:
            await other.store(QUESTION, ANSWER)

    asyncio.run(scenario())
    client = redis.Redis.from_url(redis_url)
    key = request_key(QUESTION)
    assert 110 < client.ttl(f"luciddreamer:cache:{key}") <= 120
    assert client.ttl(f"luciddreamer:cache:{request_key(question('short'))}") <= 5
    assert 1700 < client.ttl("luciddreamer:metrics:request-1") <= 1800
    assert 590 < client.ttl(f"app:cache:{key}") <= 600
    assert 1700 < client.ttl("app:metrics:request-1") <= 1800
    client.close()


def test_never_more_connections_than_allowed(server):
    async def scenario():
        async with ResponseCache(server.url, max_connections=3, recorder=False) as cache:
            await asyncio.gather(*(cache.get(question(str(i))) for i in range(200)))
            with redis.Redis.from_url(server.url) as client:
                return len(client.client_list()) - 1

    # One more is for figures.
    assert 2 <= asyncio.run(scenario()) <= 4


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("REDIS_URL", "http://example.org"),
        ("REDIS_URL", "redis://localhost/eleven"),
        ("REDIS_URL", "redis://localhost:port"),
        ("CACHE_DEFAULT_TTL", "soon"),
        ("CACHE_DEFAULT_TTL", "0"),
        ("CACHE_DEFAULT_TTL", "-5"),
        ("METRICS_TTL", "nan"),
        ("REDIS_MAX_CONNECTIONS", "many"),
        ("REDIS_MAX_CONNECTIONS", "0"),
        ("REDIS_MAX_CONNECTIONS", "1.5"),
    ],
)
def test_a_bad_variable_is_named(variable, value, monkeypatch):
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadRequest, match=variable):
        ResponseCache()


@pytest.mark.parametrize("wrong", [{"ttl": 0}, {"ttl": "x"}, {"metrics_ttl": -1}, {"max_connections": 0}, {"url": "x"}])
def test_a_bad_argument_is_named(wrong):
    with pytest.raises(BadRequest, match=next(iter(wrong))):
        ResponseCache(**wrong)


def test_a_password_is_in_no_message():
    with pytest.raises(BadRequest) as caught:
        ResponseCache("redis://user:secret@localhost/eleven")
    assert "secret" not in str(caught.value)


# Entries ----------------------------------------------------------------------------------------------------------


def test_stores_what_the_original_application_reads(redis_url):
    async def scenario():
        async with ResponseCache(redis_url) as cache:
            assert await cache.get(QUESTION) is None
            await cache.store(QUESTION, ANSWER)
            return await cache.get({**QUESTION, "request_id": "another"})

    assert asyncio.run(scenario()) == ANSWER
    client = redis.Redis.from_url(redis_url, decode_responses=True)
    name = f"luciddreamer:cache:{request_key(QUESTION)}"
    assert json.loads(client.get(name)) == ANSWER
    meta = json.loads(client.get(f"{name}:meta"))
    assert list(meta) == ["request_id", "provider_used", "cached_at", "ttl_seconds"]
    assert (meta["request_id"], meta["provider_used"], meta["ttl_seconds"]) == ("request-1", "openai", 3600)
    assert abs(client.pttl(name) - client.pttl(f"{name}:meta")) < 1000
    client.close()


def test_invalidates_by_pattern_and_by_provider(redis_url):
    async def scenario():
        async with ResponseCache(redis_url) as cache:
            for i in range(6):
                await cache.store(question(str(i)), answer(i, "openai" if i % 2 else "local"))
            first = cache.key(question("0"))
            assert await cache.invalidate(f"{first[:20]}*") == 1
            assert await cache.get(question("0")) is None
            assert await cache.cache.invalidate_tags("openai") == 3
            assert await cache.invalidate() == 2
            assert (await cache.cleanup()).entries == 0
            assert await cache.invalidate("nothing*") == 0

    asyncio.run(scenario())


def test_nothing_is_asked_before_it_is_connected(redis_url):
    async def scenario():
        cache = ResponseCache(redis_url)
        for call in (cache.get(QUESTION), cache.store(QUESTION, ANSWER), cache.stats(), cache.metrics()):
            with pytest.raises(BadRequest, match="not connected"):
                await call
        assert await cache.connect()
        assert await cache.connect()
        await cache.store(QUESTION, ANSWER)
        await cache.disconnect()
        await cache.disconnect()
        await cache.connect()
        assert await cache.get(QUESTION) == ANSWER
        await cache.disconnect()

    asyncio.run(scenario())


@pytest.mark.parametrize("wrong", [object(), float("nan"), {"content": b"bytes"}])
def test_a_response_that_json_does_not_hold_is_refused(redis_url, wrong):
    async def scenario():
        async with ResponseCache(redis_url) as cache:
            await cache.store(QUESTION, ANSWER)
            with pytest.raises(BadRequest):
                await cache.store(QUESTION, wrong)
            assert await cache.get(QUESTION) == ANSWER

    asyncio.run(scenario())


# One loader -------------------------------------------------------------------------------------------------------


def test_coroutines_that_ask_the_same_share_one_loader(redis_url):
    calls = []

    async def load():
        calls.append(1)
        await asyncio.sleep(0.05)
        return ANSWER

    async def scenario():
        async with ResponseCache(redis_url) as cache:
            return await asyncio.gather(*(cache.get_or_load(QUESTION, load) for _ in range(50)))

    assert asyncio.run(scenario()) == [ANSWER] * 50
    assert calls == [1]


def test_threads_with_event_loops_of_their_own_share_one_loader(redis_url):
    calls, answers, together = [], [], threading.Barrier(4)

    async def load():
        calls.append(1)
        await asyncio.sleep(0.2)
        return ANSWER

    async def scenario():
        async with ResponseCache(redis_url) as cache:
            together.wait(10)
            answers.append(await cache.get_or_load(QUESTION, load))

    threads = [threading.Thread(target=lambda: asyncio.run(scenario())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [ANSWER] * 4
    assert calls == [1]


def test_what_a_loader_raises_reaches_all_and_is_not_kept(redis_url):
    calls = []

    async def fail():
        calls.append(1)
        await asyncio.sleep(0.05)
        raise KeyError("no such model")

    async def scenario():
        async with ResponseCache(redis_url) as cache:
            found = await asyncio.gather(*(cache.get_or_load(QUESTION, fail) for _ in range(5)), return_exceptions=True)
            assert await cache.get(QUESTION) is None
            assert await cache.get_or_load(QUESTION, lambda: ANSWER) == ANSWER
            return found

    found = asyncio.run(scenario())
    assert calls == [1]
    assert all(error is found[0] for error in found)
    assert isinstance(found[0], KeyError)


# In another process: says when its loader runs, then waits for a line to answer, to raise, or to be killed.
_HOLDER = """
import asyncio, json, sys
from cache_studio.runtime.responses import ResponseCache

async def load():
    print("loading", flush=True)
    line = await asyncio.to_thread(sys.stdin.readline)
    if line.startswith("raise"):
        raise ValueError("the provider is on fire")
    return json.loads(line)

async def main():
    async with ResponseCache(sys.argv[1], recorder=False) as cache:
        try:
            await cache.get_or_load(json.loads(sys.argv[2]), load)
        except ValueError:
            print("raised", flush=True)

asyncio.run(main())
"""


@pytest.fixture
def holder(redis_url):
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, redis_url, json.dumps(QUESTION)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "loading\n"
        yield process
        process.kill()


def claims_asked_for(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        return client.info("commandstats").get("cmdstat_set", {"calls": 0})["calls"]


def waited_for(redis_url, holder, line):
    """What this process gets for the question while the other one loads it, which then reads `line`."""

    async def never():
        raise AssertionError("loaded twice")

    async def scenario():
        async with ResponseCache(redis_url) as cache:
            waiting = asyncio.create_task(cache.get_or_load(QUESTION, never))
            deadline = time.monotonic() + PATIENCE
            while claims_asked_for(redis_url) < 2:
                assert not waiting.done()
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)
            holder.stdin.write(line)
            holder.stdin.flush()
            return await waiting

    return asyncio.run(scenario())


def test_another_process_waits_and_gets_the_answer(redis_url, holder):
    assert waited_for(redis_url, holder, json.dumps(ANSWER) + "\n") == ANSWER


def test_another_process_gets_the_text_of_the_error(redis_url, holder):
    with pytest.raises(LoadFailed, match="the provider is on fire"):
        waited_for(redis_url, holder, "raise\n")


def test_a_holder_that_was_killed_blocks_only_until_its_marker_ends(redis_url, holder):
    holder.kill()
    holder.wait()
    with redis.Redis.from_url(redis_url) as client:
        (marker,) = client.keys("luciddreamer:cache:processing:*")
        assert 55_000 < client.pttl(marker) <= 60_000
        client.pexpire(marker, 300)

    async def scenario():
        async with ResponseCache(redis_url) as cache:
            return await cache.get_or_load(QUESTION, lambda: ANSWER)

    assert asyncio.run(scenario()) == ANSWER


# A server that is away --------------------------------------------------------------------------------------------


def test_a_server_killed_in_the_middle_costs_misses_until_it_is_back(server, expect_log):
    expect_log("Going on without it")
    expect_log("No response was invalidated")
    expect_log("No response was cleaned up")

    async def scenario():
        async with ResponseCache(server.url) as cache:
            await cache.store(QUESTION, ANSWER)
            server.kill()
            for _ in range(10):
                assert await cache.get(QUESTION) is None
            await cache.store(QUESTION, ANSWER)
            assert await cache.get_or_load(QUESTION, lambda: ANSWER) == ANSWER
            assert await cache.invalidate() == 0
            assert (await cache.cleanup()).entries == 0
            assert (await cache.metrics()).rows == ()
            stats = await cache.stats()
            assert (stats.cached_responses, stats.total_keys, stats.memory) == (None, None, None)
            assert (stats.hits, stats.lost) == (0, 2)
            for _ in range(200):
                assert await cache.get(QUESTION) is None
            assert (await cache.stats()).lost < 10  # the others were not even tried
            server.start()
            deadline = time.monotonic() + PATIENCE
            while await cache.get(QUESTION) is None:
                assert time.monotonic() < deadline
                await cache.store(QUESTION, ANSWER)
                await asyncio.sleep(0.1)

    asyncio.run(scenario())


def test_it_connects_to_no_server_and_says_so(server):
    server.kill()

    async def scenario():
        cache = ResponseCache(server.url)
        assert not await cache.connect()
        assert await cache.get(QUESTION) is None
        await cache.disconnect()

    asyncio.run(scenario())


def test_a_frozen_server_is_a_miss_within_the_timeout(server):
    async def scenario():
        async with ResponseCache(server.url, timeout=0.3, recorder=False) as cache:
            await cache.store(QUESTION, ANSWER)
            server.pause()
            try:
                began = time.monotonic()
                assert await cache.get(QUESTION) is None
                assert 0.25 < time.monotonic() - began < PATIENCE
            finally:
                server.resume()
            assert await cache.get(QUESTION) == ANSWER

    asyncio.run(scenario())


# Figures ----------------------------------------------------------------------------------------------------------


def test_metrics_of_the_last_hours_by_provider(redis_url, clock):
    clock.now = time.time() - 5 * 3600

    async def scenario():
        async with ResponseCache(redis_url, ttl="12h", clock=clock) as cache:
            await cache.store(question("old"), answer(0, "openai", 9000, 9))
            clock.advance(5 * 3600)
            for i, ms in enumerate((100, 300, 200), 1):
                await cache.store(question(str(i)), answer(i, "openai", ms, 0.01))
            await cache.store(question("4"), answer(4, "local", 50, 0))
            await cache.store(question("5"), {"content": "no figures"})
            with pytest.raises(BadRequest):
                await cache.metrics(hours=0)
            return await cache.metrics(hours=1), await cache.metrics(hours=6)

    recent, more = asyncio.run(scenario())
    assert [(row.id, row.provider, row.response_time_ms, row.cost_usd) for row in recent.rows] == [
        ("r1", "openai", 100, 0.01),
        ("r2", "openai", 300, 0.01),
        ("r3", "openai", 200, 0.01),
        ("r4", "local", 50, 0),
    ]
    assert abs(recent.rows[0].at - clock.now) < 1
    openai = recent.providers["openai"]
    assert (openai.count, openai.mean_response_time_ms, openai.median_response_time_ms) == (3, 200, 200)
    assert openai.p95_response_time_ms == 300
    assert openai.cost_usd == pytest.approx(0.03)
    assert list(recent.providers) == ["local", "openai"]
    assert (recent.total.count, more.total.count, more.rows[0].id) == (4, 5, "r0")


def test_no_figures_are_unknown_not_zero():
    nothing = metrics_from([])
    assert (nothing.total.count, nothing.total.mean_response_time_ms, nothing.total.cost_usd) == (0, None, None)
    assert (nothing.seconds_saved(5), nothing.money_saved(5)) == (None, None)


def test_statistics_are_those_of_a_scripted_workload(redis_url):
    async def scenario():
        async with ResponseCache(redis_url) as cache:
            assert (await cache.stats()).hit_rate is None
            for i in range(3):
                assert await cache.get(question(str(i))) is None
                await cache.store(question(str(i)), answer(i, ms=2000, cost=0.5))
            low = await cache.stats()
            for _ in range(2):
                assert await cache.get(question("0")) is not None
            rising = await cache.stats()
            for _ in range(2):
                assert await cache.get_or_load(question("1"), lambda: None) is not None
            return low, rising, await cache.stats()

    low, rising, high = asyncio.run(scenario())
    assert (low.hits, low.misses, low.hit_rate) == (0, 3, 0)
    assert low.warning == "The hit rate is 0%, below 50%: consider a longer TTL than 3600 s."
    assert (rising.hits, rising.hit_rate) == (2, 0.4)
    assert "consider a longer TTL" in rising.warning
    assert (high.hits, high.misses, high.warning) == (4, 3, "")
    assert high.cached_responses == 3
    assert high.seconds_saved == pytest.approx(4 * 2)
    assert high.money_saved == pytest.approx(4 * 0.5)
    # Three entries with twins, three requests with their index; the recorder's keys come beside them.
    assert high.total_keys >= 10
    assert high.memory > 100_000
    assert high.cache.counted.hits == 4
