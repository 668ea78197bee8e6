"""A function in a child: results, errors, limits, stopping, and nothing left behind."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from patience import PATIENCE

from cache_studio import isolation
from cache_studio.isolation import Limits, Worker, parent
from cache_studio.model.errors import Cancelled, EntryNotFound, LimitExceeded

HERE = "tests.isolation.isolated_functions:"


@pytest.fixture(autouse=True)
def tests_may_be_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent, "PREFIXES", ("cache_studio.", "tests."))


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No child, no thread, no file descriptor more than before."""
    threads, handles = threading.active_count(), _open_files()
    children = set(psutil.Process().children())
    yield
    assert set(psutil.Process().children()) <= children
    assert threading.active_count() == threads
    assert _open_files() == handles


def _open_files() -> int:
    return psutil.Process().num_fds() if hasattr(os, "fork") else 0


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.close()


def _wait_until(true: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never became true"
        threading.Event().wait(0.01)


def test_values_cross_both_ways() -> None:
    value = [None, True, -(2**63), 2**64 - 1, 1.5, "k\udcffy \ud800 \x00", b"\x00\xff", {"a": [1], 2: b"", b"x": {}}]
    assert isolation.call(HERE + "echo", value) == value


def test_a_child_keeps_its_memory_as_the_window_does() -> None:
    assert isolation.call(HERE + "rarely_looks_for_rings") is True


def test_a_large_value_crosses() -> None:
    value = b"\x01" * 20_000_000
    assert isolation.call(HERE + "echo", value) == value


def test_a_worker_keeps_its_child(worker: Worker) -> None:
    first = worker.call(HERE + "process_id")
    assert worker.call(HERE + "process_id") == first
    assert first != os.getpid()


def test_an_error_of_the_model_is_raised_again(worker: Worker) -> None:
    child = worker.call(HERE + "process_id")
    with pytest.raises(EntryNotFound) as raised:
        worker.call(HERE + "refuse", "it is gone", "look again")
    assert (raised.value.message, raised.value.hint) == ("it is gone", "look again")
    assert worker.call(HERE + "process_id") == child


def test_any_other_error_carries_the_traceback_of_the_child() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)in fail.*KeyError: 'our own mistake'"):
        isolation.call(HERE + "fail")


def test_a_result_that_cannot_cross_is_our_bug() -> None:
    with pytest.raises(RuntimeError, match="TypeError"):
        isolation.call(HERE + "count", 3)


def test_a_child_that_ends_by_itself_is_reported(worker: Worker) -> None:
    with pytest.raises(RuntimeError, match="status 7"):
        worker.call(HERE + "die", 7)
    assert worker.call(HERE + "echo", 1) == 1


def test_functions_outside_the_list_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent, "PREFIXES", ("cache_studio.",))
    with pytest.raises(RuntimeError, match="outside"):
        isolation.call(HERE + "echo", 1)
    with pytest.raises(RuntimeError, match="outside"):
        isolation.call("os:getpid")


def test_printing_does_not_disturb_the_wire(capfd: pytest.CaptureFixture[str]) -> None:
    assert isolation.call(HERE + "chatter", "hello") == "hello"
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "hello" in captured.err


@pytest.mark.parametrize("function", ["spin", "sleep"])
def test_time_is_limited(worker: Worker, function: str) -> None:
    worker.call(HERE + "echo", 1)
    began = time.monotonic()
    with pytest.raises(LimitExceeded):
        worker.call(HERE + function, *([60] if function == "sleep" else []), limits=Limits(seconds=0.1))
    assert time.monotonic() - began < PATIENCE
    assert worker.call(HERE + "echo", 2) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps to RLIMIT_AS")
def test_memory_is_limited(worker: Worker) -> None:
    assert worker.call(HERE + "hold", 50, limits=Limits(memory=100_000_000)) == 50_000_000
    with pytest.raises(LimitExceeded):
        worker.call(HERE + "hold", 150, limits=Limits(memory=100_000_000))
    assert worker.call(HERE + "hold", 150, limits=Limits(memory=300_000_000)) == 150_000_000


def test_stop_ends_a_call_at_once(worker: Worker) -> None:
    stop = threading.Event()
    worker.call(HERE + "echo", 1)
    threading.Timer(0.05, stop.set).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        worker.call(HERE + "sleep", 60, limits=Limits(seconds=60), stop=stop)
    assert time.monotonic() - began < PATIENCE
    with pytest.raises(Cancelled):
        worker.call(HERE + "echo", 1, stop=stop)
    assert worker.call(HERE + "echo", 2) == 2


def test_stop_ends_the_wait_for_another_threads_call(worker: Worker) -> None:
    stop = threading.Event()
    first_stop = threading.Event()
    outcome: list[type[BaseException]] = []

    def occupy() -> None:
        try:
            worker.call(HERE + "sleep", 60, limits=Limits(seconds=60), stop=first_stop)
        except Cancelled as error:
            outcome.append(type(error))

    thread = threading.Thread(target=occupy)
    thread.start()
    _wait_until(worker._lock.locked)
    stop.set()
    with pytest.raises(Cancelled):
        worker.call(HERE + "echo", 1, stop=stop)
    first_stop.set()
    thread.join(10)
    assert outcome == [Cancelled]


