"""The rows of a cache of HTTP responses, with the redirects that lead to them in a second table."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from sqlite3 import Connection
from typing import TYPE_CHECKING

from cache_studio.adapters.sqlite_database import Database
from cache_studio.adapters.sqlite_open import Table, placeholders, quoted
from cache_studio.adapters.sqlite_rows import Copied, Row, Rows
from cache_studio.adapters.sqlite_text import lengths_sql
from cache_studio.model.seeing import Fate, Part, Restoration, Return

if TYPE_CHECKING:
    from cache_studio.model.identity import EntryId

DANGLING = "dangling redirects"
_KEYS_AT_ONCE = 500


def keyed_rows(table: Table) -> Rows:
    """The rows of a table that are told apart by their `key`."""
    return Rows(table, ("key",), table.rowid_name)


@dataclass(frozen=True, slots=True)
class ResponseRows(Rows):
    """Rows that take their redirects with them, in the same transaction, both out and back.

    A redirect without its response makes the library say that the response is there.
    """

    redirects: Rows | None = None
    led: "dict[EntryId, list[Row]]" = field(default_factory=dict)
    """The redirects to each entry that is being removed or put back, as they were copied."""

    def leading_to(self, database: Database, keys: "Sequence[EntryId]") -> "dict[EntryId, list[Row]]":
        """The redirects to each of these keys, whole rows."""
        found: dict[EntryId, list[Row]] = {}
        if self.redirects is None:
            return found
        texts = [key for key in keys if isinstance(key, str)]
        table, columns = self.redirects.table, self.redirects.columns
        names, value = ", ".join(table.sql(name) for name in columns), columns.index("value")
        for start in range(0, len(texts), _KEYS_AT_ONCE):
            marks, values = placeholders(texts[start : start + _KEYS_AT_ONCE])
            for row in database.rows(f"SELECT {names} FROM {quoted(table.name)} WHERE value IN ({marks})", values):
                found.setdefault(str(row[value]), []).append(row)
        return found

    def remove_equal(self, connection: Connection, copied: Copied, seconds: float = float("inf")) -> list[Fate]:
        """As `Rows.remove_equal`; the copied redirects go with the responses that went."""
        fates = Rows.remove_equal(self, connection, copied, seconds)
        for entry_id in copied.ids[: len(fates)]:
            for row in self.led.get(entry_id, ()):
                self._remove_redirect(connection, row)
        return fates

    def _remove_redirect(self, connection: Connection, row: Row) -> None:
        assert self.redirects is not None
        table = self.redirects.table
        where, values = self.redirects.place(self.redirects.id_of(row))
        leads_to = row[self.redirects.columns.index("value")]
        kept = f"SELECT 1 FROM {quoted(self.table.name)} WHERE key IS ?"
        sql = f"DELETE FROM {quoted(table.name)} WHERE {where} AND value IS ? AND NOT EXISTS ({kept})"
        connection.execute(sql, [*values, leads_to, leads_to])

    def put_back(self, connection: Connection, entry_id: "EntryId", row: Row) -> Restoration:
        """As `Rows.put_back`, with its redirects; a redirect that the library stored anew stays."""
        answer = Rows.put_back(self, connection, entry_id, row)
        if answer.fate is Return.RESTORED and self.redirects is not None:
            for redirect in self.led.get(entry_id, ()):
                self.redirects.put_back(connection, self.redirects.id_of(redirect), redirect)
        return answer


def dangling(database: Database, redirects: Table, responses: Table) -> Part | None:
    """The redirects that lead to no response."""
    length = f"{lengths_sql('d.key')} + {lengths_sql('d.value')}"
    sql = f"SELECT count(*), total({length}) FROM {quoted(redirects.name)} AS d WHERE {_leads_nowhere(responses)}"
    count, total = database.rows(sql)[0]
    return Part(DANGLING, int(count or 0), int(total or 0)) if count else None


def prune(database: Database, redirects: Table, responses: Table) -> int:
    """Remove them, as the library does at each removal; their number."""
    with database.writing() as connection:
        where = _leads_nowhere(responses)
        return connection.execute(f"DELETE FROM {quoted(redirects.name)} AS d WHERE {where}").rowcount


def count_of(database: Database, table: Table) -> int:
    """How many rows a table has."""
    return int(database.value(f"SELECT count(*) FROM {quoted(table.name)}") or 0)


def _leads_nowhere(responses: Table) -> str:
    return f"NOT EXISTS (SELECT 1 FROM {quoted(responses.name)} AS r WHERE r.key IS d.value)"


def rows_of_copies(copied: object, columns: int) -> list[Row]:
    """The redirects that a copy holds, as far as the table has as many columns today."""
    if not isinstance(copied, list):
        return []
    return [tuple(row) for row in copied if isinstance(row, list) and len(row) == columns]


def is_led(database: Database, redirects: Rows, row: Row) -> bool:
    """Whether there is a redirect with this key, wherever it leads now."""
    where, values = redirects.place(redirects.id_of(row))
    return bool(database.rows(f"SELECT 1 FROM {quoted(redirects.table.name)} WHERE {where} LIMIT 1", values))
