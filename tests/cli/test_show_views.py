"""`show` of values that are a response, an answer or a table: as text and as JSON."""

import json
import pickle
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from commands import Ended

from cache_studio.cli.views_text import view_lines
from cache_studio.config import paths
from cache_studio.decoding.views.shapes import TableView, Views

RESPONSE = {
    "_content": b'{"a": "<b>\\u001b[31m"}',
    "headers": {"Content-Type": "application/json", "Cache-Control": "max-age=60", "X": "\x1b[31m\u202e"},
    "request": {"method": "GET", "url": "https://example.com/", "headers": {}},
    "reason": "OK",
    "status_code": 200,
    "url": "https://example.com/",
    "created_at": "2026-11-21T08:00:00+00:00",
}
CHAT = {
    "model": "gpt-4o",
    "choices": [{"message": {"role": "assistant", "content": "Yes.\nNo."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 20},
}
Command = Callable[..., Ended]


@pytest.fixture
def target(tmp_path: Path) -> str:
    path = tmp_path / "values.db"
    values = {"response": pickle.dumps(RESPONSE), "chat": json.dumps(CHAT).encode(), "plain": b"[1]"}
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE cache(key TEXT PRIMARY KEY, value BLOB)")
        database.executemany("INSERT INTO cache VALUES(?, ?)", values.items())
    return f"sqlite-table:{path}?table=cache&key=key&value=value"


def test_a_response_as_text(command: Command, target: str) -> None:
    lines = command("show", target, "response").out.splitlines()
    for line in (
        "  HTTP response (requests-cache)",
        "    GET https://example.com/",
        "    200 OK",
        "    Lifetime: 1 min 00 s, by max-age (recorded)",
        "      X: \\x1b[31m\\u202e",
        "    body",
        "  as stored",
    ):
        assert line in lines
    assert any(line.startswith("    Freshness: stale for ") for line in lines)


def test_a_response_as_json(command: Command, target: str) -> None:
    value = json.loads(command("show", target, "response", "--format", "json").out)["values"][0]
    http = value["http"]
    assert (http["status"], http["url"], http["state"], http["lifetime"]) == (200, "https://example.com/", "stale", 60)
    assert http["stored_at"].startswith("2026-11-21T08:00:00")
    assert http["date"] is None
    assert http["body"]["tree"]["children"][0]["key"] == "a"
    assert (value["llm"], value["table"], value["chain"]) == (None, None, ["pickle"])


def test_an_answer_with_prices_of_the_settings(command: Command, target: str) -> None:
    assert "    Cost: not recorded" in command("show", target, "chat").out.splitlines()
    file = paths.settings_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('[prices."gpt-4o"]\ninput = 2.5\noutput = 10\n')
    assert "    Cost: 0.000225 (derived)" in command("show", target, "chat").out.splitlines()
    llm = json.loads(command("show", target, "chat", "--format", "json").out)["values"][0]["llm"]
    assert llm["cost"] == pytest.approx(0.000225)
    assert llm["answers"] == [{"role": "assistant", "text": "Yes.\nNo.", "note": None}]


def test_a_value_that_is_nothing_of_these_has_no_view(command: Command, target: str) -> None:
    assert "as stored" not in command("show", target, "plain").out


def test_a_table_as_lines() -> None:
    table = TableView(
        "pandas DataFrame",
        (2, 2),
        "",
        2,
        2,
        ("a", "b"),
        ("int64", "str"),
        ("0", "1"),
        (("1", "x" * 90), ("22", "\x1b")),
    )
    assert view_lines(Views(table=table), 0.0, {}) == [
        "  pandas DataFrame, 2 rows, 2 columns",
        "       a      b",
        "       int64  str",
        "    0  1      " + "x" * 37 + "...",
        "    1  22     \\x1b",
    ]
