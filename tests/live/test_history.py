"""The history: rates that are true, gaps that are gaps, bounded rows, several processes, broken files."""

import math
import multiprocessing
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from cache_studio.live.history import DAY, History
from cache_studio.live.sampling import Sample, between, hit_rate, intervals
from cache_studio.model.seeing import Scope, Source

START = 1_790_000_000.0 - 1_790_000_000.0 % 600
CACHE = "my cache"


def sample(second: float, hits: int | None = 0, misses: int | None = 0, **more: object) -> Sample:
    facts = {"source": Source.RECORDED, "scope": Scope.CACHE, "epoch": "e1", **more}
    return Sample(START + second, hits, misses, **facts)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    opened = History(tmp_path / "history.db", START)
    yield opened
    opened.close()


def test_an_interval_counts_what_happened_in_it() -> None:
    interval = between(sample(0, 10, 5), sample(5, 16, 7, stored=3), 5)
    assert (interval.hits, interval.misses, interval.stored, interval.hit_rate) == (6, 2, 3, 0.75)
    assert between(sample(0, 10, 5), sample(5, 10, 5), 5).hit_rate is None
    assert hit_rate(None, 3) is None


@pytest.mark.parametrize(
    "after",
    [
        sample(16, 20, 6),
        sample(-1, 20, 6),
        sample(5, 9, 6),
        sample(5, 20, 4),
        sample(5, 20, 6, epoch="e2"),
        sample(5, 20, 6, source=Source.SAMPLED),
        sample(5, None, 6),
    ],
)
def test_gaps_and_resets_are_not_known_and_never_negative(after: Sample) -> None:
    interval = between(sample(0, 10, 5), after, 5)
    assert (interval.hits, interval.misses, interval.hit_rate) == (None, None, None)


def test_intervals_are_one_fewer_than_samples() -> None:
    found = intervals([sample(5.0 * number, number, 0) for number in range(4)], 5)
    assert [interval.hits for interval in found] == [1, 1, 1]


def test_history_is_there_after_a_restart_with_a_gap(tmp_path: Path, history: History) -> None:
    for number in range(4):
        assert history.record(CACHE, sample(5 * number, 10 * number, 10 * number, entries=number, stored=2), 5)
    history.close()
    again = History(tmp_path / "history.db", START)
    for number in range(4):
        assert again.record(CACHE, sample(100 + 5 * number, 100 + 30 * number, 40 + 10 * number, entries=9), 5)
    series = again.series(CACHE, START, START + 200, 1000)
    assert [moment - START for moment in series.at] == [0, 5, 10, 15, 57.5, 100, 105, 110, 115]
    assert series.hit_rate[1:4] == [0.5, 0.5, 0.5]
    assert series.hit_rate[6:] == [0.75, 0.75, 0.75]
    for place in (0, 4, 5):
        assert math.isnan(series.hit_rate[place])
    assert series.columns["entries"][:4] == [0, 1, 2, 3]
    assert math.isnan(series.columns["entries"][4])
    assert series.columns["stored"][0] == 2
    assert math.isnan(series.columns["volume"][0])
    assert again.caches() == [CACHE]
    assert again.first(CACHE) == START
    assert again.series("another", START, START + 200, 10).at == []
    again.close()


def test_a_reset_is_no_rate_but_no_gap_in_the_rest(history: History) -> None:
    history.record(CACHE, sample(0, 100, 100, entries=1), 5)
    history.record(CACHE, sample(5, 3, 1, entries=2), 5)
    history.record(CACHE, sample(10, 6, 2, entries=3), 5)
    series = history.series(CACHE, START, START + 60, 100)
    assert series.columns["entries"] == [1, 2, 3]
    assert [math.isnan(rate) for rate in series.hit_rate] == [True, True, False]
    assert series.hit_rate[2] == 0.75


def test_points_add_up_what_they_cover(history: History) -> None:
    for number in range(121):
        history.record(CACHE, sample(5 * number, 3 * number, number, entries=number, removed=1), 5)
    coarse = history.series(CACHE, START, START + 600, 10)
    assert len(coarse.at) == 11
    assert set(coarse.hit_rate) == {0.75}
    assert sum(value for value in coarse.columns["hits"]) == 360
    assert sum(value for value in coarse.columns["removed"]) == 121
    assert coarse.columns["entries"][0] == 11
    one = history.series(CACHE, START, START + 599, 1)
    assert one.columns["hits"] == [357]


def test_too_soon_is_not_recorded_twice(history: History) -> None:
    assert history.record(CACHE, sample(0, 0, 0), 1)
    assert not history.record(CACHE, sample(1, 1, 0), 1)
    assert history.record(CACHE, sample(6, 6, 2), 1)
    assert history.series(CACHE, START, START + 10, 100).columns["hits"][1] == 6


def test_a_clock_that_was_set_back_is_a_gap(history: History) -> None:
    history.record(CACHE, sample(7200, 100, 100), 5)
    assert history.record(CACHE, sample(0, 110, 100), 5)
    assert history.record(CACHE, sample(5, 113, 101), 5)
    assert history.series(CACHE, START, START + 60, 100).hit_rate[1:] == [0.75]


def test_rows_are_bounded_and_old_ones_coarser(tmp_path: Path, history: History) -> None:
    for hour in range(24 * 40):
        history.record(CACHE, sample(3600 * hour, hour, hour, entries=hour), 3600)
    with sqlite3.connect(tmp_path / "history.db") as database:
        spans = dict(database.execute("SELECT step, max(at) - min(at) FROM samples GROUP BY step"))
    database.close()
    assert spans[5] <= DAY + 3600
    assert spans[60] <= 7 * DAY + 3600
    assert spans[600] <= 30 * DAY + 3600
    last = START + 3600 * (24 * 40 - 1)
    month = history.series(CACHE, last - 30 * DAY, last, 10_000)
    assert len(month.at) >= 24 * 30 - 1
    assert month.columns["entries"] == sorted(month.columns["entries"])
    assert not any(math.isnan(value) for value in month.columns["entries"])
    assert len(history.series(CACHE, last - 30 * DAY, last, 100).at) <= 101


def test_caches_are_forgotten(history: History) -> None:
    odd = "/caches/\udcff"
    history.record(odd, sample(0), 5)
    history.record("new", sample(31 * DAY), 5)
    assert history.first(odd) == START
    history.forget_unused(START + 31 * DAY)
    assert history.caches() == ["new"]
    history.forget("new")
    assert history.caches() == []


def test_a_broken_history_is_set_aside(tmp_path: Path, history: History) -> None:
    history.record(CACHE, sample(0), 5)
    history.close()
    path = tmp_path / "history.db"
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 40_000)
    fresh = History(path, START)
    assert "set aside" in fresh.notice
    assert fresh.record(CACHE, sample(5), 5)
    fresh.close()


def _record_all(path: Path) -> None:
    history = History(path, START)
    for number in range(100):
        history.record(CACHE, sample(5 * number, 3 * number, number, stored=1), 5)
    history.close()


def test_two_processes_write_one_history(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=_record_all, args=(path,)) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join(30)
        assert child.exitcode == 0
    history = History(path, START)
    series = history.series(CACHE, START, START + 1000, 10_000)
    assert len(series.at) == 100
    assert sum(series.columns["hits"][1:]) == 297
    assert sum(series.columns["stored"]) == 100
    assert set(series.hit_rate[1:]) == {0.75}
    history.close()
