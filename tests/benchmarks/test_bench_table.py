"""The table of the benchmarks: verdicts, exit codes, the JSON beside it, and figures that are worked out."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import awake
import bench
import pytest
import table
from reasons import Known
from table import Against, Row, Rule, Verdict

JOB = """
import math
import awake
from reasons import Known
from table import Against, Row, Rule

def rows(bench):
    assert bench.size.name == "tiny" and bench.size.rounds == 4
    yield Row("listing", "3 rows", 2.0, "s", 3, Rule.FLOOR, Against("find", 1.0))
"""


@pytest.fixture
def jobs(tmp_path: Path) -> Callable[[str], Path]:
    """A folder with one job that does this after its first row, which meets its goal."""

    def write(more: str = "") -> Path:
        folder = tmp_path / "jobs"
        folder.mkdir()
        (folder / "scripted_job.py").write_text(f"{JOB}    {more}\n")
        return folder

    return write


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that can be measured on, whatever this one does."""
    monkeypatch.setattr(awake, "stand_still_ms", lambda: 2.0)


def run(folder: Path, tmp_path: Path) -> tuple[int, dict[str, object]]:
    written = tmp_path / "table.json"
    arguments = ["--size", "tiny", "--rounds", "4", "--json", str(written), "--data", str(tmp_path / "data")]
    code = bench.main(arguments, folder)
    found: dict[str, object] = json.loads(written.read_text())
    return code, found


def row(ours: float, goal: float, floor: float | None = None) -> Row:
    if floor is None:
        return Row("a job", "", ours, "ms", goal)
    return Row("a job", "", ours, "s", goal, Rule.FLOOR, Against("the floor", floor))


