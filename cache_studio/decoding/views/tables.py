"""Tables of what was pickled by numpy and pandas: the first rows and columns, and the facts of the rest."""

from cache_studio.decoding.pickled.arrays import ArrayParts, array_parts
from cache_studio.decoding.views.cells import cell_text, dtype_name
from cache_studio.decoding.views.frames import Frame, frame_of
from cache_studio.decoding.views.shapes import TableView

MOST_ROWS = 200
MOST_COLUMNS = 50
LONGEST_NAME = 200


def table_view(value: object) -> TableView | None:
    """The table that `value` is; None for what is none. Arrays of no or many dimensions have only their facts."""
    parts = array_parts(value)
    if parts is not None:
        return _of_array(parts)
    frame = frame_of(value)
    return None if frame is None else _of_frame(frame)


def _of_array(parts: ArrayParts) -> TableView:
    kind = dtype_name(parts)
    flat = len(parts.shape) <= 2 and parts.readable
    rows, columns = (*parts.shape, 1, 1)[:2] if flat else (0, 0)
    shown_rows, shown_columns = min(rows, MOST_ROWS), min(columns, MOST_COLUMNS)
    places = [[(row, column)[: len(parts.shape)] for column in range(shown_columns)] for row in range(shown_rows)]
    notes = () if flat else ("Cells are shown of plain types in one or two dimensions.",)
    return TableView(
        origin="numpy array",
        shape=parts.shape,
        kind=kind,
        rows=rows,
        columns=columns,
        names=tuple(str(column) for column in range(shown_columns)),
        kinds=(kind,) * shown_columns,
        index=tuple(str(row) for row in range(shown_rows)),
        cells=tuple(tuple(cell_text(parts.at(place), parts) for place in line) for line in places),
        notes=notes + _cut_notes(rows, columns),
    )


def _of_frame(frame: Frame) -> TableView:
    rows = range(min(frame.rows, MOST_ROWS))
    columns = [frame.column(number) for number in range(min(frame.count, MOST_COLUMNS))]
    unknown = [column.name for column in columns if column.kind == "unknown"]
    notes: tuple[str, ...] = ()
    if unknown:
        notes = (f"Of a kind that cannot be shown: {', '.join(name[:40] for name in unknown[:10])}.",)
    return TableView(
        origin=frame.origin,
        shape=(frame.rows, frame.count) if frame.origin.endswith("Frame") else (frame.rows,),
        kind="",
        rows=frame.rows,
        columns=frame.count,
        names=tuple(column.name[:LONGEST_NAME] for column in columns),
        kinds=tuple(column.kind for column in columns),
        index=tuple(frame.index.cell(row) for row in rows),
        cells=tuple(tuple(column.cell(row) for column in columns) for row in rows),
        notes=notes + _cut_notes(frame.rows, frame.count),
    )


def _cut_notes(rows: int, columns: int) -> tuple[str, ...]:
    notes = []
    if rows > MOST_ROWS:
        notes.append(f"The first {MOST_ROWS:,} of {rows:,} rows are shown.")
    if columns > MOST_COLUMNS:
        notes.append(f"The first {MOST_COLUMNS:,} of {columns:,} columns are shown.")
    return tuple(notes)
