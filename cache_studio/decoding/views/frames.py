"""The columns of a pandas frame or series, read from the pickle's tree. pandas is not imported.

What an array of pandas would be made of is looked at by the name of its class; a class that is not known has cells
that are not shown, never a guess.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cache_studio.decoding.pickled.arrays import array_parts
from cache_studio.decoding.pickled.values import Instance
from cache_studio.decoding.views.cells import CellReader, reader_of
from cache_studio.decoding.views.reading import (
    arguments,
    class_name,
    fields,
    members,
    number,
    states,
    whole,
    wording,
)

MOST_BLOCKS = 1_000
_FRAMES = ("pandas.DataFrame", "pandas.core.frame.DataFrame")
_SERIES = ("pandas.Series", "pandas.core.series.Series")
_SLICES = ("builtins.slice", "__builtin__.slice")


@dataclass(frozen=True, slots=True)
class Column:
    """The cells of one column (or of the labels of the rows): `kind` is its dtype, `cell` gives one as text."""

    name: str
    kind: str
    cell: Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame or series: `count` columns and `rows`, of which `column(number)` reads one, `index` the row labels."""

    origin: str
    rows: int
    count: int
    index: Column
    column: Callable[[int], Column]


def frame_of(value: object) -> Frame | None:
    """The frame that `value` would be; None for anything else."""
    name = class_name(value)
    if name not in _FRAMES and name not in _SERIES:
        return None
    known = fields(value)
    manager = known.get("_mgr", known.get("_data"))
    found = _parts_of_manager(manager)
    if found is None:
        return None
    blocks, axes = found
    if name in _SERIES:
        return _series(known, blocks, axes)
    if len(axes) != 2:
        return None
    return _frame(blocks, axes)


def _parts_of_manager(manager: object) -> tuple[list["_Block"], list[object]] | None:
    """The blocks and axes of a manager, whichever of the two ways a pandas wrote it."""
    if not class_name(manager).startswith("pandas.core.internals.managers."):
        return None
    given = arguments(manager)
    if len(given) >= 2:
        listed = [arguments(block) for block in members(given[0])[:MOST_BLOCKS]]
        return [_Block(block[0], block[1]) for block in listed if len(block) >= 2], members(given[1])
    for state in states(manager):
        last = members(state)[-1:]
        old = fields(fields(last[0]).get("0.14.1")) if last else {}
        blocks = [fields(block) for block in members(old.get("blocks"))[:MOST_BLOCKS]]
        return [_Block(block.get("values"), block.get("mgr_locs")) for block in blocks], members(old.get("axes"))
    return None


@dataclass(frozen=True, slots=True)
class _Block:
    """Columns of one dtype: `values` and the numbers of the columns that they are."""

    values: object
    place: object

    def row_of(self, column: int) -> int | None:
        """Which row of `values` is that column."""
        if class_name(self.place) in _SLICES:
            given = arguments(self.place)
            start, stop, step = (whole(part) for part in (*given, None, None, None)[:3])
            if start is None or stop is None or not start <= column < stop or (column - start) % (step or 1):
                return None
            return (column - start) // (step or 1)
        parts = array_parts(self.place)
        if parts is None or len(parts.shape) != 1:
            return None
        places = range(min(parts.shape[0], 10_000))
        return next((at for at in places if parts.at((at,)) == column), None)


def _series(known: dict[str, object], blocks: list[_Block], axes: list[object]) -> Frame | None:
    if len(axes) != 1 or not blocks:
        return None
    index, rows = _index(axes[0])
    cells = reader_of(blocks[0].values)
    name = wording(known.get("_name", known.get("name")))
    return Frame("pandas Series", rows, 1, index, lambda _: _column(name, cells, 0))


def _frame(blocks: list[_Block], axes: list[object]) -> Frame:
    names, count = _index(axes[0])
    index, rows = _index(axes[1])

    def column(number: int) -> Column:
        for block in blocks:
            row = block.row_of(number)
            if row is not None:
                return _column(names.cell(number), reader_of(block.values), row)
        return _column(names.cell(number), None, 0)

    return Frame("pandas DataFrame", rows, count, index, column)


def _column(name: str, cells: CellReader | None, row: int) -> Column:
    if cells is None:
        return Column(name, "unknown", lambda _: "")
    return Column(name, cells.kind, lambda at: cells.cell(row, at))


def _index(value: object) -> tuple[Column, int]:
    """The labels of an axis and how many there are."""
    given = arguments(value)
    kind = class_name(given[0]) if given and isinstance(given[0], Instance) else str(given[0]) if given else ""
    known = fields(given[1]) if len(given) > 1 else {}
    name = wording(known.get("name"))
    if kind.endswith("RangeIndex"):
        return _range(known, name)
    if kind.endswith("MultiIndex"):
        return _levels(known)
    cells = reader_of(known.get("data"))
    if cells is None:
        return Column(name, "unknown", lambda _: ""), 0
    return Column(name, cells.kind, lambda at: cells.cell(0, at)), cells.length


def _range(known: dict[str, object], name: str) -> tuple[Column, int]:
    numbers = [number(known.get(part)) for part in ("start", "stop", "step")]
    if any(value != value or abs(value) > 2**60 for value in numbers) or not numbers[2]:
        return Column(name, "range", lambda _: ""), 0
    labels = range(*(int(value) for value in numbers))
    try:
        length = len(labels)
    except OverflowError:
        return Column(name, "range", lambda _: ""), 0
    return Column(name, "range", lambda at: str(labels[at])), length


def _levels(known: dict[str, object]) -> tuple[Column, int]:
    levels = [_index(level)[0] for level in members(known.get("levels"))[:10]]
    codes = [reader_of(code) for code in members(known.get("codes"))[:10]]
    name = ", ".join(wording(part) for part in members(known.get("names"))[:10])

    def label(at: int) -> str:
        parts = []
        for level, code in zip(levels, codes, strict=False):
            place = code.cell(0, at) if code is not None else ""
            parts.append(level.cell(int(place)) if place.isdigit() else "NaN")
        return ", ".join(parts)

    return Column(name, "labels", label), codes[0].length if codes and codes[0] is not None else 0