def test_a_table_of_met_goals_ends_with_0(
    jobs: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = run(jobs(""), tmp_path)
    assert code == 0
    assert found["failed"] == []
    assert isinstance(found["rows"], list)
    assert [(one["job"], one["ratio"], one["met"]) for one in found["rows"]] == [("listing", 2.0, True)]
    assert "| listing " in capsys.readouterr().out


def test_a_ratio_twice_as_bad_as_its_goal_ends_with_3(jobs: Callable[[str], Path], tmp_path: Path) -> None:
    more = 'yield Row("slow", "", 6.1, "s", 3, Rule.FLOOR, Against("find", 1.0))'
    assert run(jobs(more), tmp_path)[0] == 3


def test_a_ratio_that_was_good_once_does_not(jobs: Callable[[str], Path], tmp_path: Path) -> None:
    more = 'yield Row.of_rounds("slow", "", [9, 9, 6], "s", 3, Rule.FLOOR, Against.of("find", [1, 1, 1]))'
    assert run(jobs(more), tmp_path)[0] == 0


def test_a_machine_that_stands_still_leaves_goals_open(
    jobs: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(awake, "stand_still_ms", lambda: 400.0)
    code, found = run(jobs('yield Row("gap", "", 300.0, "ms", 50)'), tmp_path)
    assert (code, found["stood_still_ms"]) == (0, 400)
    assert isinstance(found["rows"], list)
    assert [one["met"] for one in found["rows"]] == [None, None]
    printed = capsys.readouterr().out
    assert "stands still for 400 ms" in printed
    assert "0 of 2 goals met, 2 open." in printed


def test_there_a_small_run_only_tries_the_jobs(
    jobs: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(awake, "stand_still_ms", lambda: 400.0)
    arguments = ["--quick", "--rounds", "4", "--data", str(tmp_path / "data")]
    slow = 'yield Row("slow", "", 6.1, "s", 3, Rule.FLOOR, Against("find", 1.0))'
    assert bench.main(arguments, jobs(slow)) == 0  # the job asserts that its size is tiny


def test_a_job_ends_with_a_run_that_is_killed(jobs: Callable[[str], Path], tmp_path: Path) -> None:
    folder = jobs("import time; print('begun', flush=True); time.sleep(600)")
    script = tmp_path / "run.py"
    script.write_text(
        "import pathlib, sys, awake, bench\n"
        "if __name__ == '__main__':\n"
        "    awake.stand_still_ms = lambda: 2.0\n"
        "    bench.main(sys.argv[2:], pathlib.Path(sys.argv[1]))\n"
    )
    command = [
        sys.executable,
        str(script),
        str(folder),
        "--size",
        "tiny",
        "--rounds",
        "4",
        "--data",
        str(tmp_path / "data"),
    ]
    paths = os.pathsep.join(sys.path)
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": paths}) as running:
        assert running.stdout is not None
        assert any(b"begun" in line for line in running.stdout)  # two processes may share a line
        running.kill()
        running.stdout.read()  # ends when nobody can write any more, the job neither


def test_a_figure_of_the_machine_never_ends_the_run(jobs: Callable[[str], Path], tmp_path: Path) -> None:
    code, found = run(jobs('yield Row("gap", "", math.inf, "ms", 50)'), tmp_path)
    assert code == 0
    assert isinstance(found["rows"], list)
    assert [(one["ours"], one["met"]) for one in found["rows"]] == [(2.0, True), (None, False)]


@pytest.mark.parametrize("end", ['raise ValueError("no such row")', "import os; os._exit(3)"])
def test_a_job_that_stumbles_ends_with_2_and_keeps_its_rows(
    end: str, jobs: Callable[[str], Path], tmp_path: Path
) -> None:
    code, found = run(jobs(end), tmp_path)
    assert (code, found["failed"]) == (2, ["scripted_job"])
    assert isinstance(found["rows"], list)
    assert len(found["rows"]) == 1


@pytest.mark.parametrize(
    ("found", "met", "too_slow"),
    [
        (row(2.9, 3, 1.0), True, False),
        (row(3.1, 3, 1.0), False, False),
        (row(6.1, 3, 1.0), False, True),
        (row(1.0, 3, 0.0), False, True),
        (row(math.nan, 3, 1.0), False, True),
        (row(50.0, 50), True, False),
        (row(500.0, 50), False, False),
        (row(math.nan, 50), False, False),
    ],
)
def test_verdicts(found: Row, met: bool, too_slow: bool) -> None:
    assert (found.met, found.too_slow) == (met, too_slow)


@pytest.mark.parametrize(
    ("ours", "still", "restless", "too_slow"),
    [
        ([2, 2.5, 2.9], Verdict.MET, Verdict.MET, False),
        ([2, 2.5, 3.1], Verdict.MET, Verdict.OPEN, False),
        ([3.1, 5, 9], Verdict.MISSED, Verdict.MISSED, False),
        ([2.9, 5, 9], Verdict.MISSED, Verdict.OPEN, False),
        ([6.1, 7, 9], Verdict.MISSED, Verdict.MISSED, True),
        ([2, 2.5], Verdict.MET, Verdict.OPEN, False),
    ],
)
def test_where_the_machine_stands_still_all_rounds_must_agree(
    ours: list[float], still: Verdict, restless: Verdict, too_slow: bool
) -> None:
    found = Row.of_rounds("a job", "", ours, "s", 3, Rule.FLOOR, Against.of("the floor", [1.0] * len(ours)))
    assert (found.verdict(2), found.verdict(400), found.too_slow) == (still, restless, too_slow)


def test_rounds_are_compared_with_their_own_floor() -> None:
    found = Row.of_rounds("a job", "", [2, 40, 3], "s", 3, Rule.FLOOR, Against.of("the floor", [1, 20, 1]))
    assert found.ratios == (2, 2, 3)
    assert "(2.00 to 3.00)" in table.line(found)
    seldom = Row.of_rounds("a job", "", [2, 4, 3], "s", 3, Rule.PEER, Against("find", 1), Against.of("jq", [1, 3]))
    assert seldom.ratios == (1, 2, 1.5)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (row(40, 50), Verdict.MET),
        (row(60, 50), Verdict.OPEN),
        (Row("differ", "", 1, "", 0), Verdict.MISSED),
        (Row("memory", "", 500, "B", 400), Verdict.MISSED),
        (Row("memory", "", 300, "B", 400), Verdict.MET),
    ],
)
def test_what_is_no_time_is_judged_on_every_machine(found: Row, verdict: Verdict) -> None:
    assert found.verdict(400) is verdict


def test_the_worst_round_has_a_goal_of_its_own() -> None:
    rows = [Row("gap", "", 40, "ms", 50, worst=worst, worst_goal=100) for worst in (100, 101)]
    assert [one.met for one in rows] == [True, False]
    assert "worst 101.0 ms" in table.line(rows[1])


def test_a_peer_is_shown_and_judged_only_where_the_rule_says_so() -> None:
    peer = Against("jq", 4.0)
    shown = Row("file", "", 1.0, "s", 4, Rule.FLOOR, Against("read", 0.5), peer)
    judged = Row("file", "", 1.0, "s", 0.1, Rule.PEER, Against("read", 0.5), peer)
    assert (shown.ratio, shown.met) == (2.0, True)
    assert (judged.ratio, judged.met) == (0.25, False)


def test_a_missed_goal_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "REASONS", {"a job": Known("the disk")})
    assert (row(60, 50).reason, row(40, 50).reason) == ("the disk", "")
    assert "the disk" in table.line(row(60, 50))


def test_a_known_miss_is_judged_by_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "REASONS", {"a job": Known("the disk", 5.0)})
    assert [row(ours, 3, 1.0).too_slow for ours in (9.9, 10.1)] == [False, True]
    assert not row(3.1, 3, 1.0).met


def test_every_job_has_rows_and_a_name_of_its_own() -> None:
    names = bench.names(bench.JOBS)
    assert len(names) > 5
    assert not set(names) & set(sys.stdlib_module_names)
