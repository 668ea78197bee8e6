import threading
from concurrent.futures import CancelledError

import pytest

from cache_studio.model.errors import CacheUnavailable, Cancelled
from cache_studio.services.worker import Worker


@pytest.fixture
def ended():
    return threading.Event()


@pytest.fixture
def worker(ended):
    made = Worker("worker under test", lambda: None, ended.set)
    made.start()
    yield made
    assert made.close()
    assert ended.is_set()


def counting(to, log):
    done = 0
    try:
        while done < to:
            done += 1
            yield done
    except Cancelled:
        log.append("stopped")
    return done


def test_calls_answer_in_order_on_one_thread(worker):
    futures = [worker.call(lambda: threading.current_thread().name) for _ in range(3)]
    assert {future.result(5) for future in futures} == {"worker under test"}


def test_an_error_reaches_who_asked_and_the_thread_goes_on(worker):
    with pytest.raises(ZeroDivisionError):
        worker.call(lambda: 1 / 0).result(5)
    assert worker.call(lambda: 7).result(5) == 7


def test_a_cancelled_call_is_not_made(worker):
    free, made = threading.Event(), []
    first = worker.call(free.wait)
    second = worker.call(lambda: made.append(1))
    assert second.cancel()
    free.set()
    first.result(5)
    worker.call(lambda: None).result(5)
    assert made == []
    with pytest.raises(CancelledError):
        second.result()


def test_calls_go_between_the_steps_of_long_work(worker):
    order = []

    def long():
        for step in range(3):
            if step == 1:
                worker.call(lambda: order.append("call"))
            order.append(step)
            yield step

    worker.run(long(), lambda step: None).future.result(5)
    assert order == [0, 1, "call", 2]


def test_long_work_settles_when_it_is_stopped(worker):
    log = []
    running = worker.run(counting(10**9, log), lambda done: running_stop.set() if done == 3 else None)
    running_stop = threading.Event()
    assert running_stop.wait(5)
    running.stop()
    assert running.future.result(5) >= 3
    assert log == ["stopped"]


def test_work_stopped_before_it_began_is_cancelled(worker):
    free = threading.Event()
    worker.call(free.wait)
    running = worker.run(counting(3, []), lambda done: None)
    running.stop()
    free.set()
    with pytest.raises(Cancelled):
        running.future.result(5)


def test_the_future_of_long_work_cannot_be_cancelled_away(worker):
    free = threading.Event()
    worker.call(free.wait)
    running = worker.run(counting(3, []), lambda done: None)
    assert not running.future.cancel()
    free.set()
    assert running.future.result(5) == 3


def test_a_listener_that_fails_ends_the_work_and_not_the_thread(worker):
    closed = threading.Event()

    def long():
        try:
            yield 1
        finally:
            closed.set()

    running = worker.run(long(), lambda step: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        running.future.result(5)
    assert closed.is_set()
    assert worker.call(lambda: 7).result(5) == 7


def test_what_waits_at_the_end_is_answered(ended):
    worker, free, log = Worker("ending", lambda: None, ended.set), threading.Event(), []
    worker.start()
    worker.call(free.wait)
    running = worker.run(counting(10**9, log), lambda done: None)
    worker.end()
    free.set()
    assert worker.close()
    with pytest.raises(Cancelled):
        running.future.result(0)
    for late in (worker.call(lambda: 1), worker.run(counting(1, []), lambda done: None).future):
        with pytest.raises(CacheUnavailable, match="detached"):
            late.result(0)


def test_background_work_is_called_when_woken():
    rang = threading.Semaphore(0)

    def background():
        rang.release()

    worker = Worker("background", background, lambda: None)
    worker.start()
    assert rang.acquire(timeout=5)
    worker.wake()
    assert rang.acquire(timeout=5)
    assert worker.close()
