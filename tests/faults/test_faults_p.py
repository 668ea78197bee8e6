"""Values that attack their reader (P1 to P15, P18): what `tests/decoding` does not show already."""

from __future__ import annotations

import json
import math
import pickle
import sqlite3
import struct
import time
import zlib
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from library_values import LIBRARIES
from loops.nothing_runs import watched

from cache_studio.adapters.base import Adapter
from cache_studio.adapters.multi_level import FORMAT as MULTI_LEVEL
from cache_studio.adapters.registry import get_format
from cache_studio.decoding.decode import decode
from cache_studio.decoding.decoded import Decoded
from cache_studio.decoding.pickled.header import pickle_header
from cache_studio.model.options import read_options
from cache_studio.model.targets import Target
from tests.decoding.pickled.hostile_pickles import attacks

QUICK = 20.0
"""Seconds of processor time for what was minutes or gigabytes before it was bounded."""
HUGE = 10**400
"""A number that no float can hold."""


def looked_at(data: bytes, hint: str = "") -> Decoded:
    """Decode in time, and give a result that can cross to the window."""
    began = time.process_time()
    decoded = decode(data, hint)
    rows = decoded.to_list()
    assert time.process_time() - began < QUICK
    assert len(str(rows)) < 20_000_000
    return decoded


def all_rows(adapter: Adapter) -> dict[str, float]:
    """Keys with their expiry."""
    with closing(adapter):
        return {
            key: float(expires)
            for batch in adapter.scan()
            for key, expires in zip(batch.keys, batch.numbers["expires"], strict=True)
        }


def test_p01_attacks_run_nothing_wherever_a_cache_holds_them(tmp_path: Path) -> None:
    found = watched("attacks", "1", 0, tmp_path / "canary")
    assert (found["events"], found["errors"], found["ran"]) == ([], [], False)
    assert isinstance(found["count"], int)
    assert found["count"] > 300


def test_p01_the_watch_sees_what_the_real_unpickler_does(tmp_path: Path) -> None:
    found = watched("control", "1", 0, tmp_path / "canary")
    assert isinstance(found["events"], list)
    assert any(event.startswith("os.system") for event in found["events"])
    assert found["ran"]


def test_p01_changed_pickles_run_nothing(tmp_path: Path) -> None:
    found = watched("mutants", "quick", 3_000, tmp_path / "canary")
    assert (found["count"], found["events"], found["errors"], found["ran"]) == (3_000, [], [], False)


@pytest.mark.parametrize("name", attacks("x"))
def test_p01_a_pickle_that_is_a_key_of_a_table_is_only_bytes(name: str, tmp_path: Path) -> None:
    canary, path = tmp_path / "canary", tmp_path / "app.db"
    attack = attacks(str(canary))[name]
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE cache (key BLOB PRIMARY KEY, value BLOB, expires_at)")
        database.execute("INSERT INTO cache VALUES (?, ?, ?)", (attack, attack, attack))
    table = get_format("sqlite-table")
    options = {"table": "cache", "key": "key", "value": "value", "expires": "expires_at"}
    target = Target(str(path), "sqlite-table", options)
    adapter = table.adapter_class().open(target, read_options(table.options, options), writable=False)
    with closing(adapter):
        (entry_id,) = [one for batch in adapter.scan() for one in batch.ids]
        for piece in adapter.read(entry_id).pieces:
            decode(piece.data, piece.hint).to_list()
    assert not canary.exists()


def multiplied() -> dict[str, bytes]:
    """A few kilobytes whose parts the memo repeats until they are gigabytes, or steps for minutes."""
    long_name = b"\x80\x02c" + b"m" * 200_000 + b"\nn\nq\x00(" + b"h\x00)R" * 1_000 + b"l."
    long_queue = b"\x80\x02ccollections\ndeque\n)R(" + b"N" * 200_000 + b"eq\x00(" + b"h\x00" * 1_000 + b"l."
    nested = b"\x80\x02cbuiltins\nset\nq\x01N0Nq\x00" + (b"0h\x01(" + b"h\x00" * 12 + b"tRq\x00") * 6 + b"."
    text = b"X" + struct.pack("<I", 1_000_000) + b"x" * 1_000_000
    foreign = b"\x80\x02(" + text + b"q\x000" + b"h\x00Q" * 300 + b"l."
    label = "\U0001f600".encode() * 200
    title = b"X" + struct.pack("<I", len(label)) + label + b"q\x010"
    rows = b"(" + (b"(" + b"h\x03" * 999 + b"l") * 19 + b"l"
    paths = b"\x80\x02]Naq\x030" + title + b"}h\x01" * 36 + b"(h\x03" + rows + b"l" + b"s" * 36 + b"."
    return {"name": long_name, "queue": long_queue, "calls": nested, "foreign": foreign, "paths": paths}


@pytest.mark.parametrize("name", multiplied())
def test_p03_what_the_memo_multiplies_is_bounded(name: str) -> None:
    assert looked_at(multiplied()[name]).tree is not None


def test_p03_a_listing_reads_each_field_once() -> None:
    part = b"cbuiltins\nset\n](" + b"U\x01a" * 20_000 + b"e\x85Rq\x060"
    entry = b"\x80\x02}q\x05X\x04\x00\x00\x00tagsq\x070" + part + b"(" + b"h\x07h\x06" * 2_000 + b"u."
    began = time.process_time()
    assert pickle_header(entry).fields["tags"] == ("a",) * 20_000
    assert time.process_time() - began < QUICK


