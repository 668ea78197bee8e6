import csv
import io
import json
from datetime import timedelta

import pytest
from cli_caches import HOSTILE, write_entry

from cache_studio.cli.window import Window
from cache_studio.trash.files import FileFolder


def keys_in(folder):
    return sorted(path.stem for path in folder.iterdir())


def test_list_in_every_format(command, folder):
    rows = command("list", folder, "--where", "stale", "--format", "json").json
    assert [(row["key"], row["state"], row["stale"]) for row in rows] == [
        ("old0", "stale", True), ("old1", "stale", True),
    ]  # fmt: skip
    assert rows[0]["ttl"] < -80_000
    assert rows[0]["hits"] is rows[0]["accessed_at"] is None
    lines = command("list", folder, "--sort", "-age", "--limit", "1", "--format", "ndjson").out.splitlines()
    assert [json.loads(line)["key"] for line in lines] == ["old1"]
    table = command("list", folder)
    assert "old0" in table.out
    assert table.err == "4 of 4 entries, " + table.err.partition("entries, ")[2]
    assert table.out.splitlines()[0].split()[:2] == ["key", "namespace"]


def test_list_says_what_it_left_out(command, folder):
    found = command("list", folder, "--where", "idle>7d", "--format", "json")
    assert (found.code, found.json) == (0, [])
    assert "4 entries left out: last access not recorded." in found.err


def test_hostile_keys_stay_text_everywhere(command, hostile_folder):
    target = f"json-directory:{hostile_folder}?ttl=24h"
    assert {row["key"] for row in command("list", target, "--format", "json").json} == set(HOSTILE.values())
    told = [command("list", target).out]
    told += [command("show", target, HOSTILE[name]).out for name in ("control", "bidi", "surrogate")]
    told.append(command("invalidate", target, "--where", "value:html or size>0", "--dry-run").err)
    for text in told:
        assert text
        assert not {"\x1b", "\u202e", "\udc80"} & set(text)
    cells = csv.DictReader(io.StringIO(command("list", target, "--format", "csv").out))
    assert not any(row["key"].startswith("=") for row in cells)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["list", "/no/such/place"], 3),
        (["stats", "redis://127.0.0.1:1/0"], 3),
        (["list", "FOLDER", "--where", "size>apple"], 2),
        (["list", "FOLDER", "--sort", "colour"], 2),
        (["list", "json-directory:FOLDER?nope=1"], 2),
        (["list"], 2),
        (["list", "FOLDER", "--format", "xml"], 2),
        (["show", "FOLDER", "no such key"], 1),
        (["invalidate", "FOLDER"], 2),
        (["invalidate", "FOLDER", "a", "--where", "b"], 2),
        (["evict", "FOLDER", "--policy", "lru"], 2),
        (["evict", "FOLDER", "--policy", "fifo", "--to-size", "-5mb"], 2),
        (["evict", "FOLDER", "--policy", "lfu", "--to-entries", "1", "--yes"], 1),
        (["clear", "FOLDER", "--namespace", "nope", "--yes"], 1),
        (["purge", "FOLDER"], 1),
        (["undo", "--yes"], 1),
        (["undo", "zzzzz", "--yes"], 1),
        (["trash", "empty", "zzzzz", "--yes"], 1),
        (["export", "FOLDER", "entries.xml"], 2),
        (["discover", "/no/such/folder"], 3),
        (["snapshot", "FOLDER"], 2),
        (["--help"], 0),
        (["trash", "list"], 0),
    ],
)
def test_exit_codes_and_clean_streams(command, folder, arguments, code):
    found = command(*(argument.replace("FOLDER", str(folder)) for argument in arguments))
    assert found.code == code, found.err
    assert "Traceback" not in found.err
    if code:
        assert found.out == ""
        assert found.err.strip()
    assert len(keys_in(folder)) == 4


