"""Every command on every format: the real program on a real cache."""

import csv
import io
import json

import pytest

ENTRY = ["key", "namespace", "type", "size", "created_at", "accessed_at", "expires_at", "ttl", "state", "hits", "tags",
         "stale", "problem"]  # fmt: skip
STATS = ["target", "format", "entries", "fresh", "stale", "forever", "unknown", "problems", "size", "stale_size",
         "volume", "reclaimable", "capacity", "hits", "misses", "hit_rate", "hit_rate_source", "hit_rate_scope",
         "target_hit_rate", "target_met", "namespaces", "details", "capabilities"]  # fmt: skip
REMOVED = ["action", "planned", "removed", "changed_meanwhile", "gone", "failed", "freed_bytes", "undo_id"]

READERS = {
    "json": json.loads,
    "ndjson": lambda text: [json.loads(line) for line in text.splitlines()],
    "csv": lambda text: list(csv.DictReader(io.StringIO(text))),
}


def content(rows):
    """What must be the same again after an undo: all but what time alone changes.

    Last access is among that: Redis counts idle time in whole seconds.
    """
    moving = ("ttl", "expires_at", "accessed_at")
    return [{name: value for name, value in row.items() if name not in moving} for row in rows]


def test_looks(cache_studio, target, format_name):
    listed = cache_studio("list", target, "--format", "json")
    assert listed.code == 0, listed.err
    rows = listed.json
    assert [list(row) for row in rows] == [ENTRY] * 3
    assert all(row["problem"] is None and row["size"] > 0 for row in rows)
    assert [row["key"] for row in rows] == sorted(row["key"] for row in rows)

    figures = cache_studio("stats", target, "--format", "json").json
    assert list(figures) == STATS
    assert (figures["format"], figures["entries"]) == (format_name, 3)
    assert sum(figures[state] for state in ("fresh", "stale", "forever", "unknown")) == 3
    assert figures["size"] == sum(row["size"] for row in rows)
    assert sum(group["entries"] for group in figures["namespaces"]) == 3
    assert {"read", "remove", "undo"} <= set(figures["capabilities"])

    shown = cache_studio("show", target, rows[0]["key"], "--format", "json").json
    assert shown["key"] == rows[0]["key"]
    assert shown["values"][0]["bytes"] > 0
    assert cache_studio("show", target, rows[0]["key"]).out.count("\n") > 5
    raw = cache_studio("show", target, rows[0]["key"], "--format", "raw")
    assert (raw.code, len(raw.out) > 0) == (0, True)


def test_removes_and_brings_back_in_another_process(cache_studio, target):
    before = cache_studio("list", target, "--format", "json").json
    refused = cache_studio("clear", target)
    assert (refused.code, refused.out) == (1, "")
    assert "--yes" in refused.err

    planned = cache_studio("clear", target, "--dry-run", "--format", "json").json
    assert (planned["planned"], planned["removed"], planned["undo_id"]) == (3, 0, None)
    assert content(cache_studio("list", target, "--format", "json").json) == content(before)

    cleared = cache_studio("clear", target, "--yes", "--format", "json")
    assert cleared.code == 0, cleared.err
    assert list(cleared.json) == REMOVED
    assert (cleared.json["planned"], cleared.json["removed"], cleared.json["failed"]) == (3, 3, 0)
    assert cache_studio("list", target, "--format", "json").json == []

    undone = cache_studio("undo", "--yes", "--format", "json")
    assert undone.json == {"undo_id": cleared.json["undo_id"], "restored": 3, "newer_kept": 0, "failed": 0}
    assert content(cache_studio("list", target, "--format", "json").json) == content(before)
    assert cache_studio("undo", "--yes").code == 1


def test_removes_one_and_evicts_and_compacts(cache_studio, target):
    keys = [row["key"] for row in cache_studio("list", target, "--format", "json").json]
    gone = cache_studio("invalidate", target, keys[1], "--yes", "--format", "json")
    assert (gone.json["action"], gone.json["removed"]) == ("invalidate", 1)
    evicted = cache_studio("evict", target, "--policy", "size", "--to-entries", "1", "--yes", "--format", "json")
    assert (evicted.json["action"], evicted.json["removed"]) == ("evict", 1)
    assert len(cache_studio("list", target, "--format", "json").json) == 1
    assert cache_studio("purge", target, "--yes", "--format", "json").json["action"] == "purge"

    can = cache_studio("stats", target, "--format", "json").json["capabilities"]
    compacted = cache_studio("compact", target, "--yes", "--format", "json")
    if "compact" in can:
        assert compacted.code == 0, compacted.err
        assert list(compacted.json) == ["action", "volume_before", "volume_after", "parts"]
        assert all(list(part) == ["what", "count", "bytes"] for part in compacted.json["parts"])
    else:
        assert (compacted.code, compacted.out) == (1, "")


def test_exports_and_snapshots_and_watches(cache_studio, target, tmp_path):
    for ending in READERS:
        file = tmp_path / f"entries.{ending}"
        assert cache_studio("export", target, file).code == 0
        rows = READERS[ending](file.read_text("utf-8"))
        assert [list(row) for row in rows] == [ENTRY] * 3
    first = tmp_path / "first.json"
    assert cache_studio("snapshot", target, first).code == 0
    compared = cache_studio("snapshot", target, "--compare", first, "--format", "json").json
    assert compared["figures"]["entries"] == {"before": 3, "after": 3, "change": 0}
    watched = cache_studio("watch", target, "--count", "2", "--interval", "0.1", "--format", "json")
    lines = [json.loads(line) for line in watched.out.splitlines()]
    assert [list(line) for line in lines] == [["at", *STATS]] * 2
    assert lines[0]["at"].endswith("Z")
    assert lines[0]["at"] < lines[1]["at"]


@pytest.mark.parametrize("format_name", ["json-directory", "json-file", "multi-level", "asset-cache"])
def test_is_discovered(cache_studio, target, format_name, tmp_path):
    found = [cache for cache in cache_studio("discover", tmp_path, "--format", "json").json
             if not cache["target"].startswith("redis")]  # fmt: skip
    assert [list(cache) for cache in found] == [["target", "format", "entries", "volume"]]
    assert found[0]["format"] == format_name
    assert found[0]["volume"] > 0
    assert cache_studio("stats", found[0]["target"], "--format", "json").json["entries"] == 3
