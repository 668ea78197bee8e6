"""What a SQLite database holds, for comparing it before and after."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from cache_studio.adapters.sqlite_open import quoted


def rows_by_table(path: str | Path) -> Mapping[str, object]:
    """Every row of every table with its rowid, whatever the pages look like."""
    with closing(sqlite3.connect(path)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            f"{name} {row[0]!r}": row
            for (name,) in tables
            for row in database.execute(f"SELECT rowid, * FROM {quoted(name)}").fetchall()
        }


def run_sql(path: str | Path, *statements: str) -> None:
    """Run statements and commit them."""
    with closing(sqlite3.connect(path)) as database, database:
        for statement in statements:
            database.execute(statement)
