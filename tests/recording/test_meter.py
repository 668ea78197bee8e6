"""The counters of a process: to the last lookup, from any thread, and from nothing in a forked child."""

import os
import threading

import pytest

from cache_studio.recording.counts import COUNTERS, OTHERS
from cache_studio.recording.meter import EXPIRED, LONGEST_TAPE, MOST_PLACES, Event, Meter

HITS, MISSES, EVICTIONS, EXPIRATIONS, PUTS = range(len(COUNTERS))


def numbers(meter: Meter, namespace: str = "", level: str = "") -> list[int]:
    return [int(number) for number in meter.tally().rows[namespace, level][:-1]]


def hit(meter: Meter, tape: list[float]) -> None:
    """As the fastest way of a lookup does it."""
    tape.append(1e-6)
    if not meter.pending:
        meter.noted()
    if len(tape) >= LONGEST_TAPE:
        meter.settle()


def test_a_hundred_threads_count_exactly() -> None:
    meter = Meter()
    reading = threading.Event()

    def work() -> None:
        tape = meter.tape("n", "memory")
        for number in range(300):
            hit(meter, tape)
            meter.count("n", "", number % 3 == 0, 1e-6, EXPIRED if number % 3 == 1 else "")
            meter.happened("n", "", Event.PUT)

    def read() -> None:
        while not reading.is_set():
            meter.settled()

    threads = [threading.Thread(target=work) for _ in range(100)]
    reader = threading.Thread(target=read)
    reader.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reading.set()
    reader.join()
    assert numbers(meter, "n", "memory") == [30_000, 0, 0, 0, 0]
    assert numbers(meter, "n") == [30_000 + 10_000, 20_000, 0, 10_000, 30_000]
    assert meter.tally().rows["n", ""][-1] == pytest.approx(0.06)


def test_no_count_is_left_without_somebody_to_write_it() -> None:
    """After the last count either it is in what was settled, or the recorder was woken since."""
    meter = Meter()
    woken = threading.Event()
    meter.wake = woken.set
    ended = threading.Event()
    written = [0]

    def write() -> None:
        while not ended.is_set() or woken.is_set():
            if woken.wait(0.001):
                woken.clear()
                written[0] = int(sum(row[HITS] for row in meter.settled().rows.values()))

    writer = threading.Thread(target=write)
    writer.start()
    tape = meter.tape("", "")
    for _ in range(20_000):
        hit(meter, tape)
    ended.set()
    writer.join()
    assert written == [20_000]


def test_a_tape_does_not_grow_without_end() -> None:
    meter = Meter()
    tape = meter.tape("", "")
    for _ in range(3 * LONGEST_TAPE):
        hit(meter, tape)
    assert len(tape) < LONGEST_TAPE
    assert numbers(meter)[HITS] == 3 * LONGEST_TAPE


def test_a_hit_on_a_named_level_counts_for_the_whole_too() -> None:
    meter = Meter()
    meter.tape("n", "memory").append(0.5)
    meter.tape("n", "").append(0.25)
    assert numbers(meter, "n", "memory")[HITS] == 1
    assert numbers(meter, "n")[HITS] == 2
    assert meter.tally().rows["n", ""][-1] == 0.75


def test_too_many_namespaces_are_counted_together() -> None:
    meter = Meter()
    for number in range(2 * MOST_PLACES):
        meter.count(str(number), "", True)
        meter.tape(str(number), "").append(0.0)
    rows = meter.tally().rows
    assert len(rows) <= MOST_PLACES + 1
    assert sum(row[HITS] for row in rows.values()) == 4 * MOST_PLACES
    assert rows[OTHERS, ""][HITS] > 0
    assert len(meter._tapes) <= MOST_PLACES + 1


def test_a_tally_is_a_copy() -> None:
    meter = Meter()
    meter.count("", "", True)
    meter.set_level("memory", 1, 2)
    tally = meter.tally()
    meter.count("", "", True)
    assert tally.rows["", ""][HITS] == 1
    assert (tally.fills["memory"].entries, tally.fills["memory"].bytes) == (1, 2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_counts_from_nothing_also_when_a_thread_was_counting() -> None:
    meter = Meter()
    tape = meter.tape("", "")
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            meter.count("", "", False)
            tape.append(0.0)

    thread = threading.Thread(target=work)
    thread.start()
    for _ in range(5):
        child = os.fork()
        if child == 0:
            tape.append(0.0)
            meter.count("", "", True)
            os._exit(0 if numbers(meter) == [2, 0, 0, 0, 0] else 1)
        assert os.waitpid(child, 0)[1] == 0
    ended.set()
    thread.join()
