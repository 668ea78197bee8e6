import several_runs
from reasons import Known


def row(job="listing", **given):
    plain = {
        "job": job,
        "size": "10",
        "floor": {"name": "find", "value": 1.0},
        "peer": None,
        "ours": 2.0,
        "worst": None,
    }
    plain |= {"unit": "s", "ratio": 2.0, "goal": 3.0, "worst_goal": None, "rule": "x floor", "met": True, "reason": ""}
    return plain | given


def run(*rows):
    return {"rows": list(rows)}


def test_figures_are_medians_and_verdicts_those_of_all_runs():
    runs = [run(row(ours=2.0, ratio=2.0)), run(row(ours=9.0, ratio=9.0, met=False)), run(row(ours=2.5, ratio=2.5))]
    assert several_runs.lines(runs)[2] == "| listing | 10 | find 1.000 s | 2.500 s | 2.50 | 3 x floor | 2 of 3 |"


def test_runs_that_agree_and_one_that_could_not_say():
    assert several_runs.lines([run(row()), run(row())])[2].endswith("| yes |")
    assert several_runs.lines([run(row(met=False)), run(row(met=False))])[2].endswith("| **no** |")
    assert several_runs.lines([run(row()), run(row(met=None))])[2].endswith("| open |")


def test_the_worst_of_all_runs_and_a_peer():
    figures = {"floor": None, "ratio": None, "rule": "at most", "unit": "ms", "goal": 50.0, "worst_goal": 100.0}
    gaps = [run(row(ours=40.0, worst=60.0, **figures)), run(row(ours=42.0, worst=90.0, **figures))]
    expected = "| listing | 10 |  | 41.0 ms, worst 90.0 ms |  | 50.0 ms, worst 100.0 ms | yes |"
    assert several_runs.lines(gaps)[2] == expected
    peers = [run(row(peer={"name": "jq", "value": 4.0}, rule="x peer", ratio=0.5, goal=0.1, met=False))]
    assert several_runs.lines(peers)[2] == "| listing | 10 | jq 4.000 s | 2.000 s | 0.50 | 0.1 x peer | **no** |"


def test_a_reason_stands_once_with_all_its_jobs(monkeypatch):
    disk = Known("the disk")
    monkeypatch.setattr(several_runs, "REASONS", {"listing": disk, "first rows": disk, "sort": Known("keys")})
    whole = run(row(met=False), row("first rows", met=False), row("sort"))
    assert several_runs.lines([whole])[-2:] == ["", "- listing; first rows: the disk."]
