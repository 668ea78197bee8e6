"""Failed assertions of the shared suites explain themselves like those of a test file; waits for a lock are short."""

import pytest

from cache_studio.adapters import sqlite_open

pytest.register_assert_rewrite("contract", "library_contract", "machine")


@pytest.fixture
def brief_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is locked is given up soon; `test_sqlite_open.py` waits as long as a user does."""
    monkeypatch.setattr(sqlite_open, "BUSY_SECONDS", 0.1)
