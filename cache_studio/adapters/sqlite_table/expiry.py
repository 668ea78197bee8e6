"""How the expiry of one row is written in a mapped table: as the table writes its own."""

import math
from collections.abc import Mapping

from cache_studio.adapters.mapping import FieldMap
from cache_studio.adapters.sqlite_open import Cell, Table, quoted
from cache_studio.adapters.sqlite_rows import Ask
from cache_studio.adapters.written_times import moment_like, ttl_like
from cache_studio.model.times import parse_time

NOT_STORED = "No column of this table is known to hold the expiry or the TTL of an entry; name one as option."
UNKNOWN_FORM = "No entry of this table shows how its application writes this expiry."
ALWAYS_ENDS = "Every entry of this table has a TTL; that it never ends cannot be said."
NO_CREATION = "When it was made is not recorded, and its TTL counts from there."


class TableExpiry:
    """The column that decides when a row is stale: one with the moment, else one with the TTL from its creation."""

    def __init__(self, table: Table, fields: FieldMap) -> None:
        self._table, self._fields = table, fields
        self._by_moment = fields.fields.get("expires", "")
        self._by_ttl = fields.fields.get("ttl_field", "") if "created" in fields.fields else ""
        self._examples: dict[str, Cell] = {}

    @property
    def is_stored(self) -> bool:
        """Whether there is such a column."""
        return bool(self._by_moment or self._by_ttl)

    def cells(
        self, ask: Ask, row: Mapping[str, Cell], created: float, moment: float
    ) -> tuple[Mapping[str, Cell], float] | str:
        """What to set in a row (its mapped columns) for this moment, and what is listed then; or why it cannot be."""
        return self._moment(ask, row, moment) if self._by_moment else self._ttl(ask, row, created, moment)

    def _moment(self, ask: Ask, row: Mapping[str, Cell], moment: float) -> tuple[Mapping[str, Cell], float] | str:
        if moment == math.inf:
            return {self._by_moment: None}, math.inf
        fields = self._fields
        examples = [row[self._by_moment], self._example(ask, self._by_moment)]
        if "created" in fields.fields:
            examples.append(row[fields.fields["created"]])
        example = next((cell for cell in examples if cell is not None), self._declared(self._by_moment))
        written = moment_like(example, moment, fields.unit, fields.zone)
        if written is None:
            return UNKNOWN_FORM
        return {self._by_moment: written}, parse_time(written, fields.unit, fields.zone)

    def _ttl(
        self, ask: Ask, row: Mapping[str, Cell], created: float, moment: float
    ) -> tuple[Mapping[str, Cell], float] | str:
        if math.isnan(created):
            return NO_CREATION
        if moment == math.inf:
            return ({self._by_ttl: None}, math.inf) if self._fields.ttl == math.inf else ALWAYS_ENDS
        example = row[self._by_ttl]
        if example is None:
            example = self._example(ask, self._by_ttl)
        if example is None:
            example = self._declared(self._by_ttl)
        written = ttl_like(example, moment - created)
        return {self._by_ttl: written}, created + written

    def _example(self, ask: Ask, column: str) -> Cell:
        """What another row has in this column; looked for once, because it may cost a walk through the table."""
        if column not in self._examples:
            name, table = quoted(column), quoted(self._table.name)
            found = ask(f"SELECT {name} FROM {table} WHERE {name} IS NOT NULL LIMIT 1", ())
            self._examples[column] = found[0][0] if found else None
        return self._examples[column]

    def _declared(self, column: str) -> Cell:
        """A number of the declared type, where the column shows nothing yet."""
        kind = next((one.type.upper() for one in self._table.columns if one.name == column), "")
        if "INT" in kind:
            return 0
        return 0.0 if any(word in kind for word in ("REAL", "FLOA", "DOUB", "NUM", "DEC")) else None