def test_purge_says_what_it_does_and_undo_brings_it_back(command, folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    done = command("purge", folder, "--yes", "--format", "json")
    assert done.code == 0, done.err
    assert list(done.json.items())[:3] == [("action", "purge"), ("planned", 2), ("removed", 2)]
    assert "expired" in done.err
    assert f"cache-studio undo {done.json['undo_id']}" in done.err
    assert keys_in(folder) == ["new0", "new1"]
    again = command("purge", folder, "--yes", "--format", "json").json
    assert (again["planned"], again["undo_id"]) == (0, None)
    undone = command("undo", done.json["undo_id"], "--yes", "--format", "json")
    assert (undone.code, list(undone.json)) == (0, ["undo_id", "restored", "newer_kept", "failed"])
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert command("undo", done.json["undo_id"], "--yes").code == 1


def test_asks_where_somebody_is(command, folder):
    refused = command("purge", folder, answer="n\n")
    assert refused.code == 1
    assert "Nothing was changed" in refused.err
    assert len(keys_in(folder)) == 4
    assert command("purge", folder, answer="y\n").code == 0
    assert len(keys_in(folder)) == 2


def test_dry_runs_change_nothing(command, folder):
    for arguments in (["purge"], ["clear"], ["invalidate", "new0"], ["evict", "--policy", "fifo", "--to-entries", "1"],
                      ["compact"]):  # fmt: skip
        name, *rest = arguments
        found = command(name, folder, *rest, "--dry-run", "--format", "json")
        assert found.code == 0, found.err
        assert found.json["action"] == name
    assert len(keys_in(folder)) == 4
    assert command("trash", "list", "--format", "json").json == []


def test_an_emptied_cache_is_known_by_what_emptied_it(command, folder):
    assert command("clear", folder, "--yes").code == 0
    assert command("list", folder, "--format", "json").json == []


def test_the_trash_lists_restores_and_empties(command, folder):
    first = command("invalidate", folder, "new0", "--yes", "--format", "json").json["undo_id"]
    second = command("invalidate", folder, "new1", "--yes", "--format", "json").json["undo_id"]
    listed = command("trash", "list", "--format", "json").json
    assert [(action["action"], action["verb"], action["entries"]) for action in listed] == [
        (second, "invalidate", 1), (first, "invalidate", 1),
    ]  # fmt: skip
    assert command("trash", "list", "--search", "new0", "--format", "json").json[0]["action"] == first
    assert command("trash", "restore", first, "--yes", "--format", "json").json["restored"] == 1
    assert command("trash", "empty").code == 1
    assert command("trash", "empty", "--dry-run", "--format", "json").json["removed"] == 0
    emptied = command("trash", "empty", second, "--yes", "--format", "json").json
    assert (emptied["action"], emptied["removed"]) == ("trash empty", 1)
    assert command("undo", "--yes").code == 1
    assert "new0" in keys_in(folder)
    assert "new1" not in keys_in(folder)


def test_single_entries_of_an_action_are_restored(command, folder):
    before = keys_in(folder)
    action = command("clear", folder, "--yes", "--format", "json").json["undo_id"]
    assert command("trash", "restore", action, "no such key", "--yes").code == 2
    assert command("trash", "restore", action, "--namespace", "x", "--yes").code == 2
    restored = command("trash", "restore", action, "new0", "new1", "--yes", "--format", "json")
    assert (restored.code, restored.json["restored"]) == (0, 2)
    assert keys_in(folder) == ["new0", "new1"]
    assert command("trash", "restore", action, "new0", "--yes").code == 2
    assert command("undo", "--yes", "--format", "json").json["restored"] == len(before) - 2
    assert keys_in(folder) == before


def test_without_room_for_undo_yes_is_not_enough(command, folder, monkeypatch):
    before = keys_in(folder)
    monkeypatch.setattr(FileFolder, "free_bytes", lambda self: 0)
    refused = command("clear", folder, "--yes")
    assert (refused.code, refused.out) == (1, "")
    assert "no room to keep copies for undo" in refused.err
    assert keys_in(folder) == before


def test_undo_keeps_what_is_newer_and_says_partly(command, folder):
    command("invalidate", folder, "new0", "--yes")
    write_entry(folder, "new0", "new0", timedelta(0), newer=True)
    found = command("undo", "--yes", "--format", "json")
    assert (found.code, found.json["newer_kept"], found.json["restored"]) == (1, 1, 0)


def test_evicts_to_a_size(command, folder):
    sizes = {row["key"]: row["size"] for row in command("list", folder, "--format", "json").json}
    limit = sizes["new0"] + sizes["new1"] + 1
    found = command("evict", folder, "--policy", "fifo", "--to-size", limit, "--yes", "--format", "json")
    assert found.json["removed"] == 2
    assert keys_in(folder) == ["new0", "new1"]


def test_export_replaces_only_when_told(command, folder, tmp_path):
    file = tmp_path / "out.csv"
    told = command("export", folder, file, "--where", "fresh", "--format", "json")
    assert told.json == {"file": str(file), "entries": 2, "masked": 0}
    refused = command("export", folder, file)
    assert refused.code == 1
    assert "exists" in refused.err
    assert command("export", folder, file, "--replace").code == 0
    assert len(file.read_text().splitlines()) == 5
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_snapshots_in_four_formats_and_their_comparison(command, hostile_folder, tmp_path):
    target = f"json-directory:{hostile_folder}"
    for ending in ("json", "csv", "md", "html"):
        assert command("snapshot", target, tmp_path / f"s.{ending}").code == 0
    assert "<img" not in (tmp_path / "s.html").read_text()
    (hostile_folder / "html.json").unlink()
    after = tmp_path / "after.json"
    command("snapshot", target, after)
    compared = command("snapshot", after, "--compare", tmp_path / "s.json", "--format", "json").json
    assert compared["figures"]["entries"] == {"before": 6, "after": 5, "change": -1}
    assert list(compared) == ["before", "after", "figures"]
    assert "-1" in command("snapshot", after, "--compare", tmp_path / "s.json").out


def test_a_json_cache_is_compared_as_a_cache(command, tmp_path):
    target = tmp_path / "ai_responses.json"
    entry = {"response": "r", "timestamp": "2026-01-01 10:00:00", "created_at": 1.8e9, "last_accessed": 1.8e9}
    target.write_text(json.dumps({"a" * 64: {**entry, "text_length": 1}}))
    snapshot = tmp_path / "before.json"
    assert command("snapshot", target, snapshot).code == 0
    assert (
        command("snapshot", target, "--compare", snapshot, "--format", "json").json["figures"]["entries"]["after"] == 1
    )
    broken = command("snapshot", target, "--compare", target)
    assert broken.code == 2
    assert "no snapshot" in broken.err


def test_formats_and_doctor(command):
    known = {found["format"]: found["abilities"] for found in command("formats", "--format", "json").json}
    assert {"json-directory", "json-file", "multi-level", "asset-cache", "redis", "redis-response"} <= set(known)
    assert known["cachier"] == ["read", "watch"]
    assert known["langchain"] == ["compact", "read", "remove", "undo", "watch"]
    lines = command("formats").out.splitlines()
    assert lines[0].split()[4:] == ["list", "read", "remove", "undo", "compact", "live", "TTL", "options"]
    (row,) = (line.split() for line in lines if line.startswith("cachier "))
    assert row[-8:] == ["yes", "yes", "no", "no", "no", "yes", "no", "ttl"]
    checked = command("doctor", "--format", "json")
    assert {"check", "ok", "detail"} == set(checked.json[0])
    assert "child process" in {check["check"] for check in checked.json}


def test_words_that_are_no_command_are_targets_of_the_window(command):
    assert command("./cache", "redis://localhost").code == Window(("./cache", "redis://localhost"))
    assert command().code == Window()
    assert command("demo", "--redis").code == Window(demo=True, start_redis=True)
