"""How the expiry of one row is written in a mapped table: as the table writes its own."""

from collections.abc import Mapping, Sequence

from cache_studio.adapters.mapped_expiry import MappedExpiry
from cache_studio.adapters.mapping import FieldMap
from cache_studio.adapters.sqlite_open import Cell, Table, quoted
from cache_studio.adapters.sqlite_rows import Ask

_FRACTIONAL = ("REAL", "FLOA", "DOUB", "NUM", "DEC")


class TableExpiry:
    """The column that decides when a row of `table` is stale."""

    def __init__(self, table: Table, fields: FieldMap) -> None:
        self._table = table
        self._mapped = MappedExpiry(fields)
        self._example: list[Cell] | None = None

    @property
    def why_not(self) -> str:
        """Why no expiry can be set in this table, "" where it can."""
        return self._mapped.why_not

    def cells(self, ask: Ask, row: Mapping[str, Cell], moment: float) -> tuple[Mapping[str, Cell], float] | str:
        """What to set in a row (its mapped columns) for this moment, and what is listed then; or why it cannot be."""
        found = self._mapped.written(row, moment, lambda: self._examples(ask))
        return found if isinstance(found, str) else ({self._mapped.field: found[0]}, found[1])

    def _examples(self, ask: Ask) -> Sequence[Cell]:
        """What another row has in the column, and a number of its declared type."""
        column = self._mapped.field
        if self._example is None:  # looked for once, because it may cost a walk through the table
            name, table = quoted(column), quoted(self._table.name)
            found = ask(f"SELECT {name} FROM {table} WHERE {name} IS NOT NULL LIMIT 1", ())
            self._example = [cell for (cell,) in found]
        kind = next((one.type.upper() for one in self._table.columns if one.name == column), "")
        declared: Cell = 0 if "INT" in kind else 0.0 if any(word in kind for word in _FRACTIONAL) else None
        return (*self._example, declared)
