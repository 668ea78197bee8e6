"""json-directory on files as the image-comparison application writes them, and on layouts that differ a little."""

import json
import math
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from contract import AdapterContract, Row, listing, rows_of, scan_all
from keeping import MemoryKeep
from machine import CacheMachine, case_of

from cache_studio.adapters.base import Certainty
from cache_studio.adapters.file_listing import SECOND_LOOK
from cache_studio.adapters.json_directory import FORMAT
from cache_studio.adapters.json_directory import adapter as adapter_module
from cache_studio.adapters.json_directory.access import JsonDirectoryAccess
from cache_studio.adapters.json_directory.adapter import JsonDirectoryAdapter
from cache_studio.adapters.json_directory.layout import file_name
from cache_studio.adapters.json_fields import JsonFields, scan_head
from cache_studio.adapters.key_access import Held
from cache_studio.adapters.sight import Sight
from cache_studio.model.capabilities import Ability
from cache_studio.model.identity import EntryId
from cache_studio.model.options import read_options
from cache_studio.model.seeing import Fate
from cache_studio.model.targets import Target

DAY = 86_400.0
KEYS = [sha256(bytes([number])).hexdigest() for number in range(12)]


def comparison(key: str, created: float, **more: object) -> dict[str, object]:
    """What the application stores for one comparison."""
    moment = datetime.fromtimestamp(created).isoformat()
    result = {
        "before_path": "before/ü.png",
        "after_path": "after.png",
        "threshold": 10,
        "changed_pixels": 120,
        "total_pixels": 1_000_000,
        "changed_percentage": 0.012,
        "passed": True,
        "failure_reason": None,
        "intended_changes": [{"description": 'a "button" {moved}', "bbox": [1, 2, 3, 4], "confidence": 0.9}],
        "unintended_changes": [],
        "timestamp": moment,
    }
    return {"cache_key": key, "timestamp": moment, "result": {**result, **more}}


def write(folder: Path, key: str, created: float, name: str | bytes | None = None, **more: object) -> Path:
    """Write a comparison in place, as the application does; the file gets the entry's time."""
    path = Path(os.fsdecode(os.path.join(os.fsencode(folder), os.fsencode(name or f"{key}.json"))))
    with open(path, "w", encoding="utf-8") as file:
        json.dump(comparison(key, created, **more), file, indent=2)
    os.utime(path, (created, created))
    return path


def open_adapter(path: Path, **options: str) -> JsonDirectoryAdapter:
    """The folder, open for writing."""
    return JsonDirectoryAdapter.open(Target(str(path)), read_options(FORMAT.options, options), writable=True)


def rows(path: Path, **options: str) -> dict[str, Row]:
    """All entries by key."""
    adapter = open_adapter(path, **options)
    try:
        return {row.key: row for row in listing(adapter).values()}
    finally:
        adapter.close()


