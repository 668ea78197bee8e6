"""The studio's side of sqlitedict."""

import base64
import binascii
from collections.abc import Collection, Mapping, Sequence

from cache_studio.adapters.defaults import join, lookup_by_scan
from cache_studio.adapters.key_value_rows import KeyValueAdapter
from cache_studio.adapters.pickle_heads import looks_pickled
from cache_studio.adapters.pickled_keys import LONGEST_PICKLE, pickle_text
from cache_studio.adapters.sqlite_adapter import table_missing
from cache_studio.adapters.sqlite_open import Cell, Table
from cache_studio.adapters.sqlite_text import shown_key
from cache_studio.adapters.sqlitedict.layout import tables_as_made
from cache_studio.model.columns import Batch
from cache_studio.model.errors import WrongFormat
from cache_studio.model.options import OptionValue
from cache_studio.model.targets import Target

UNCOMMITTED = "An application that has written and not committed keeps the database locked, and its rows are not seen."
_PICKLED = "gA"
"""How base64 of a pickle begins, whichever protocol."""


class SqlitedictAdapter(KeyValueAdapter):
    """One table of sqlitedict; a key may be a pickle in base64 (`encode_key`), which is shown as what it holds."""

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "KeyValueAdapter":
        """Open the table that the options name, else the library's usual one, else the first."""
        adapter = super().open(target, options, writable=writable)
        adapter.warnings = (*adapter.warnings, UNCOMMITTED)
        return adapter

    def _table_of(self, tables: Mapping[str, Table]) -> Table:
        found = tables_as_made(tables)
        wanted = str(self._options.get("table") or (found[0] if found else ""))
        if not wanted:
            raise WrongFormat("The database has no table of sqlitedict.", "Attach it as sqlite-table.")
        if wanted not in tables:
            raise table_missing(wanted)
        if tables[wanted].names != ("key", "value"):
            raise WrongFormat(f"The table “{wanted}” is none of sqlitedict.", "Attach it as sqlite-table.")
        return tables[wanted]

    def _titles(self, keys: Sequence[Cell]) -> tuple[list[str], dict[int, str]]:
        titles = [_unpickled(key) or (shown_key(key), "") for key in keys]
        problems = {row: problem for row, (_title, problem) in enumerate(titles) if problem}
        return [title for title, _problem in titles], problems

    def lookup(self, keys: Collection[str], namespace: str | None = None) -> Batch:
        """By the index; what is not found so may be stored as a pickle."""
        found = super().lookup(keys, namespace)
        missing = set(keys) - set(found.keys)
        return join([found, lookup_by_scan(self, missing, namespace)]) if missing else found


def _unpickled(key: Cell) -> tuple[str, str] | None:
    if not isinstance(key, str) or not key.startswith(_PICKLED) or len(key) > LONGEST_PICKLE:
        return None
    try:
        data = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        return None
    if not looks_pickled(data):
        return None
    text, problem = pickle_text(data)
    return None if problem else (text, "")
