"""The cache of coroutines: the same surface, the same promises, and an event loop that never waits."""

import asyncio
import inspect
import threading
from functools import partial

import pytest

from cache_studio.model.errors import BadRequest, CacheStudioError
from cache_studio.runtime import AsIs, AsyncCache, Cache, RefreshAhead

INNER = {"begin_in_child", "claiming", "is_near", "keep", "look_up", "peek"}
"""What only the cache below has: AsyncCache itself uses it."""


def methods(cls: type) -> dict[str, inspect.Signature]:
    found = inspect.getmembers(cls, inspect.isfunction)
    return {name: inspect.signature(function) for name, function in found if not name.startswith("_")}


def test_has_the_same_methods_with_the_same_parameters() -> None:
    plain, later = methods(Cache), methods(AsyncCache)
    assert set(plain) - INNER == set(later) - {"open"}
    names = {name: list(signature.parameters) for name, signature in plain.items() if name not in INNER}
    assert names == {name: list(later[name].parameters) for name in names}


def opened(tmp_path, **options) -> AsyncCache:
    return AsyncCache(f"multi-level:{tmp_path}/cache", ttl=60, recorder=False, **options)


def test_does_what_a_cache_does(tmp_path) -> None:
    async def main() -> None:
        async with opened(tmp_path, memory=10) as cache:
            await cache.put("a", 1, tags=["red"], namespace="x")
            await cache.put("b", 2)
            assert await cache.get("a", namespace="x") == 1
            assert await cache.get_many(["b", "c"]) == {"b": 2}
            assert await cache.get_first("c", lambda: ["b"]) == ("b", 2)
            assert await cache.invalidate_tags("red") == 1
            assert await cache.invalidate("b")
            await cache.put("op:1", 1)
            assert await cache.invalidate_operation("op") == 1
            assert await cache.invalidate_model("m") == 0
            await cache.put("k", 1, namespace="n")
            assert await cache.invalidate_namespace("n") == 1
            assert (await cache.warm(["x", "y"], later)).loaded == 2
            assert (await cache.evict(to_entries=1)).entries == 1
            assert (await cache.cleanup_expired()).entries == 0
            assert (await cache.stats()).counted.hits == 3
            assert await cache.compact() == 0
            await cache.flush()
            assert (await cache.clear()).entries == 1

    async def later(key: str) -> str:
        await asyncio.sleep(0)
        return key

    asyncio.run(main())


def test_a_hit_in_memory_does_not_leave_the_loop(tmp_path) -> None:
    async def main() -> None:
        async with opened(tmp_path, memory=10) as cache:
            await cache.put("a", 1)
            await cache.get("a")
            step = cache.get("a")
            with pytest.raises(StopIteration) as answer:  # no await in between
                step.send(None)
            assert answer.value.value == 1

    asyncio.run(main())


def test_one_loader_runs_and_all_get_its_answer(tmp_path) -> None:
    async def main() -> None:
        calls = []

        async def load() -> int:
            calls.append(1)
            await asyncio.sleep(0.05)
            return 7

        async with opened(tmp_path) as cache:
            assert await asyncio.gather(*(cache.get_or_load("a", load) for _ in range(100))) == [7] * 100
            assert await cache.get_or_load("a", load) == 7
        assert len(calls) == 1

    asyncio.run(main())


def test_a_loader_may_be_a_function_and_runs_in_a_thread(tmp_path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as cache:
            assert await cache.get_or_load("a", threading.get_ident) != threading.get_ident()

    asyncio.run(main())


def test_everybody_who_waits_gets_the_error_and_nothing_is_cached(tmp_path) -> None:
    async def main() -> None:
        async def fail() -> None:
            await asyncio.sleep(0.02)
            raise RuntimeError("no")

        async with opened(tmp_path) as cache:
            answers = await asyncio.gather(*(cache.get_or_load("a", fail) for _ in range(5)), return_exceptions=True)
            assert [str(answer) for answer in answers] == ["no"] * 5
            assert await cache.get("a") is None

    asyncio.run(main())


@pytest.mark.parametrize("keys", ["a", "ab", "abc"])
def test_loaders_that_wait_for_each_other_are_refused(tmp_path, keys) -> None:
    async def main() -> None:
        async with opened(tmp_path) as cache:

            async def load(position: int) -> object:
                following = (position + 1) % len(keys)
                await asyncio.sleep(0.01)
                return await asyncio.create_task(cache.get_or_load(keys[following], partial(load, following)))

            async with asyncio.timeout(10):
                answers = await asyncio.gather(
                    *(cache.get_or_load(key, partial(load, at)) for at, key in enumerate(keys)), return_exceptions=True
                )
            assert all(isinstance(answer, BadRequest) for answer in answers)

    asyncio.run(main())


def test_loaders_that_share_a_third_one_do_not_hinder_each_other(tmp_path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as cache:

            async def shared() -> int:
                await asyncio.sleep(0.02)
                return 1

            async def load() -> int:
                return 1 + await cache.get_or_load("shared", shared)

            assert await asyncio.gather(*(cache.get_or_load(key, load) for key in "abc")) == [2, 2, 2]

    asyncio.run(main())


def test_who_is_cancelled_does_not_end_what_others_wait_for(tmp_path) -> None:
    async def main() -> None:
        go = asyncio.Event()

        async def load() -> int:
            await go.wait()
            return 7

        async with opened(tmp_path) as cache:
            first = asyncio.create_task(cache.get_or_load("a", load))
            await asyncio.sleep(0.05)
            second = asyncio.create_task(cache.get_or_load("a", load))
            await asyncio.sleep(0.05)
            first.cancel()
            go.set()
            assert await second == 7
            assert first.cancelled()
            assert await cache.get("a") == 7

    asyncio.run(main())


def test_is_opened_once_by_two_at_a_time(tmp_path) -> None:
    async def main() -> None:
        cache = opened(tmp_path)
        await asyncio.gather(cache.open(), cache.open())
        below = cache.cache
        await cache.open()
        assert cache.cache is below
        await cache.close()
        await cache.close()

    asyncio.run(main())


def test_answers_with_a_sentence_before_it_is_open_and_after_it_was_closed(tmp_path) -> None:
    async def main() -> None:
        cache = opened(tmp_path)
        with pytest.raises(BadRequest, match="not open"):
            await cache.get("a")
        async with cache:
            pass
        with pytest.raises(BadRequest, match="not open"):
            await cache.put("a", 1)

    asyncio.run(main())


def test_what_cannot_be_opened_leaves_no_thread(tmp_path) -> None:
    (tmp_path / "cache").write_text("a file")

    async def main() -> None:
        with pytest.raises(CacheStudioError):
            await opened(tmp_path).open()

    asyncio.run(main())


def test_closing_waits_for_what_is_being_loaded(tmp_path) -> None:
    async def main() -> None:
        async def load() -> int:
            await asyncio.sleep(0.05)
            return 7

        cache = await opened(tmp_path).open()
        task = asyncio.create_task(cache.get_or_load("a", load))
        while not cache._loads:
            await asyncio.sleep(0.001)
        await cache.close()
        assert await task == 7

    asyncio.run(main())
    with Cache(f"multi-level:{tmp_path}/cache", recorder=False) as cache:
        assert cache.get("a") == 7


def test_a_miss_of_a_strategy_that_loads_runs_in_a_thread() -> None:
    async def main() -> None:
        loader = RefreshAhead(lambda key: threading.get_ident())
        async with AsyncCache("memory:later", strategy=loader, serializer=AsIs(), recorder=False) as cache:
            assert await cache.get("a") != threading.get_ident()

    asyncio.run(main())
