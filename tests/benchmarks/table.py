"""One row of the table for each figure that is promised: what it is compared with, its goal, whether it is met.

Floor and ours take turns, so every round has a ratio of its own. Their median is the ratio of the row. On a machine
that stands still for long (`awake.py`) one round says nothing; where all of them agree, they do: the median of
five independent rounds lies between the lowest and the highest in 15 of 16 runs, whatever the machine does to them
(the confidence interval of the sign test). There a ratio is met when its highest round is, missed when its lowest
is; what lies between, and any time that is longer than its goal, stays open.
"""

from __future__ import annotations

import json
import math
import os
import platform
import sqlite3
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import awake
from reasons import REASONS

TOO_SLOW = 2.0
"""A ratio that is worse than so many times its goal in every round ends the run with 3; a figure alone never does."""
AGREEING = 3
"""So many rounds at least must agree where the machine stands still."""
TIMES = ("s", "ms", "us", "%")
"""Units of what a machine that stands still makes longer."""
HEAD = ("job", "size", "floor", "peer", "ours", "ratio", "goal", "met", "reason")
_WIDTHS = (52, 16, 28, 22, 22, 18, 20, 6, 0)


class Rule(StrEnum):
    """What a goal speaks of."""

    FLOOR = "x floor"
    PEER = "x peer"
    FIGURE = "at most"


