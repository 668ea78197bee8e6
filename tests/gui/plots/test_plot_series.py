"""Runs, gaps, ticks and bins of charts: plain numbers."""

import math

import numpy as np
import pytest

from cache_studio.gui.plots import series

NAN = math.nan


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], []), ([NAN], []), ([1, 2], [(0, 2)]), ([NAN, 1, NAN, NAN, 2, 3], [(1, 2), (4, 6)])],
)
def test_runs_lie_between_gaps(values: list[float], expected: list[tuple[int, int]]) -> None:
    assert [(run.start, run.stop) for run in series.runs(np.array(values, dtype=float))] == expected


def test_gaps_reach_from_known_to_known_and_to_the_ends_of_the_span() -> None:
    times = np.arange(10.0) * 10
    values = np.array([1, 1, NAN, NAN, 1, 1, 1, 1, 1, 1], dtype=float)
    assert series.gaps(times, values, 0, 90) == [(10.0, 40.0)]
    assert series.gaps(times, values, -100, 200) == [(-100, 0.0), (10.0, 40.0), (90.0, 200)]
    assert series.gaps(np.empty(0), np.empty(0), 5, 9) == [(5, 9)]


@pytest.mark.parametrize(
    ("times", "expected"), [([], 0.0), ([7.0], 0.0), ([0.0, 5.0], 5.0), ([0.0, 5.0, 10.0, 900.0], 5.0)]
)
def test_spacing_is_the_usual_distance(times: list[float], expected: float) -> None:
    assert series.spacing(np.array(times)) == expected


@pytest.mark.parametrize(("top", "step"), [(100, 25), (64.2, 20), (2318, 1000), (0, 1), (0.4, 0.1)])
def test_steps_are_round(top: float, step: float) -> None:
    assert series.nice_step(top, 4) == pytest.approx(step)


def test_time_ticks_are_round_and_inside() -> None:
    end = 1_795_186_800.0
    step, ticks = series.time_ticks(end - 86_400, end, 8)
    assert step == 3 * 3600
    assert all(end - 86_400 <= tick <= end for tick in ticks)
    assert {series.time_label(tick, step)[-2:] for tick in ticks} == {"00"}


def test_only_the_top_tick_carries_the_unit() -> None:
    labels = [series.size_label(value, 75e6, value == 75e6) for value in (0, 25e6, 75e6)]
    assert labels == ["0", "25", "75 MB"]
    assert series.rate_label(-50, 100, False) == "50"
    assert series.rate_label(100, 100, True) == "100/min"


def test_expiry_counts_leave_out_forever_and_unknown() -> None:
    stale, counts = series.expiry_counts(np.array([-5, 0, 10, 300, 3601, 1e9, np.inf, NAN]))
    assert stale == 2
    assert sum(counts) == 4
    assert (counts[0], counts[1], counts[-1]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("bound", "label"), [(300, "5 min"), (3600, "1 h"), (86_400, "24 h"), (604_800, "7 d"), (math.inf, "later")]
)
def test_bounds_have_short_names(bound: float, label: str) -> None:
    assert series.bound_label(bound) == label
