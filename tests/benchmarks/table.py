"""One row of the table for each figure that is promised: what it is compared with, its goal, whether it is met."""

from __future__ import annotations

import json
import math
import os
import platform
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from reasons import REASONS

TOO_SLOW = 2.0
"""A ratio that is worse than so many times its goal ends the run with 3; a figure of this machine never does."""
HEAD = ("job", "size", "floor", "peer", "ours", "ratio", "goal", "met", "reason")
_WIDTHS = (52, 16, 28, 22, 22, 6, 20, 6, 0)


class Rule(StrEnum):
    """What a goal speaks of."""

    FLOOR = "x floor"
    PEER = "x peer"
    FIGURE = "at most"


@dataclass(frozen=True, slots=True)
class Against:
    """What a figure is compared with, in the unit of the row."""

    name: str
    value: float


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

    @property
    def ratio(self) -> float | None:
        """Ours to what it is judged by; None where the figure itself is judged."""
        against = {Rule.FLOOR: self.floor, Rule.PEER: self.peer, Rule.FIGURE: None}[self.rule]
        if against is None:
            return None
        return self.ours / against.value if against.value > 0 else math.inf

    @property
    def met(self) -> bool:
        """Whether the goal (and that of the worst round) is kept; a figure that is not a number is not."""
        judged = self.ours if self.rule is Rule.FIGURE else self.ratio
        worst = self.worst_goal is None or (self.worst is not None and self.worst <= self.worst_goal)
        return judged is not None and judged <= self.goal and worst

    @property
    def too_slow(self) -> bool:
        """Whether a ratio is worse than twice its goal, or than twice what it is known to be."""
        known = REASONS.get(self.job)
        goal = self.goal if known is None else max(self.goal, known.ratio)
        return self.ratio is not None and not self.ratio <= TOO_SLOW * goal

    @property
    def reason(self) -> str:
        """Why a goal is missed, as a profiler said; "" where nobody has looked yet."""
        known = REASONS.get(self.job)
        return "" if self.met or known is None else known.why


def line(row: Row) -> str:
    """A row of the Markdown table."""
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    goal = figure(row.goal, row.unit) if row.rule is Rule.FIGURE else f"{row.goal:g} {row.rule}"
    ours = figure(row.ours, row.unit)
    if row.worst is not None and row.worst_goal is not None:
        ours += f", worst {figure(row.worst, row.unit)}"
        goal += f", worst {figure(row.worst_goal, row.unit)}"
    met = "yes" if row.met else "**no**"
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


def write_json(path: Path, facts: dict[str, object], rows: Sequence[Row], failed: Sequence[str]) -> None:
    """The whole run as one JSON object: facts of the machine, `rows`, and the jobs that did not end well."""
    whole = {**facts, "rows": [_plain(row) for row in rows], "failed": list(failed)}
    path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


def _plain(row: Row) -> dict[str, object]:
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
        "goal": row.goal,
        "worst_goal": row.worst_goal,
        "rule": row.rule.value,
        "met": row.met,
        "reason": row.reason,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _against(against: Against | None, unit: str) -> str:
    return "" if against is None else f"{against.name} {figure(against.value, unit)}"


def _cells(texts: Sequence[str]) -> str:
    return "| " + " | ".join(_padded(texts)) + " |"


def _padded(texts: Sequence[str]) -> Iterator[str]:
    for text, width in zip(texts, _WIDTHS, strict=True):
        yield text.replace("|", "/").ljust(width)
