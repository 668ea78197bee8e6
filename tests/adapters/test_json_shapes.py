"""JSON as people write caches by hand: every shape opens from its path alone, says its expiries and gives back exactly.

The files are written here as text, in the shapes that were met in practice: no library writes them.
"""

import json
import math
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from contract import Row, listing, scan_all
from keeping import MemoryKeep

from cache_studio.adapters.base import Adapter, Certainty
from cache_studio.adapters.json_samples import SAMPLES
from cache_studio.adapters.registry import get_format, recognise
from cache_studio.model.options import read_options
from cache_studio.model.seeing import Fate, Return
from cache_studio.model.targets import Target

NOW = float(int(time.time()))
KEYS = [f"user:{number}" for number in range(6)]
ENDS = dict(zip(KEYS, (NOW - 3600, *[NOW + 3600 * number for number in range(1, 6)]), strict=True))
"""The first is stale."""


def _utc(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def flat() -> str:
    return json.dumps({key: f"value of {key}" for key in KEYS}, indent=2)


def with_seconds() -> str:
    return json.dumps({key: {"value": {"n": key}, "expires": ENDS[key]} for key in KEYS}, indent=2)


def with_iso() -> str:
    entries = {key: {"data": key, "created_at": _utc(NOW - 7200), "expires_at": _utc(ENDS[key])} for key in KEYS}
    return json.dumps(entries, indent=2)


def with_ttl() -> str:
    entries = {key: {"value": key, "timestamp": NOW - 7200, "ttl": int(ENDS[key] - NOW + 7200)} for key in KEYS}
    return json.dumps(entries)


def with_milliseconds() -> str:
    made = int(NOW * 1000) - 7_200_000
    entries = {key: {"value": key, "createdAt": made, "expiresAt": int(ENDS[key] * 1000)} for key in KEYS}
    return json.dumps(entries, separators=(",", ":"))


def as_list() -> str:
    return json.dumps([{"key": key, "value": key, "expires": ENDS[key]} for key in KEYS], indent=4)


def as_lines() -> str:
    return "".join(json.dumps({"key": key, "value": key, "expires": ENDS[key]}) + "\n" for key in KEYS)


def within_an_object() -> str:
    entries = {key: {"value": key, "expires": ENDS[key]} for key in KEYS}
    return json.dumps({"version": 1, "entries": entries}, indent=2)


SHAPES: Mapping[str, Callable[[], str]] = {
    "flat": flat,
    "object, seconds": with_seconds,
    "object, ISO": with_iso,
    "object, timestamp and ttl": with_ttl,
    "object, milliseconds": with_milliseconds,
    "list": as_list,
    "lines": as_lines,
    "within an object": within_an_object,
}


def write(path: Path, content: str | bytes) -> Path:
    """The file, as the bytes say or in UTF-8."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def opened(path: Path) -> Adapter:
    """The file, by the surest format and with the options that it guessed: what dropping the path does."""
    answers = recognise(str(path))
    assert answers, "nothing recognises it"
    options = answers[0]["options"]
    assert isinstance(options, dict)
    found = get_format(str(answers[0]["format"]))
    target = Target(str(path), found.name, options)
    return found.adapter_class().open(target, read_options(found.options, options), writable=True)


def rows_by_key(adapter: Adapter) -> dict[str, Row]:
    """All rows; every key once."""
    rows = list(listing(adapter).values())
    assert len({row.key for row in rows}) == len(rows)
    return {row.key: row for row in rows}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
def test_a_shape_opens_and_gives_back_exactly(tmp_path: Path, shape: str, mark: bytes) -> None:
    path = write(tmp_path / "cache.json", mark + SHAPES[shape]().encode())
    before = path.read_bytes()
    with closing(opened(path)) as adapter:
        rows = rows_by_key(adapter)
        assert list(rows) == KEYS
        assert not any(row.problem for row in rows.values())
        for key, row in rows.items():
            if shape == "flat":
                assert row.expires is None
            else:
                # A format with one TTL for all is stale only after it: one step of a float later.
                assert row.expires == pytest.approx(ENDS[key], abs=1e-3)
            assert key in adapter.read(row.id).pieces[0].data.decode()
        keep = MemoryKeep()
        chosen = [rows[key].seen for key in (KEYS[0], KEYS[2], KEYS[5])]
        assert {removal.fate for removal in adapter.remove(chosen, keep)} == {Fate.REMOVED}
        assert list(rows_by_key(adapter)) == [KEYS[1], KEYS[3], KEYS[4]]
        assert {back.fate for back in adapter.restore(keep.taken, keep)} == {Return.RESTORED}
    assert path.read_bytes() == before


def test_a_flat_object_of_anything_is_known_by_its_keys(tmp_path: Path) -> None:
    keys = ["https://example.org/a?b=1", "user:1", "0" * 32]
    path = write(tmp_path / "cache.json", json.dumps({key: [{"n": 1}, None] for key in keys}))
    with closing(opened(path)) as adapter:
        assert list(rows_by_key(adapter)) == keys
    write(path, json.dumps({"name": "demo", "files": ["x"], "scripts": {"test": "x"}, "@scope/x": 1}))
    assert recognise(str(path)) == []


ODD: Mapping[str, bytes] = {
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "lone surrogate": rb'"half \ud800 pair"',
    "10,000 digits": b"9" * 10_000,
    "a number beyond floats": b"1e999",
    "deep nesting": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("shape", ["object", "list", "lines"])
def test_an_odd_value_spoils_no_other_entry(tmp_path: Path, odd: str, shape: str) -> None:
    value = ODD[odd]
    texts = {key: json.dumps(key).encode() for key in KEYS} | {KEYS[1]: value}
    entries = [b'{"key":"%s","value":%s,"expires":%d}' % (k.encode(), v, ENDS[k]) for k, v in texts.items()]
    if shape == "object":
        content = b"{" + b",".join(b'"%s":%s' % (k.encode(), e) for k, e in zip(texts, entries, strict=True)) + b"}"
    else:
        content = b"[" + b",\n".join(entries) + b"]" if shape == "list" else b"\n".join(entries) + b"\n"
    path = write(tmp_path / "cache.json", content)
    with closing(opened(path)) as adapter:
        rows = list(listing(adapter).values())
        assert len(rows) == len(KEYS)
        healthy = {row.key: row for row in rows if row.key in KEYS and row.key != KEYS[1]}
        assert len(healthy) == len(KEYS) - 1
        assert all(row.expires == pytest.approx(ENDS[key]) and not row.problem for key, row in healthy.items())
        spoiled = next(row for row in rows if row.id not in {other.id for other in healthy.values()})
        if spoiled.expires is None:
            assert spoiled.problem  # what could not be read is said, not taken for an entry without expiry
        whole = adapter.read(spoiled.id)
        assert any(value[:40] in piece.data or value[:4] == b'"hal' for piece in whole.pieces)
        keep = MemoryKeep()
        assert adapter.remove([spoiled.seen], keep)[0].fate is Fate.REMOVED
        assert adapter.restore(keep.taken, keep)[0].fate is Return.RESTORED
    assert path.read_bytes() == content


def test_duplicate_keys_are_all_rows_and_the_double_is_named(tmp_path: Path) -> None:
    later = NOW + 60
    path = write(
        tmp_path / "c.json", '{"a":{"v":1,"exp":%f},"a":{"v":2,"exp":%f},"b":{"v":3,"exp":%f}}' % ((later,) * 3)
    )
    before = path.read_bytes()
    with closing(opened(path)) as adapter:
        rows = list(listing(adapter).values())
        assert [row.key for row in rows] == ["a", "a", "b"]
        assert [bool(row.problem) for row in rows] == [False, True, False]
        keep = MemoryKeep()
        adapter.remove([rows[1].seen], keep)
        assert json.loads(path.read_bytes())["a"]["v"] == 1
        assert adapter.restore(keep.taken, keep)[0].fate is Return.RESTORED
        assert path.read_bytes() == before
        first = MemoryKeep()
        adapter.remove([rows[0].seen], first)
        assert json.loads(path.read_bytes())["a"]["v"] == 2
        assert adapter.restore(first.taken, first)[0].fate is Return.NEWER_KEPT  # the other one has its name now


def test_a_lone_surrogate_in_a_key(tmp_path: Path) -> None:
    text = json.dumps({key: {"v": 1, "expires": NOW + 60} for key in ("\ud800", "b")})
    path = write(tmp_path / "c.json", text)
    with closing(opened(path)) as adapter:
        odd, _plain = listing(adapter).values()
        assert len(adapter.lookup([odd.key])) == 1
        keep = MemoryKeep()
        assert adapter.remove([odd.seen], keep)[0].fate is Fate.REMOVED
        adapter.restore(keep.taken, keep)
    assert path.read_text() == text


def test_an_infinite_expiry_is_forever(tmp_path: Path) -> None:
    entries = {"never": math.inf, "null": None, "unknown": math.nan, "soon": NOW + 60}
    text = json.dumps({key: {"value": 1, "expires": moment} for key, moment in entries.items()})
    with closing(opened(write(tmp_path / "c.json", text))) as adapter:
        found = {row.key: row.expires for row in listing(adapter).values()}
    assert found == {"never": math.inf, "null": math.inf, "unknown": None, "soon": NOW + 60}


def test_the_tenth_thousandth_entry_needs_no_more_than_the_first(tmp_path: Path) -> None:
    lines = [json.dumps({"id": f"{number}", "ts": NOW, "ttl": 60, "body": "x" * 40}) for number in range(10_000)]
    with closing(opened(write(tmp_path / "c.jsonl", "\n".join(lines)))) as adapter:
        rows = listing(adapter)
        assert len(rows) == 10_000 > SAMPLES
        assert {row.expires for row in rows.values()} == {NOW + 60}


def test_lines_with_a_broken_one_are_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "c.jsonl", as_lines().replace(KEYS[2] + '", "v', KEYS[2] + '", v'))
    with closing(opened(path)) as adapter:
        rows = list(listing(adapter).values())
        assert len(rows) == len(KEYS)
        assert [bool(row.problem) for row in rows] == [False, False, True, False, False, False]


def test_what_is_not_utf8_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "c.json", with_seconds().encode("utf-16"))
    assert recognise(str(path)) == []
    found = get_format("json-table")
    adapter = found.adapter_class().open(
        Target(str(path), "json-table"), read_options(found.options, {}), writable=True
    )
    with closing(adapter):
        _batches, end = scan_all(adapter)
    assert "UTF-8" in end.reason


def test_a_recognised_shape_is_no_more_than_a_guess_where_no_time_is(tmp_path: Path) -> None:
    (answer,) = recognise(str(write(tmp_path / "c.json", flat())))
    assert (answer["format"], answer["certainty"]) == ("json-table", Certainty.LOOK.value)