class Verdict(StrEnum):
    """What is known of a goal; the words of the table."""

    MET = "yes"
    MISSED = "**no**"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Against:
    """What a figure is compared with, in the unit of the row."""

    name: str
    value: float
    rounds: tuple[float, ...] = ()
    """What each round measured; `value` is their median."""

    @classmethod
    def of(cls, name: str, rounds: Sequence[float]) -> Against:
        """The median of these rounds."""
        return cls(name, statistics.median(rounds), tuple(rounds))


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. A ratio is ours to the floor (or the peer), both measured in this run by turns."""

    job: str
    """The same at every size: reasons are found by it."""
    size: str
    ours: float
    unit: str
    """"s", "ms", "us", "MB", "B" or "%"; "" for a count."""
    goal: float
    rule: Rule = Rule.FIGURE
    floor: Against | None = None
    peer: Against | None = None
    worst: float | None = None
    """The worst of all rounds, where `worst_goal` is a goal of its own."""
    worst_goal: float | None = None
    rounds: tuple[float, ...] = ()
    """What each round measured, where it took turns with what it is compared with; `ours` is their median."""

    @classmethod
    def of_rounds(
        cls,
        job: str,
        size: str,
        ours: Sequence[float],
        unit: str,
        goal: float,
        rule: Rule,
        floor: Against,
        peer: Against | None = None,
    ) -> Row:
        """A ratio that was measured in rounds; `floor` and `peer` in the same ones, or only in some of them."""
        return cls(job, size, statistics.median(ours), unit, goal, rule, floor, peer, rounds=tuple(ours))

    @property
    def _against(self) -> Against | None:
        return {Rule.FLOOR: self.floor, Rule.PEER: self.peer, Rule.FIGURE: None}[self.rule]

    @property
    def ratio(self) -> float | None:
        """Ours to what it is judged by; None where the figure itself is judged."""
        against = self._against
        return None if against is None else _times(self.ours, against.value)

    @property
    def ratios(self) -> tuple[float, ...]:
        """The ratio of each round; empty where there are no rounds to compare."""
        against = self._against
        if against is None:
            return ()
        others = against.rounds if len(against.rounds) == len(self.rounds) else (against.value,) * len(self.rounds)
        return tuple(map(_times, self.rounds, others))

    @property
    def met(self) -> bool:
        """Whether the median (and the worst round its own goal) is within; a figure that is not a number is not."""
        judged = self.ours if self.rule is Rule.FIGURE else self.ratio
        worst = self.worst_goal is None or (self.worst is not None and self.worst <= self.worst_goal)
        return judged is not None and judged <= self.goal and worst

    def verdict(self, stood_still_ms: float) -> Verdict:
        """What a machine that stands still for so long at a time can say of the goal."""
        if stood_still_ms <= awake.MOST_MS or self.unit not in TIMES:
            return Verdict.MET if self.met else Verdict.MISSED
        if self.rule is Rule.FIGURE:
            return Verdict.MET if self.met else Verdict.OPEN
        if len(self.ratios) >= AGREEING:
            if max(self.ratios) <= self.goal:
                return Verdict.MET
            if min(self.ratios) > self.goal:
                return Verdict.MISSED
        return Verdict.OPEN

    @property
    def too_slow(self) -> bool:
        """Whether a ratio is in every round worse than twice its goal, or than twice what it is known to be."""
        known = REASONS.get(self.job)
        most = TOO_SLOW * (self.goal if known is None else max(self.goal, known.ratio))
        ratios = self.ratios or (() if self.ratio is None else (self.ratio,))
        return bool(ratios) and not any(ratio <= most for ratio in ratios)

    @property
    def reason(self) -> str:
        """Why a goal is missed, as a profiler said; "" where nobody has looked yet."""
        known = REASONS.get(self.job)
        return "" if self.met or known is None else known.why


def line(row: Row, stood_still_ms: float = 0.0) -> str:
    """A row of the Markdown table, of a machine that stands still for so long at a time."""
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    if len(row.ratios) > 1:
        ratio += f" ({min(row.ratios):.2f} to {max(row.ratios):.2f})"
    goal = figure(row.goal, row.unit) if row.rule is Rule.FIGURE else f"{row.goal:g} {row.rule}"
    ours = figure(row.ours, row.unit)
    if row.worst is not None and row.worst_goal is not None:
        ours += f", worst {figure(row.worst, row.unit)}"
        goal += f", worst {figure(row.worst_goal, row.unit)}"
    met = row.verdict(stood_still_ms).value
    cells = (row.job, row.size, _against(row.floor, row.unit), _against(row.peer, row.unit), ours, ratio, goal, met)
    return _cells((*cells, row.reason))


def head() -> str:
    """The first two lines of the table."""
    return _cells(HEAD) + "\n" + "|".join(["", *("-" * (max(width, 6) + 2) for width in _WIDTHS), ""])


def figure(value: float, unit: str) -> str:
    """A figure with its unit, as precise as it can be trusted."""
    digits = {"s": 3, "ms": 1, "us": 2, "%": 2}.get(unit, 0)
    return f"{value:,.{digits}f} {unit}".rstrip()


def machine() -> dict[str, object]:
    """What was measured on, and when."""
    from PySide6 import __version__ as pyside

    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "pyside": pyside,
        "sqlite": sqlite3.sqlite_version,
    }


def write_json(
    path: Path, facts: dict[str, object], rows: Sequence[Row], failed: Sequence[str], stood_still_ms: float = 0.0
) -> None:
    """The whole run as one JSON object: facts of the machine, `rows`, and the jobs that did not end well.

    `met` of a row is null where the machine could not say it.
    """
    whole = {**facts, "rows": [_plain(row, stood_still_ms) for row in rows], "failed": list(failed)}
    path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


def _plain(row: Row, stood_still_ms: float) -> dict[str, object]:
    def side(against: Against | None) -> dict[str, object] | None:
        return None if against is None else {"name": against.name, "value": _finite(against.value)}

    return {
        "job": row.job,
        "size": row.size,
        "floor": side(row.floor),
        "peer": side(row.peer),
        "ours": _finite(row.ours),
        "worst": _finite(row.worst),
        "unit": row.unit,
        "ratio": _finite(row.ratio),
        "ratios": [_finite(ratio) for ratio in row.ratios],
        "goal": row.goal,
        "worst_goal": row.worst_goal,
        "rule": row.rule.value,
        "met": {Verdict.MET: True, Verdict.MISSED: False, Verdict.OPEN: None}[row.verdict(stood_still_ms)],
        "reason": row.reason,
    }


def _times(ours: float, other: float) -> float:
    return ours / other if other > 0 else math.inf


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _against(against: Against | None, unit: str) -> str:
    return "" if against is None else f"{against.name} {figure(against.value, unit)}"


def _cells(texts: Sequence[str]) -> str:
    return "| " + " | ".join(_padded(texts)) + " |"


def _padded(texts: Sequence[str]) -> Iterator[str]:
    for text, width in zip(texts, _WIDTHS, strict=True):
        yield text.replace("|", "/").ljust(width)
