"""The columns of the entry table: declared once; header, cells, widths, sorting and tooltips are derived."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from cache_studio.gui.look.text import display_text
from cache_studio.model.columns import PENDING_BITS, View
from cache_studio.model.units import format_age, format_count, format_size

NOTHING = "–"
"""Stands in a cell for what is not recorded; the tooltip says it in words."""
WAITING = "…"
KEY_SHOWN = 400
"""Characters of a key that a cell looks at."""

Cell = Callable[[View, int, float], str]


@dataclass(frozen=True, slots=True)
class EntryColumn:
    """A column: its name (also what `Sort` calls it), its text for (view, row, now), width in pixels."""

    name: str
    cell: Cell
    width: int
    right: bool = False
    number: str = ""
    """The numeric column of a view that it shows, if any."""

    @property
    def sort_name(self) -> str:
        """What `services.ordering` calls it."""
        return self.name.lower()


def _key(view: View, row: int, now: float) -> str:
    return display_text(view.keys[row], KEY_SHOWN)


def _namespace(view: View, row: int, now: float) -> str:
    return display_text(view.namespace_names[int(view.namespace_codes[row])], KEY_SHOWN) or NOTHING


def _type(view: View, row: int, now: float) -> str:
    return display_text(view.type_names[int(view.type_codes[row])], KEY_SHOWN) or NOTHING


def _size(view: View, row: int, now: float) -> str:
    value, waits = _number(view, "size", row)
    if math.isnan(value):
        return WAITING if waits else NOTHING
    return ("~" if waits else "") + format_size(value)


def _since(name: str) -> Cell:
    def cell(view: View, row: int, now: float) -> str:
        value, waits = _number(view, name, row)
        if math.isnan(value):
            return WAITING if waits else NOTHING
        return format_age(now - value)

    return cell


def _hits(view: View, row: int, now: float) -> str:
    value, waits = _number(view, "hits", row)
    if math.isnan(value):
        return WAITING if waits else NOTHING
    return format_count(value)


def _number(view: View, name: str, row: int) -> tuple[float, bool]:
    return float(view.numbers[name][row]), bool(int(view.pending[row]) & PENDING_BITS[name])


def _painted(view: View, row: int, now: float) -> str:
    """TTL and tags are drawn from their own roles."""
    return ""


COLUMNS = (
    EntryColumn("key", _key, 120),
    EntryColumn("namespace", _namespace, 84),
    EntryColumn("type", _type, 56),
    EntryColumn("size", _size, 70, True, "size"),
    EntryColumn("age", _since("created"), 56, True, "created"),
    EntryColumn("TTL", _painted, 108, True, "expires"),
    EntryColumn("last read", _since("accessed"), 74, True, "accessed"),
    EntryColumn("hits", _hits, 48, True, "hits"),
    EntryColumn("tags", _painted, 48),
)
"""In the order in which the table shows them at first."""
KEY, NAMESPACE, TYPE, SIZE, AGE, TTL, LAST_READ, HITS, TAGS = range(len(COLUMNS))