def test_many_threads_share_a_worker(worker: Worker) -> None:
    results: list[object] = []
    threads = [
        threading.Thread(target=lambda number=number: results.append(worker.call(HERE + "echo", number)))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(results) == list(range(8))  # type: ignore[type-var]


def test_a_stream_hands_over_each_batch() -> None:
    assert list(isolation.stream(HERE + "count", 1000)) == list(range(1000))


def test_a_stream_of_an_error_gives_what_came_before() -> None:
    stream = isolation.stream(HERE + "count_then_refuse")
    assert next(stream) == 1
    with pytest.raises(EntryNotFound):
        next(stream)


def test_closing_a_stream_ends_its_child() -> None:
    stream = isolation.stream(HERE + "count_then_sleep", limits=Limits(seconds=60))
    child = next(stream)
    assert isinstance(child, int)
    assert psutil.pid_exists(child)
    stream.close()  # type: ignore[attr-defined]
    assert not psutil.pid_exists(child)


def test_a_stream_is_stopped_and_limited() -> None:
    stop = threading.Event()
    stream = isolation.stream(HERE + "count_then_sleep", stop=stop)
    next(stream)
    stop.set()
    with pytest.raises(Cancelled):
        next(stream)
    limited = isolation.stream(HERE + "count_then_sleep", limits=Limits(seconds=1.5))
    next(limited)
    with pytest.raises(LimitExceeded):
        next(limited)


@pytest.mark.skipif(sys.platform == "win32", reason="kills its own parent by signal")
def test_no_child_outlives_its_parent() -> None:
    program = (
        "import os, sys, threading\n"
        "from cache_studio.isolation import Limits, Worker, parent\n"
        "parent.PREFIXES = ('tests.',)\n"
        f"worker = Worker(); print(worker.call('{HERE}process_id'), flush=True)\n"
        f"worker.call('{HERE}spin', limits=Limits(seconds=50))\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert owner.stdout is not None
    child = psutil.Process(int(owner.stdout.readline()))
    owner.kill()
    owner.wait()
    owner.stdout.close()
    # In a container without an init the dead child stays a zombie of nobody.
    _wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


@pytest.fixture
def ready(others: set[int]) -> Iterator[None]:
    """A child that waits, with nothing to load."""
    isolation.keep_ready(HERE + "process_id")
    yield
    isolation.end_ready()


@pytest.fixture
def others() -> set[int]:
    """Children that were there before the test."""
    return {child.pid for child in psutil.Process().children()}


def _children(others: set[int]) -> set[int]:
    return {child.pid for child in psutil.Process().children()} - others


def test_a_call_takes_the_child_that_waits_and_it_waits_again_behind(ready: None, others: set[int]) -> None:
    (waiting,) = _children(others)
    assert isolation.call(HERE + "process_id") == waiting
    assert list(isolation.stream(HERE + "count", 3)) == [0, 1, 2]
    with pytest.raises(EntryNotFound):
        isolation.call(HERE + "refuse", "It is gone.", "")
    assert isolation.call(HERE + "process_id") == waiting
    assert _children(others) == {waiting}


def test_a_child_that_is_left_in_the_middle_does_not_wait_again(ready: None, others: set[int]) -> None:
    (waiting,) = _children(others)
    numbers = isolation.stream(HERE + "count", 3)
    assert next(numbers) == 0
    numbers.close()  # type: ignore[attr-defined]  # it is promised as an iterator, and is a generator
    assert _children(others) == set()
    assert isolation.call(HERE + "process_id") != waiting
    assert len(_children(others)) == 1


def test_two_calls_at_once_do_not_share_the_child_that_waits(ready: None, others: set[int]) -> None:
    (waiting,) = _children(others)
    numbers = isolation.stream(HERE + "count", 2)
    assert next(numbers) == 0
    assert isolation.call(HERE + "process_id") != waiting
    assert list(numbers) == [1]


def test_a_child_that_died_while_it_waited_is_replaced(ready: None, others: set[int]) -> None:
    (waiting,) = (child for child in psutil.Process().children() if child.pid not in others)
    waiting.kill()
    _wait_until(lambda: not waiting.is_running() or waiting.status() == psutil.STATUS_ZOMBIE)
    assert isolation.call(HERE + "process_id") not in (None, waiting.pid)


def test_limits_and_stopping_hold_for_the_child_that_waited(ready: None) -> None:
    with pytest.raises(LimitExceeded):
        isolation.call(HERE + "sleep", 60.0, limits=Limits(seconds=0.5))
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        isolation.call(HERE + "sleep", 60.0, stop=stop)


def test_what_a_waiting_child_cannot_load_is_told_by_no_other_call(others: set[int]) -> None:
    isolation.keep_ready(HERE + "no_such_function")
    try:
        assert isolation.call(HERE + "echo", 1) == 1
    finally:
        isolation.end_ready()
    assert _children(others) == set()
