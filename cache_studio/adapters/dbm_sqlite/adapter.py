"""The studio's side of dbm.sqlite3."""

from collections.abc import Mapping, Sequence

from cache_studio.adapters.dbm_sqlite.layout import TABLE, is_dbm
from cache_studio.adapters.key_value_rows import KeyValueAdapter
from cache_studio.adapters.sqlite_open import Cell, Table
from cache_studio.adapters.sqlite_text import shown_keys
from cache_studio.model.errors import WrongFormat

SHELVES = "A shelve that was opened with writeback keeps its entries in memory and stores them again when it is closed."


class DbmSqliteAdapter(KeyValueAdapter):
    """Bytes by bytes; a shelve has UTF-8 as keys and pickles as values."""

    returns_entries = SHELVES

    def _table_of(self, tables: Mapping[str, Table]) -> Table:
        if not is_dbm(tables):
            raise WrongFormat(f"The database is none of dbm.sqlite3: it has one table “{TABLE}”.", "Check the path.")
        return tables[TABLE]

    def _titles(self, keys: Sequence[Cell]) -> tuple[list[str], dict[int, str]]:
        return shown_keys(keys), {}
