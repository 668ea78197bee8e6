"""What is broken, wrong or hostile ends in a row with its problem or one sentence with a hint, and changes nothing."""

import json
import os
import pickle
import sqlite3
from contextlib import closing

import pytest
from layout_trees import asset_cache, json_directory, json_file, multi_level
from servers import RedisServer


class Canary:
    """Touches a file when somebody unpickles it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def refused(ended, code=3):
    assert (ended.code, ended.out) == (code, ""), ended.err
    assert len(ended.err.strip().splitlines()) == 1
    assert ended.err.strip()


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"not a cache"])
def test_a_file_that_is_no_cache(cache_studio, tmp_path, content):
    for name in ("cache.json", "cache.db"):
        path = tmp_path / name
        path.write_bytes(content)
        ended = cache_studio("list", path)
        assert ended.code in (0, 3)
        assert ended.err.strip()
        assert path.read_bytes() == content


def test_a_wrong_format_is_one_sentence(cache_studio, tmp_path):
    path = json_file(tmp_path)
    refused(cache_studio("list", f"asset-cache:{path}"))
    refused(cache_studio("list", f"sqlite-table:{path}?table=x"))
    refused(cache_studio("list", f"redis:{path}"), code=2)


def test_a_half_written_entry_is_a_row_with_its_problem(cache_studio, tmp_path):
    folder = json_directory(tmp_path)
    path = min(folder.iterdir())
    path.write_bytes(path.read_bytes()[:40])
    rows = cache_studio("list", folder, "--format", "json").json
    assert len(rows) == 3
    assert sum(row["problem"] is not None for row in rows) == 1
    figures = cache_studio("stats", folder, "--format", "json").json
    assert (figures["entries"], figures["problems"]) == (3, 1)


def test_half_a_json_file_shows_what_stands_before_the_fault(cache_studio, tmp_path):
    path = json_file(tmp_path)
    half = path.read_bytes()[:-120]
    path.write_bytes(half)
    ended = cache_studio("list", f"json-file:{path}", "--format", "json")
    assert ended.code in (0, 3)
    assert ended.err.strip()
    assert cache_studio("clear", f"json-file:{path}", "--yes").code != 70
    assert path.read_bytes() == half


def test_a_broken_page_is_no_traceback(cache_studio, tmp_path):
    folder = asset_cache(tmp_path)
    path = folder / "cache.db"
    with closing(sqlite3.connect(path)) as database, database:
        for number in range(300):
            database.execute(
                "INSERT INTO cache_entries(asset_type, prompt_hash, prompt_text, file_path) VALUES ('tts', ?, ?, '')",
                (f"{number:064x}", "p" * 500),
            )
    content = bytearray(path.read_bytes())
    content[10 * 4096 : 12 * 4096] = b"\xff" * 8192
    path.write_bytes(content)
    ended = cache_studio("list", f"asset-cache:{folder}", "--format", "json")
    assert ended.code in (0, 1, 3)
    assert ended.err.strip()


def test_a_pickle_that_would_run_a_command_runs_nothing(cache_studio, tmp_path):
    base = multi_level(tmp_path)
    canary = tmp_path / "canary"
    evil = base / "l3" / "ai_operations" / "analyze:evil.cache"
    evil.write_bytes(pickle.dumps({"value": Canary(canary), "created_at": Canary(canary), "ttl": None}))
    assert len(cache_studio("list", base, "--format", "json").json) == 4
    shown = cache_studio("show", base, "analyze:evil")
    assert shown.code == 0
    assert "mkdir" in shown.out
    assert cache_studio("list", base, "--where", "value:mkdir", "--format", "json").json[0]["key"] == "analyze:evil"
    assert cache_studio("invalidate", base, "analyze:evil", "--yes").code == 0
    assert cache_studio("undo", "--yes").code == 0
    assert not canary.exists()


def test_a_password_is_wanted_refused_and_never_shown(cache_studio, tmp_path):
    with RedisServer(["--requirepass", "s3cret"]) as server:
        host = server.url.removeprefix("redis://")
        refused(cache_studio("list", server.url))
        wrong = cache_studio("list", f"redis://:wrong@{host}")
        refused(wrong)
        assert "wrong" not in wrong.err
        good = f"redis://:s3cret@{host}?format=redis&prefix=app:"
        assert cache_studio("list", good, "--format", "json").json == []
        figures = cache_studio("stats", good, "--format", "json")
        assert "s3cret" not in figures.out + figures.err


def test_an_action_on_a_server_with_a_password_is_undone_with_it(cache_studio):
    with RedisServer(["--requirepass", "s3cret"]) as server:
        import redis

        with redis.Redis.from_url(server.url, password="s3cret", protocol=2) as client:
            client.set("app:a", "value", ex=1000)
            target = f"redis://:s3cret@{server.url.removeprefix('redis://')}?format=redis&prefix=app:"
            assert cache_studio("clear", target, "--yes").code == 0
            refused_undo = cache_studio("undo", "--yes")
            assert refused_undo.code == 3
            assert cache_studio("undo", "--yes", "--target", "redis://:x@127.0.0.1:1/0").code == 2
            assert cache_studio("undo", "--yes", "--target", target).code == 0
            assert client.get("app:a") == b"value"


def test_a_server_that_is_gone(cache_studio, redis_url):
    with RedisServer() as server:
        target = f"{server.url}?format=redis"
        assert cache_studio("stats", target).code == 0
        server.kill()
        refused(cache_studio("stats", target))
        refused(cache_studio("clear", target, "--yes"))


def test_a_target_is_never_created(cache_studio, tmp_path):
    missing = tmp_path / "missing.db"
    for target in (missing, f"sqlite-table:{missing}?table=x", f"json-file:{missing}", f"json-directory:{missing}"):
        refused(cache_studio("stats", target))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_without_rights(cache_studio, tmp_path):
    folder = json_directory(tmp_path)
    folder.chmod(0)
    try:
        refused(cache_studio("list", folder))
    finally:
        folder.chmod(0o700)


def test_keys_that_are_html_stay_text_in_a_report(cache_studio, tmp_path):
    folder = tmp_path / "c"
    folder.mkdir()
    (folder / "a.json").write_text(
        json.dumps({"cache_key": "<script>x</script>", "timestamp": "2026-01-01T00:00:00", "result": 1})
    )
    page = tmp_path / "<b>.html"
    assert cache_studio("snapshot", f"json-directory:{folder}", page).code == 0
    assert "<script" not in page.read_text()
