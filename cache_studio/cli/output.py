"""What the commands print on stdout: tables for people, JSON for programs. Hostile text stays text."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cache_studio.model.units import NOT_RECORDED, format_count, format_size
from cache_studio.model.visible import visible


def print_json(value: Any) -> None:
    """One JSON document, indented."""
    _write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_line(value: Any) -> None:
    """One JSON document on one line."""
    _write(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def print_text(text: str) -> None:
    """Text as it is, less what a terminal would obey."""
    _write("\n".join(map(visible, text.split("\n"))) + "\n")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[str] = ()) -> None:
    """A table; the columns named in `right` are aligned at their end."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(str(cell))) for cell in row))
    terminal = sys.stdout.isatty()
    console = Console(
        file=sys.stdout, highlight=False, markup=False, width=None if terminal else 10_000, soft_wrap=not terminal
    )
    console.print(table)


def print_figures(figures: Mapping[str, object]) -> None:
    """Two columns: name and figure."""
    print_table(
        ("figure", "value"), [(name.replace("_", " "), figure_text(name, value)) for name, value in figures.items()]
    )


def figure_text(name: str, value: object) -> str:
    """A figure as people read it, by its name: bytes, shares, counts; unknown is "not recorded"."""
    if value is None:
        return NOT_RECORDED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        if name.endswith(("size", "bytes")) or name.startswith("volume") or name in ("reclaimable", "capacity"):
            return format_size(value)
        return f"{value * 100:.1f} %" if name.endswith("hit_rate") else format_count(value)
    if isinstance(value, list):
        return ", ".join(str(part) for part in value) or "none"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
    except UnicodeEncodeError:
        sys.stdout.write(
            text.encode(sys.stdout.encoding or "ascii", "backslashreplace").decode(sys.stdout.encoding or "ascii")
        )
