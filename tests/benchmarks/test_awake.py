"""Time without standstills, on logs written by hand; and the real watchers, on this machine."""

from __future__ import annotations

import time
from pathlib import Path

import awake
import load
import numpy as np
import pytest


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two cores: both stood still from 1 to 2 and from 2.5 to 3, the second one also before and between."""
    write(tmp_path / "0.log", [(1.0, 2.0), (2.5, 4.0)])
    write(tmp_path / "1.log", [(0.2, 0.4), (0.9, 2.2), (2.4, 2.75), (2.75, 3.0)])
    monkeypatch.setenv(awake.LOG, str(tmp_path))
    return tmp_path


def write(log: Path, late: list[tuple[float, float]], beat: float = 100.0) -> None:
    np.array([beat, len(late), *np.array(late).ravel(), 0.0, 0.0]).tofile(log)


@pytest.mark.parametrize(
    ("began", "ended", "seconds"),
    [(0.0, 1.0, 1.0), (0.5, 2.0, 0.5), (1.2, 1.8, 0.0), (1.5, 2.6, 0.5), (0.0, 5.0, 3.5), (4.0, 5.0, 1.0)],
)
def test_only_what_all_cores_missed_is_taken_out(logs: Path, began: float, ended: float, seconds: float) -> None:
    assert awake.seconds(began, ended) == pytest.approx(seconds)


def test_many_pairs_at_once(logs: Path) -> None:
    found = awake.between(np.array([0.0, 1.5]), np.array([5.0, 2.6]))
    assert found.tolist() == pytest.approx([3.5, 0.5])
    assert awake.between(np.empty(0), np.empty(0)).size == 0
    assert awake.longest([(0.0, 1.0), (1.0, 2.2), (2.9, 4.0)]) == pytest.approx(1.0)
    assert awake.longest([]) == 0.0


def test_without_watchers_time_is_what_the_clock_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(awake.LOG, raising=False)
    assert awake.seconds(1.0, 3.5) == 2.5
    assert not awake.is_watched()


def test_a_machine_that_never_stood_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for core in ("0.log", "1.log"):
        write(tmp_path / core, [])
    monkeypatch.setenv(awake.LOG, str(tmp_path))
    assert awake.seconds(1.0, 3.5) == 2.5


def test_the_longest_gap_of_a_loop_that_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(awake.LOG, raising=False)
    moments = iter([0.0, 0.5, 0.6, 1.0] * 5)
    monkeypatch.setattr(time, "perf_counter", lambda: next(moments))
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    assert awake.stand_still_ms() == 500.0


def test_watchers_of_this_machine() -> None:
    with awake.watching() as watched:
        if not watched:
            pytest.skip("no right to real-time priority, or no cores to choose")
        began = time.perf_counter()
        spent = -time.process_time()
        while spent + time.process_time() < 0.05:
            pass
        ended = time.perf_counter()
        assert 0.0 < awake.seconds(began, ended) <= ended - began
    assert not awake.is_watched()


def test_the_share_of_a_core_is_taken_from_slices_in_which_the_machine_was_there(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "FEWEST", 2)
    # Between 1 and 2 the machine stood still, and the kernel charged that to whoever ran.
    notes = [(0.0, 0.0), (0.5, 0.01), (1.0, 0.03), (2.0, 1.0)]
    assert load.percent(notes) == pytest.approx(3.0)
    monkeypatch.setattr(load, "FEWEST", 3)
    assert load.percent(notes) == pytest.approx(50.0)


def test_the_share_of_a_process_that_works_all_the_time() -> None:
    with load.share() as found:
        spent = -time.process_time()
        while spent + time.process_time() < 1.0:
            pass
    assert found.percent > 5
