"""`@cached` answers what a function answered before for the same arguments."""

import asyncio
from functools import partial

import pytest

from cache_studio.model.errors import BadRequest
from cache_studio.runtime import AsyncCache, Cache, cached


@pytest.fixture
def cache(clock):
    with Cache("memory:decorated", ttl=60, clock=clock, recorder=False) as cache:
        yield cache


def test_runs_once_for_the_same_arguments(cache, clock) -> None:
    calls = []

    @cached(cache, ttl=10, tags=["sums"])
    def add(one, other=1):
        """Sum."""
        calls.append((one, other))
        return one + other

    assert [add(1), add(1), add(1, other=2), add(1, other=2)] == [2, 2, 3, 3]
    assert calls == [(1, 1), (1, 2)]
    assert (add.__name__, add.__doc__) == ("add", "Sum.")
    clock.advance(11)
    assert add(1) == 2
    assert len(calls) == 3
    assert cache.invalidate_tags("sums") == 2


def test_one_call_can_be_invalidated(cache) -> None:
    calls = []

    @cached(cache, namespace="n")
    def function(text):
        calls.append(text)
        return text

    assert [function("a"), function("b")] == ["a", "b"]
    assert function.invalidate("a")
    assert not function.invalidate("a")
    assert [function("a"), function("b")] == ["a", "b"]
    assert calls == ["a", "b", "a"]
    assert cache.get(function.key_of("a"), namespace="n") == "a"


def test_what_is_raised_is_not_kept(cache) -> None:
    calls = []

    @cached(cache)
    def fail():
        calls.append(1)
        raise LookupError

    for _ in range(2):
        with pytest.raises(LookupError):
            fail()
    assert len(calls) == 2


def test_functions_do_not_answer_for_each_other(cache) -> None:
    def lower(text):
        return text.lower()

    one, other = cached(cache)(lower), cached(cache)(str.upper)
    assert (one("a"), other("a")) == ("a", "A")
    for nameless in (lambda text: text, partial(lower, "a")):
        with pytest.raises(BadRequest, match="name"):
            cached(cache)(nameless)


@pytest.mark.parametrize(("one", "other"), [({1: 0}, {"1": 0}), ([{None: 0}], [{"null": 0}]), (object(), object())])
def test_arguments_that_json_does_not_tell_apart_are_refused(cache, one, other) -> None:
    function = cached(cache)(ascii)
    with pytest.raises(BadRequest):
        function(one)
    own = cached(cache, key=lambda value: f"own:{value!r}")(lambda value: repr(value))
    assert (own(one), own(other)) == (repr(one), repr(other))


def test_a_coroutine_function_needs_a_cache_of_coroutines(cache) -> None:
    async def later():
        return 1

    with pytest.raises(BadRequest):
        cached(cache)(later)
    with pytest.raises(BadRequest):
        cached(AsyncCache("memory:later"))(len)


def test_coroutine_functions() -> None:
    async def main() -> None:
        async with AsyncCache("memory:later", recorder=False) as cache:
            calls = []

            @cached(cache)
            async def double(number):
                calls.append(number)
                await asyncio.sleep(0)
                return 2 * number

            assert await asyncio.gather(*(double(2) for _ in range(10))) == [4] * 10
            assert await double.invalidate(2)
            assert await double(2) == 4
            assert calls == [2, 2]

    asyncio.run(main())
