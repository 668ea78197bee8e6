"""One table of several runs: what README shows.

    python3 tests/benchmarks/several_runs.py RUN.json...

Each run is what `packaging/dev.py bench --json RUN.json` wrote. Figures are medians over the runs, a verdict is said
as "2 of 3" where the runs do not agree. Below the table stands why goals are missed, each reason once.
"""

import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reasons import REASONS
from table import figure

Plain = Mapping[str, Any]
"""A row of the JSON of a run."""
HEAD = ("job", "size", "floor or peer", "ours", "ratio", "goal", "met")


def lines(runs: Sequence[Plain]) -> list[str]:
    """The table and the reasons, in Markdown. KeyError where a run lacks a job of the first one."""
    by_job = [{row["job"]: row for row in run["rows"]} for run in runs]
    found = [f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|"]
    reasons: dict[str, list[str]] = {}
    for job in by_job[0]:
        rows = [run[job] for run in by_job]
        found.append(f"| {' | '.join(_cells(rows))} |")
        if job in REASONS and not all(row["met"] for row in rows):
            reasons.setdefault(REASONS[job].why, []).append(job)
    return [*found, "", *(f"- {'; '.join(jobs)}: {reason}." for reason, jobs in reasons.items())]


def _cells(rows: Sequence[Plain]) -> list[str]:
    first = rows[0]
    against = first["peer"] if first["rule"] == "x peer" else first["floor"]
    other = ""
    if against is not None:
        side = "peer" if first["rule"] == "x peer" else "floor"
        other = f"{against['name']} {figure(_median([row[side]['value'] for row in rows]), first['unit'])}"
    ours, goal = figure(_median([row["ours"] for row in rows]), first["unit"]), first["goal"]
    wanted = figure(goal, first["unit"]) if first["rule"] == "at most" else f"{goal:g} {first['rule']}"
    if first["worst_goal"] is not None:
        ours += f", worst {figure(max(row['worst'] for row in rows), first['unit'])}"
        wanted += f", worst {figure(first['worst_goal'], first['unit'])}"
    ratio = "" if first["ratio"] is None else f"{_median([row['ratio'] for row in rows]):.2f}"
    return [first["job"], first["size"], other, ours, ratio, wanted, _verdict([row["met"] for row in rows])]


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)


def _verdict(met: Sequence[bool | None]) -> str:
    """What the runs say together; null is a machine that could not say it."""
    if set(met) == {True}:
        return "yes"
    if set(met) == {False}:
        return "**no**"
    return "open" if None in met else f"{met.count(True)} of {len(met)}"


if __name__ == "__main__":
    print("\n".join(lines([json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:]])))
