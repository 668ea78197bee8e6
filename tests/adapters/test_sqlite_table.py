"""Any SQLite table as a cache."""

import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from contract import AdapterContract

from cache_studio.adapters.base import Certainty
from cache_studio.adapters.registry import get_format
from cache_studio.adapters.sight import Sight
from cache_studio.model.targets import Target

NOW = time.time()


def table_of(path: Path) -> dict[str, object]:
    """What the database holds, whatever its pages look like."""
    with closing(sqlite3.connect(path)) as database:
        return {
            f"{name} {row[0]!r}": row
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for row in database.execute(f'SELECT rowid, * FROM "{name}"').fetchall()
        }


class TestSQLiteTable(AdapterContract):
    format_name = "sqlite-table"
    ordinary = ("key-0", "key-1", "key-2", "key-3", "<img src=x>", "line\nbreak\u202e")
    stale = ("old-0", "old-1")
    forever = ("always",)
    broken = ("bad expiry",)
    count = 12

    def make(self, tmp_path: Path) -> Target:
        folder = tmp_path / "application"
        folder.mkdir()
        with closing(sqlite3.connect(folder / "app.db")) as database, database:
            database.execute("CREATE TABLE settings (name TEXT, setting TEXT)")
            database.execute(
                "CREATE TABLE http_cache (cache_key TEXT UNIQUE, value BLOB, created_at REAL, expires_at, hits INTEGER)"
            )
            for place, key in enumerate([*self.ordinary, "with\0nul", "plain"]):
                database.execute(
                    "INSERT INTO http_cache VALUES (?, ?, ?, ?, ?)",
                    (key, b"v" * (place * 100), NOW - 100, NOW + 3600, place),
                )
            for key in self.stale:
                database.execute("INSERT INTO http_cache VALUES (?, 'text', ?, ?, 0)", (key, NOW - 100, NOW - 50))
            database.execute("INSERT INTO http_cache VALUES ('always', x'00ff', ?, NULL, 3)", (NOW,))
            database.execute("INSERT INTO http_cache VALUES ('bad expiry', 'x', ?, 'soon', NULL)", (NOW,))
        return Target(str(folder / "app.db"), "sqlite-table", {"table": "http_cache"})

    def application_rewrites(self, target: Target, key: str) -> None:
        with closing(sqlite3.connect(target.location)) as database, database:
            database.execute(
                "INSERT OR REPLACE INTO http_cache VALUES (?, ?, ?, ?, 0)", (key, b"newer" * 500, NOW, NOW + 7200)
            )

    def application_deletes(self, target: Target, key: str) -> None:
        with closing(sqlite3.connect(target.location)) as database, database:
            database.execute("DELETE FROM http_cache WHERE cache_key = ?", (key,))

    def stored(self, target: Target) -> Mapping[str, object]:
        return table_of(Path(target.location))

    def test_its_own_tree_is_recognised(self, target: Target) -> None:
        found = get_format("sqlite-table").recognise(Sight(target.location))
        assert found.certainty is Certainty.LOOK
        assert found.options == {
            "table": "http_cache",
            "key": "cache_key",
            "value": "value",
            "created": "created_at",
            "expires": "expires_at",
            "hits": "hits",
        }
