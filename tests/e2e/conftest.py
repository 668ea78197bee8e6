"""Real caches in the layouts of their applications, and the real program run on them."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "adapters"))

from commands import Ended, runner
from layout_trees import TREES
from redis_caches import application, write_response

from cache_studio.cli.diagnostics import Exit

TABLE_KEYS = ("alpha", "beta", "gamma")


@pytest.fixture
def cache_studio(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """Run a command as a user does, without a terminal."""
    run_here = runner(monkeypatch)

    def run_well(*arguments: object) -> Ended:
        ended = run_here(*arguments)
        assert ended.code != Exit.BUG, ended.err
        return ended

    return run_well


def _table(base: Path) -> str:
    import sqlite3
    from contextlib import closing

    path = base / "app.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE http_cache (cache_key TEXT PRIMARY KEY, value BLOB, created_at REAL, hits INT)")
        for number, key in enumerate(TABLE_KEYS):
            database.execute("INSERT INTO http_cache VALUES (?, ?, 1800000000.0, ?)", (key, b"v" * 50, number))
    return f"sqlite-table:{path}?table=http_cache"


def _json_table(base: Path) -> str:
    path = base / "sessions.json"
    path.write_text(json.dumps({key: {"v": key, "saved": 1_700_000_000} for key in TABLE_KEYS}))
    return f"json-table:{path}"


def _redis(url: str, kind: str) -> str:
    with application(url) as client:
        for number, key in enumerate(TABLE_KEYS):
            if kind == "redis":
                client.set(f"app:{key}", b"v" * 50, ex=3600 + number)
            else:
                write_response(client, "app:cache:" + format(number, "064x"), key)
    prefix = "app:" if kind == "redis" else "app:cache:"
    return f"{url}?prefix={prefix}&format={kind}"


@pytest.fixture
def make_cache(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """A cache of three entries in a format; its target."""

    def make(name: str) -> str:
        if name in TREES:
            return str(TREES[name](tmp_path))
        if name == "sqlite-table":
            return _table(tmp_path)
        if name == "json-table":
            return _json_table(tmp_path)
        return _redis(request.getfixturevalue("redis_url"), name)

    return make


FORMATS = (
    "json-directory", "json-file", "multi-level", "asset-cache", "sqlite-table", "json-table", "redis",
    "redis-response",
)  # fmt: skip
"""The layouts of libraries are run with their libraries (`tests/adapters/library_contract.py`)."""


@pytest.fixture(params=FORMATS)
def format_name(request: pytest.FixtureRequest) -> str:
    """Each format, one after another."""
    return request.param


@pytest.fixture
def target(format_name: str, make_cache: Callable[[str], str]) -> str:
    """A cache of three entries in this format."""
    return make_cache(format_name)
