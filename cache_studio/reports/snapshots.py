"""A snapshot: the statistics of a cache at one moment, as JSON, CSV or Markdown, and the comparison of two."""

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, cast

from cache_studio.model.errors import BadRequest
from cache_studio.model.units import NOT_RECORDED, format_count, format_size
from cache_studio.model.visible import visible
from cache_studio.reports.entries import cell

Figures = Mapping[str, Any]
"""The object of `stats` with `at` and, where a history is kept, `series`."""

SIZES = ("size", "stale_size", "volume", "reclaimable", "capacity")
COUNTS = ("entries", "fresh", "stale", "forever", "unknown", "problems", "hits", "misses")
RATES = ("hit_rate", "target_hit_rate")
FIGURES = (*COUNTS, *SIZES, *RATES)
"""The numbers of a snapshot that are compared, in their order."""
ORIGINS = ("hit_rate_source", "hit_rate_scope")
"""Where the hit rate comes from and what it speaks of."""
LARGEST = 16_000_000
"""A file with more bytes than this is no snapshot and is not read."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure in two snapshots; `change` is None where one of them is not recorded."""

    name: str
    before: float | None
    after: float | None

    @property
    def change(self) -> float | None:
        """after - before."""
        return None if self.before is None or self.after is None else self.after - self.before


def shown(name: str, value: float | None) -> str:
    """A figure as people read it; unknown is "not recorded"."""
    if value is None:
        return NOT_RECORDED
    if name in SIZES:
        return format_size(value)
    return f"{value * 100:.1f} %" if name in RATES else format_count(value)


def as_json(figures: Figures) -> str:
    """The whole object, indented."""
    return json.dumps(figures, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def as_csv(figures: Figures) -> str:
    """A table of name and value, then one of the namespaces."""
    out = StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(("figure", "value"))
    for name in ("at", "target", "format", *FIGURES, *ORIGINS):
        writer.writerow((name, cell(figures.get(name))))
    writer.writerow(())
    writer.writerow(("namespace", "entries", "size", "stale"))
    for group in figures["namespaces"]:
        writer.writerow([cell(group[name]) for name in ("name", "entries", "size", "stale")])
    return out.getvalue()


def as_markdown(figures: Figures) -> str:
    """A page with two tables."""
    lines = [f"# {_plain(figures['target'])}", "", f"{_plain(figures['format'])}, {figures['at']}", ""]
    lines += ["| figure | value |", "|---|--:|"]
    lines += [f"| {name.replace('_', ' ')} | {shown(name, figures.get(name))} |" for name in FIGURES]
    lines += [f"| {name.replace('_', ' ')} | {_plain(figures.get(name) or NOT_RECORDED)} |" for name in ORIGINS]
    lines += ["", "| namespace | entries | size | stale |", "|---|--:|--:|--:|"]
    for group in figures["namespaces"]:
        name = _plain(group["name"]) or "(none)"
        lines.append(f"| {name} | {group['entries']:,} | {format_size(group['size'])} | {group['stale']:,} |")
    return "\n".join(lines) + "\n"


def is_snapshot(path: Path) -> bool:
    """Whether a snapshot written as JSON lies there."""
    try:
        read_snapshot(path)
    except BadRequest:
        return False
    return True


def read_snapshot(path: Path) -> dict[str, Any]:
    """A snapshot that was written as JSON; BadRequest for anything else."""
    try:
        found = json.loads(path.read_text("utf-8")) if path.stat().st_size <= LARGEST else None
    except OSError as error:
        raise BadRequest(f"{path} cannot be read: {error.strerror}.", "Check the path.") from error
    except (ValueError, RecursionError):
        found = None
    if not _is_snapshot(found):
        raise BadRequest(f"{path} is no snapshot.", "Only snapshots written as JSON can be compared.")
    return cast(dict[str, Any], found)


def _is_snapshot(found: object) -> bool:
    if not isinstance(found, dict) or not {"at", "target", "namespaces", *FIGURES} <= set(found):
        return False
    figures = (found[name] for name in FIGURES)
    return all(value is None or (isinstance(value, int | float) and math.isfinite(value)) for value in figures)


def compare(before: Figures, after: Figures) -> list[Difference]:
    """Every figure of two snapshots side by side."""
    return [Difference(name, before.get(name), after.get(name)) for name in FIGURES]


def comparison_object(before: Figures, after: Figures) -> dict[str, Any]:
    """The comparison as JSON: `before`, `after` (target and time), `figures` by name."""
    return {
        "before": {"at": before["at"], "target": before["target"]},
        "after": {"at": after["at"], "target": after["target"]},
        "figures": {
            difference.name: {"before": difference.before, "after": difference.after, "change": difference.change}
            for difference in compare(before, after)
        },
    }


def _plain(text: object) -> str:
    """Hostile text in a Markdown table: nothing of it means anything."""
    escaped = visible(str(text))
    for sign in "\\`*_{}[]<>|#!~&":
        escaped = escaped.replace(sign, "\\" + sign)
    return escaped