@pytest.mark.parametrize(
    "odd",
    [
        {"created_at": HUGE, "ttl": HUGE},
        {"created_at": datetime.now(UTC), "ttl": HUGE},
        {"created_at": datetime.now(UTC), "ttl": math.nan},
        {"created_at": datetime(1, 1, 1, tzinfo=UTC), "ttl": timedelta.min},
        {"created_at": datetime(9999, 12, 31, tzinfo=UTC), "ttl": timedelta.max},
        {"created_at": "9" * 2_000, "ttl": "9" * 2_000, "tags": ["\ud800"], "namespace": "../../etc"},
    ],
)
def test_p09_times_beyond_every_calendar_leave_the_listing_whole(odd: dict[str, object], tmp_path: Path) -> None:
    folder = tmp_path / "l3" / "ai_operations"
    folder.mkdir(parents=True)
    sound = {"value": 1, "created_at": datetime.now(UTC), "ttl": timedelta(hours=1), "tags": set(), "namespace": "n"}
    for key, entry in (("sound:1", sound), ("sound:2", sound), ("odd:1", {"value": 1, **odd})):
        (folder / f"{key}.cache").write_bytes(pickle.dumps(entry))
    adapter = MULTI_LEVEL.adapter_class().open(
        Target(str(tmp_path)), read_options(MULTI_LEVEL.options, {}), writable=False
    )
    found = all_rows(adapter)
    assert set(found) == {"sound:1", "sound:2", "odd:1"}
    assert not math.isnan(found["sound:1"])
    if isinstance(odd["ttl"], float | int):  # never stale by a number that is none
        assert math.isnan(found["odd:1"])


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_p10_what_libraries_keep_is_shown(library: str, protocol: int) -> None:
    try:
        values = LIBRARIES[library]()
    except ImportError as error:
        pytest.skip(f"{error.name} is not installed; `dev.py faults nothing_runs` tries it where it is")
    for name, value in values:
        decoded = decode(pickle.dumps(value, protocol))
        assert (decoded.chain, decoded.problem) == (("pickle",), ""), name
        assert decoded.tree is not None


@pytest.mark.parametrize("name", ["reduce", "stack_global", "getattr_chain", "resolve_name"])
def test_p10_an_expiry_that_attacks_is_named_beside_the_value_behind_it(name: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    data = attacks(str(canary))[name] + zlib.compress(attacks(str(canary))["eval"])
    decoded = looked_at(data)
    assert decoded.chain == ("pickle", "zlib", "pickle")
    assert decoded.calls[0] != "__builtin__.eval"
    assert decoded.calls[-1] == "__builtin__.eval"
    assert not canary.exists()


def test_p11_bombs_in_bombs_are_stopped_together() -> None:
    bomb = zlib.compress(bytes(20_000_000), 1)
    for _ in range(3):
        bomb = zlib.compress(bomb + bytes(20_000_000), 1)
    decoded = looked_at(bomb)
    assert decoded.chain == ("zlib",) * 4
    assert decoded.warnings[0].startswith("zlib: the first 16,000,000 of ")


def test_p11_blanks_that_are_no_base64_are_refused_in_one_go() -> None:
    assert looked_at(b"a" + b" " * 1_000_000 + b"!").chain == ("text",)


@pytest.mark.parametrize("depth", [10, 990, 1_023, 100_000])
def test_p12_an_array_that_is_a_key_may_nest(depth: int) -> None:
    decoded = looked_at(b"\x81" + b"\x91" * depth + b"\x01\x01", "msgpack")
    if depth < 1_000:
        assert decoded.tree is not None
        assert decoded.tree.children[0].key == "array of 1"
    else:
        assert decoded.problem or decoded.tree is not None


def test_p13_deep_and_wide_json_is_written_in_time() -> None:
    numbers = ",".join(["1"] * 100_000)
    decoded = looked_at(f"{'[' * 800}{numbers}{']' * 800}".encode())
    assert (decoded.problem, decoded.chain) == ("", ("json",))
    assert decoded.text is not None
    assert decoded.text.startswith("[\n  [\n    [")
    assert decoded.text_length > 100_000 * 1_600


@pytest.mark.parametrize(
    "value", [[], {}, [[]], [{}], {"a": []}, {"a": {"b": [1, {"c": None}], "d": 2}}, [[1], [2]], 5]
)
def test_p13_json_is_written_as_everybody_writes_it(value: object) -> None:
    assert decode(json.dumps(value).encode(), "json").text == json.dumps(value, indent=2)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\xff\xd8" + b"\xff" * 4_000_000, "jpeg"),
        (b"\xff\xd8\xff" + b"\xd0\xff" * 2_000_000, "jpeg"),
        (b"RIFF\x00\x00\x00\x00WAVE" + b"fill\x00\x00\x00\x00" * 500_000, "wav"),
    ],
)
def test_p14_p15_headers_that_never_come_are_not_searched_for_ever(data: bytes, kind: str) -> None:
    decoded = looked_at(data)
    assert decoded.chain == (kind,)
    assert "header" in decoded.problem


@pytest.mark.parametrize(
    "damage", [lambda sound: sound[:30], lambda sound: sound[:50], lambda sound: sound[:20] + b"\xff" * 16 + sound[36:]]
)
def test_p15_a_broken_sound_is_a_sentence(damage: Callable[[bytes], bytes]) -> None:
    head = b"RIFF\x34\x00\x00\x00WAVEfmt \x10\x00\x00\x00" + struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    decoded = looked_at(damage(head + b"data\x10\x00\x00\x00" + bytes(16)))
    assert decoded.chain == ("wav",)
    assert decoded.problem or decoded.audio is not None
    assert "\n" not in decoded.problem
