"""The runtime's door to a table of a SQLite database."""

from access_contract import AccessContract


class TestSQLiteTableAccess(AccessContract):
    """What every key access promises."""

    format_name = "sqlite-table"
    location = "cache.db"
    keeps_accessed = keeps_hits = keeps_metadata = True
