import logging
import threading
import time

import pytest
from patience import PATIENCE
from servers import RedisServer

from cache_studio.adapters.key_access import Held, KeyAccess
from cache_studio.adapters.redis_keys import FORMAT
from cache_studio.model.errors import BadRequest, CacheUnavailable
from cache_studio.model.options import read_options
from cache_studio.model.targets import parse_target
from cache_studio.runtime.breaker import Breaker, Degrading, State


class Server:
    """Answers or does not, and counts what reached it."""

    def __init__(self):
        self.asked = 0
        self.away = True

    def __call__(self):
        self.asked += 1
        if self.away:
            raise CacheUnavailable("No server.")
        return "answer"


def fail(breaker, server, times):
    for _ in range(times):
        with pytest.raises(CacheUnavailable):
            breaker.call(server)


def test_opens_after_failures_in_a_row_and_then_asks_nothing(clock, expect_log):
    expect_log("No server. Going on without it; asking again every 5 s.")
    breaker, server = Breaker(3, 5, clock), Server()
    fail(breaker, server, 2)
    assert breaker.state is State.CLOSED
    fail(breaker, server, 5)
    assert breaker.state is State.OPEN
    assert server.asked == 3


def test_one_success_in_between_forgives(clock):
    breaker, server = Breaker(3, 5, clock), Server()
    fail(breaker, server, 2)
    server.away = False
    assert breaker.call(server) == "answer"
    server.away = True
    fail(breaker, server, 2)
    assert breaker.state is State.CLOSED


def test_one_try_after_the_rest_closes_it_or_begins_another_rest(clock, expect_log, caplog):
    expect_log("Going on without it")
    caplog.set_level(logging.INFO)
    breaker, server = Breaker(1, 5, clock), Server()
    fail(breaker, server, 1)
    clock.advance(5)
    fail(breaker, server, 3)
    assert server.asked == 2
    clock.advance(5)
    server.away = False
    assert breaker.call(server) == "answer"
    assert breaker.state is State.CLOSED
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_only_one_thread_tries_while_it_is_half_open(clock, expect_log):
    expect_log("Going on without it")
    breaker, server = Breaker(1, 5, clock), Server()
    fail(breaker, server, 1)
    clock.advance(5)
    begun, go_on = threading.Event(), threading.Event()

    def slow():
        begun.set()
        assert go_on.wait(10)
        return "back"

    answers = []
    trial = threading.Thread(target=lambda: answers.append(breaker.call(slow)))
    trial.start()
    assert begun.wait(10)
    assert breaker.state is State.HALF_OPEN
    fail(breaker, server, 3)
    go_on.set()
    trial.join()
    assert answers == ["back"]
    assert server.asked == 1
    assert breaker.state is State.CLOSED


def test_a_trial_that_proved_nothing_leaves_the_next_one_free(clock, expect_log):
    expect_log("Going on without it")
    breaker, server = Breaker(1, 5, clock), Server()
    fail(breaker, server, 1)
    clock.advance(5)
    with pytest.raises(BadRequest):
        breaker.call(refuse)
    server.away = False
    assert breaker.call(server) == "answer"


def refuse():
    raise BadRequest("The value cannot be stored.")


def test_a_late_answer_of_an_earlier_call_does_not_close_it(clock, expect_log):
    expect_log("Going on without it")
    breaker, server = Breaker(2, 5, clock), Server()
    fail(breaker, server, 1)

    def slow():
        fail(breaker, server, 1)
        return "late"

    assert breaker.call(slow) == "late"
    assert breaker.state is State.OPEN


@pytest.mark.parametrize("wrong", [{"failures": 0}, {"rest": -1}, {"rest": float("nan")}])
def test_refuses_what_makes_no_sense(wrong):
    with pytest.raises(BadRequest):
        Breaker(**wrong)


@pytest.fixture
def server():
    with RedisServer() as running:
        yield running


@pytest.fixture
def guarded(server, clock):
    target = parse_target(f"{server.url}?prefix=app:cache:&timeout=200ms")
    door = Degrading(
        FORMAT.access_class().open(target, read_options(FORMAT.options, target.options)), Breaker(2, 5, clock)
    )
    yield door
    door.close()


def test_passes_everything_on_while_the_server_is_there(guarded):
    guarded.put("a", Held(b"1", 0))
    guarded.put("b", Held(b"2", 0))
    assert guarded.get("a").value == b"1"
    assert sorted(guarded.get_many(["a", "b", "c"])) == ["a", "b"]
    assert guarded.holds("a")
    assert sorted(entry.key for entry in guarded.known()) == ["a", "b"]
    assert guarded.delete("a")
    assert guarded.delete_like("b*") == 1
    assert guarded.lost == 0
    assert not guarded.away
    assert guarded.level == "redis"


def test_a_dead_server_costs_misses_and_removals_say_so(guarded, server, clock, expect_log):
    expect_log("Going on without it")
    guarded.put("a", Held(b"1", 0))
    server.kill()
    assert guarded.get("a") is None
    assert guarded.get_many(["a"]) == {}
    assert not guarded.holds("a")
    guarded.put("a", Held(b"2", 0))
    guarded.touch("a", "", 1)
    guarded.flush()
    assert guarded.claim("a", "", "mine", 60) == "mine"
    guarded.release("a", "", "mine")
    assert guarded.problem("a", "", "other") == ""
    assert guarded.lost == 1
    assert guarded.away
    removals = [
        lambda: guarded.delete("a"),
        lambda: guarded.discard("a", Held(b"1", 0)),
        lambda: guarded.delete_many([("", "a")]),
        lambda: guarded.delete_like("*"),
        lambda: guarded.discard_stale(0),
        lambda: list(guarded.known()),
        lambda: guarded.compact(),
    ]
    for remove in removals:
        with pytest.raises(CacheUnavailable):
            remove()
    server.start()
    assert guarded.get("a") is None
    clock.advance(5)
    guarded.put("a", Held(b"3", 0))
    assert guarded.get("a").value == b"3"
    assert not guarded.away


def test_a_frozen_server_is_waited_for_twice_and_then_no_more(guarded, server, expect_log):
    expect_log("does not answer")
    server.pause()
    try:
        for _ in range(2):
            began = time.monotonic()
            assert guarded.get("a") is None
            assert time.monotonic() - began < PATIENCE
        began = time.monotonic()
        for _ in range(1000):
            assert guarded.get("a") is None
        assert time.monotonic() - began < PATIENCE  # each would have waited for the server's time limit
    finally:
        server.resume()


def test_a_value_that_cannot_be_stored_is_still_refused(guarded):
    def refused(key, held, namespace):
        raise BadRequest("No.")

    guarded.guarded.put = refused
    with pytest.raises(BadRequest):
        guarded.put("a", Held(b"1", 0))
    assert guarded.lost == 0


def test_nothing_of_a_door_goes_past_the_guard():
    assert {name for name in vars(KeyAccess) if not name.startswith("_")} <= {
        *vars(Degrading),
        "level",
        "claims",
        "keeps_last_moment",
        "listed_as",  # asks no server: the guarded door's own
    }