class TestJsonDirectoryContract(AdapterContract):
    """The suite on the original layout."""

    format_name = "json-directory"
    ordinary = KEYS[:6]
    stale = KEYS[6:8]
    broken = ("half", "empty")
    count = 12

    def make(self, tmp_path: Path) -> Target:
        """Six fresh, two stale, two broken, two with hostile names."""
        folder = tmp_path / "base" / "cache"
        folder.mkdir(parents=True)
        now = time.time()
        for number, key in enumerate(KEYS[:6]):
            write(folder, key, now - 60 * number)
        for key in KEYS[6:8]:
            write(folder, key, now - 2 * DAY)
        write(folder, "<img src=x onerror=alert(1)>\x00\n\u202e", now - 5, name=b"bad\xff\nname.json")
        write(folder, "x" * 240, now - 5)
        text = json.dumps(comparison("half", now), indent=2)
        (folder / "half.json").write_text(text[: len(text) // 2])
        (folder / "empty.json").write_text("")
        for name in ("half", "empty"):
            os.utime(folder / f"{name}.json", (now - 60, now - 60))
        (folder / "notes.txt").write_text("no entry")
        return Target(str(folder), self.format_name)

    def application_rewrites(self, target: Target, key: str) -> None:
        """In place, with a longer result."""
        write(Path(target.location), key, time.time(), failure_reason="moved by 20 pixels")

    def application_deletes(self, target: Target, key: str) -> None:
        """By unlink."""
        (Path(target.location) / f"{key}.json").unlink()


class JsonDirectoryMachine(CacheMachine):
    """Application and studio on one folder."""

    format_name = "json-directory"
    options = {"ttl": "1h"}
    ttl = 3600.0


TestMachine = case_of(JsonDirectoryMachine)


def test_expiry_is_derived_from_the_timestamp_and_24_hours(tmp_path: Path) -> None:
    created = round(time.time()) - 100.5
    write(tmp_path, KEYS[0], created)
    row = rows(tmp_path)[KEYS[0]]
    assert row.created == pytest.approx(created, abs=1e-5)
    assert row.expires == pytest.approx(created + DAY, abs=1e-5)
    assert rows(tmp_path, ttl="7d")[KEYS[0]].expires == pytest.approx(created + 7 * DAY, abs=1e-5)
    assert rows(tmp_path, ttl="none")[KEYS[0]].expires == math.inf


def test_base_folder_leads_to_its_cache(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    write(tmp_path / "cache", KEYS[0], time.time())
    found = FORMAT.recognise(Sight(str(tmp_path)))
    assert found.certainty is Certainty.SURE
    assert found.places == (str(tmp_path / "cache"),)
    assert found.options["ttl"] == "24h"


def test_file_time_is_shown_where_it_disagrees(tmp_path: Path) -> None:
    now = time.time()
    path = write(tmp_path, KEYS[0], now - DAY)
    adapter = open_adapter(tmp_path)
    assert adapter.read(path.name).facts == ()
    os.utime(path, (now, now))
    assert [fact.name for fact in adapter.read(path.name).facts] == ["File modified", "Stale by file time"]
    adapter.close()


def _wrapped(key: str, now: float) -> dict[str, object]:
    return {"key": key, "createdAt": round(now * 1000), "value": [1, 2]}


def _flat(key: str, now: float) -> dict[str, object]:
    return {"text": "hello", "expires_at": now + 60, "hit_count": 3, "labels": ["a", "b"], "ns": "tts"}


def _iso(key: str, now: float) -> dict[str, object]:
    made = datetime.fromtimestamp(now, UTC).isoformat().replace("+00:00", "Z")
    return {"id": key, "stored_at": made, "ttl_seconds": 90, "data": {"a": None}}


@pytest.mark.parametrize(
    ("shape", "certainty", "expected"),
    [
        (_wrapped, Certainty.SURE, {"created": 0.0, "expires": None}),
        (_flat, Certainty.LOOK, {"expires": 60.0, "hits": 3.0, "tags": ("a", "b"), "namespace": "tts"}),
        (_iso, Certainty.SURE, {"created": 0.0, "expires": 90.0}),
    ],
)
def test_layouts_that_differ_a_little(
    tmp_path: Path, shape: Callable[[str, float], dict[str, object]], certainty: Certainty, expected: dict[str, object]
) -> None:
    now = float(round(time.time()))
    for key in ("one", "two", "three"):
        (tmp_path / f"{key}.json").write_text(json.dumps(shape(key, now)))
    found = FORMAT.recognise(Sight(str(tmp_path)))
    assert found.certainty is certainty
    guessed, told = rows(tmp_path), rows(tmp_path, **found.options)
    assert guessed == told
    assert set(guessed) == {"one", "two", "three"}
    for name, value in expected.items():
        if name in ("created", "expires") and isinstance(value, float):
            value += now
        assert getattr(guessed["two"], name) == value


def test_options_change_the_guess(tmp_path: Path) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()
    (tmp_path / "a.json").write_text(json.dumps({"nom": "été", "quand": "2026-01-02 03:04:05", "quoi": 1}))
    row = rows(tmp_path, key="nom", created="quand", ttl="1h", zone="utc")["été"]
    assert (row.created, row.expires) == (moment, moment + 3600)


def test_other_places_are_not_taken(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"name": "x", "version": "1.0.0", "time": "soon"}')
    assert FORMAT.recognise(Sight(str(tmp_path))).certainty is Certainty.NO


def test_a_half_written_file_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, KEYS[0], time.time())
    half = tmp_path / f"{KEYS[1]}.json"
    text = json.dumps(comparison(KEYS[1], time.time()))
    half.write_text(text[:100])
    pauses: list[float] = []

    def finish_writing(seconds: float) -> None:
        pauses.append(seconds)
        half.write_text(text)

    monkeypatch.setattr(time, "sleep", finish_writing)
    found = rows(tmp_path)
    assert pauses == [SECOND_LOOK]
    assert set(found) == set(KEYS[:2])
    assert not found[KEYS[1]].problem


def test_changes_of_the_watched_folder(tmp_path: Path) -> None:
    path = write(tmp_path, KEYS[0], time.time())
    adapter = open_adapter(tmp_path)
    assert adapter.watched() == ((str(tmp_path), False),)
    names = [str(path), str(tmp_path / "gone.json"), str(tmp_path / "other.txt"), str(tmp_path.parent / "far.json")]
    answer = adapter.changes(names)
    assert answer is not None
    assert [row.key for row in rows_of(answer[0])] == [KEYS[0]]
    assert answer[1] == ["gone.json"]
    adapter.close()


def test_links_and_pipes_are_listed_but_not_opened(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text(json.dumps(comparison("secret", time.time())))
    folder = tmp_path / "cache"
    folder.mkdir()
    write(folder, KEYS[0], time.time())
    (folder / "link.json").symlink_to(outside)
    os.mkfifo(folder / "pipe.json")
    adapter = open_adapter(folder)
    found = {row.key: row for row in listing(adapter).values()}
    assert set(found) == {KEYS[0], "link", "pipe"}
    assert found["link"].problem
    assert found["pipe"].problem
    assert adapter.read("link.json").pieces[0].problem
    removals = adapter.remove([found["link"].seen, found["pipe"].seen], MemoryKeep())
    assert [removal.fate for removal in removals] == [Fate.FAILED] * 2
    assert outside.exists()
    adapter.close()


def test_a_read_only_folder_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, KEYS[0], time.time())
    monkeypatch.setattr(os, "access", lambda *_args, **_kwargs: False)  # root may write everywhere
    adapter = open_adapter(tmp_path)
    assert "may not be written" in adapter.capabilities.why_not(Ability.REMOVE)
    adapter.close()


def test_long_files_are_read_as_far_as_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter_module, "HEAD", 400)
    monkeypatch.setattr(adapter_module, "READ_AT_ONCE", 3000)
    now = float(round(time.time()))
    made = datetime.fromtimestamp(now).isoformat()
    shapes: dict[str, dict[str, Any]] = {
        "first": {"cache_key": "first", "timestamp": made, "result": {"x": "y" * 5000}},
        "behind": {"cache_key": "behind", "result": {"x": '"}' * 500}, "timestamp": made},
        "far": {"cache_key": "far", "result": ["]" * 5000], "timestamp": made},
    }
    for key, entry in shapes.items():
        (tmp_path / f"{key}.json").write_text(json.dumps(entry))
    (tmp_path / "cut.json").write_text(json.dumps(shapes["first"] | {"cache_key": "cut"})[:-20])
    os.utime(tmp_path / "cut.json", (now - 60, now - 60))
    adapter = open_adapter(tmp_path, key="cache_key", created="timestamp", value="result", ttl="1h")
    waiting: list[EntryId] = []
    for batch in scan_all(adapter)[0]:
        waiting += [entry_id for entry_id, bits in zip(batch.ids, batch.pending, strict=True) if bits]
    assert waiting == ["far.json"]
    found = {row.key: row for row in listing(adapter).values()}
    assert {key: row.created for key, row in found.items() if not row.problem} == dict.fromkeys(shapes, now)
    assert found["cut"].problem
    assert [len(piece.data) for piece in adapter.read("far.json", 1000).pieces] == [1000]
    adapter.close()


def test_one_odd_file_changes_no_cell_of_the_others(tmp_path: Path) -> None:
    now = round(time.time()) - 100.0
    write(tmp_path, "plain", now)
    odd = {
        "number": {"cache_key": 7},
        "truth": {"cache_key": True, "timestamp": now * 1000},
        "far": {"timestamp": 10**400},
        "nested": {"timestamp": [], "tags": {}},
        "tagged": {"timestamp": datetime.fromtimestamp(now, UTC).isoformat(), "tags": ["a", 1, "b"]},
        "endless": {"expires_at": None, "tags": "c"},
        "ending": {"expires_at": now + 5},
    }
    for name, fields in odd.items():
        content = {"timestamp": datetime.fromtimestamp(now).isoformat(), "result": {}, **fields}
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    found = rows(tmp_path, key="cache_key", created="timestamp", value="result", ttl="24h")
    assert {key: (row.created, row.expires, row.tags) for key, row in found.items()} == {
        "plain": (now, now + DAY, ()),
        "7": (now, now + DAY, ()),
        "truth": (now, now + DAY, ()),
        "far": (None, None, ()),
        "nested": (None, None, ()),
        "tagged": (now, now + DAY, ("a", "b")),
        "endless": (now, math.inf, ("c",)),
        "ending": (now, now + 5, ()),
    }
    for row in found.values():
        status = (tmp_path / str(row.id)).stat()
        assert (row.size, row.stamp) == (status.st_size, (status.st_ino, status.st_mtime_ns, status.st_size))


def test_two_files_with_one_key_are_two_entries(tmp_path: Path) -> None:
    write(tmp_path, "same", time.time(), name="a.json")
    write(tmp_path, "same", time.time(), name="b.json")
    adapter = open_adapter(tmp_path)
    assert {row.id for row in rows_of(adapter.lookup(["same"]))} == {"a.json", "b.json"}
    adapter.close()


def test_the_runtime_writes_what_the_original_reads(tmp_path: Path) -> None:
    access = JsonDirectoryAccess.open(Target(str(tmp_path / "new")), read_options(FORMAT.options, {}))
    value = b'{"passed": true, "n": 1.50, "\xc3\xbc": "\\u00fc"}'
    access.put(KEYS[0], Held(value, 1_700_000_000.25, 1_700_000_000.25 + DAY))
    entry = json.loads((tmp_path / "new" / f"{KEYS[0]}.json").read_text())
    assert list(entry) == ["cache_key", "timestamp", "result"]
    assert entry["cache_key"] == KEYS[0]
    assert datetime.fromisoformat(entry["timestamp"]).timestamp() == 1_700_000_000.25
    assert entry["result"]["passed"] is True
    held = access.get(KEYS[0])
    assert held is not None
    assert (held.value, held.created, held.expires) == (value, 1_700_000_000.25, 1_700_000_000.25 + DAY)
    assert access.get("other") is None
    access.close()


def test_keys_that_are_no_names_get_safe_ones() -> None:
    hostile = ["../../etc/passwd", "a\x00b", "", ".", "..", ".hidden", "%2E", "a%b", "x" * 400, "\ud800", "a:b", "ü"]
    names = [file_name(key) for key in hostile]
    assert len(set(names)) == len(hostile)
    assert all("/" not in name and "\x00" not in name and not name.startswith(".") for name in names)
    assert file_name(KEYS[0]) == f"{KEYS[0]}.json"


def test_fields_are_found_without_building_the_rest() -> None:
    fields = JsonFields(["a", "é"])
    assert fields.whole(b'{"b": [1, {"a": 2}], "a": "x", "\xc3\xa9": null}') == {"a": "x", "é": None}
    assert fields.whole(b'{"a": 1, "b": NaN}') == {"a": 1}
    assert fields.head(b' {"b": "}\\"{", "n": -1.5e3, "a": [1, "]"], "\\u00e9": 2, "rest') == (
        {"a": [1, "]"], "é": 2},
        True,
    )
    assert fields.head(b'{"a": 12') == ({}, False)
    assert list(scan_head(b"{}")) == []
    for text in (b"", b"[1]", b"x", b'"a"', b"\xff"):
        for attempt in (fields.whole, fields.head):
            with pytest.raises(ValueError, match=r"."):
                attempt(text)
