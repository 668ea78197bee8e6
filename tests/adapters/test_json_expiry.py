"""The expiry of JSON entries: in one file, in lines, and one file each."""

import json
import math
import os
import time

import pytest
from setting_expiry import check_set, check_stays_where_changed, rows_by_key, set_to

from cache_studio.adapters import json_expiries
from cache_studio.adapters.json_directory import adapter as directory
from cache_studio.adapters.json_expiry_edits import place_for
from cache_studio.adapters.registry import get_format
from cache_studio.model.capabilities import Ability
from cache_studio.model.options import read_options
from cache_studio.model.seeing import Renewed
from cache_studio.model.targets import Target

NOW = 1_763_719_200.0
HOUR = 3_600.0
ISO = "2026-11-21T10:00:00"


@pytest.fixture
def opened():
    """Open a cache of a format; closed at the end."""
    adapters = []

    def open_(format_name, path, writable=True, **options):
        format_ = get_format(format_name)
        target = Target(str(path), format_name, options)
        adapter = format_.adapter_class().open(target, read_options(format_.options, options), writable=writable)
        adapters.append(adapter)
        return adapter

    yield open_
    for adapter in adapters:
        adapter.close()


def entries_like(**fields):
    """Three entries that have these fields, the last without an expiry."""
    made = {key: {"response": f'"{key}" {{[', "nested": {"expires_at": 1, "ttl": [2]}, **fields} for key in "abc"}
    made["c"].update({name: None for name in ("expires_at", "ttl") if name in fields})
    return made


def held(path):
    return json.loads(path.read_text())


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(("example", "within"), [(NOW + 0.5, 0.001), (int(NOW), 1.0), (ISO, 1.0)])
def test_one_field_of_a_file_changes_and_comes_back_to_the_byte(
    opened, tmp_path, monkeypatch, large, indent, example, within
):
    if large:
        monkeypatch.setattr(json_expiries, "READ_HERE", 0)
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(entries_like(created_at=NOW, expires_at=example), indent=indent))
    first = path.read_bytes()
    adapter = opened("json-file", path, expires="expires_at")
    before = {key: row.expires for key, row in rows_by_key(adapter).items()}
    check_set(adapter, {"a": time.time() + 2 * HOUR, "c": NOW + 0.3}, within)
    stored = held(path)
    assert type(stored["a"]["expires_at"]) is type(stored["c"]["expires_at"]) is type(example)
    assert stored["b"] == json.loads(first)["b"]
    check_set(adapter, {"b": math.inf})
    assert held(path)["b"]["expires_at"] is None
    check_set(adapter, before)
    assert path.read_bytes() == first


def test_an_entry_without_the_field_gets_it(opened, tmp_path):
    path = tmp_path / "answers.json"
    path.write_text('{"a": {\n  "response": "x"\n}, "b": {}, "c": {"expires_at": 5.5}}')
    adapter = opened("json-file", path, expires="expires_at")
    check_set(adapter, {"a": NOW, "b": NOW + 1})
    assert path.read_text().startswith('{"a": {\n  "expires_at": 1763719200.0,\n  "response": "x"\n}')
    assert held(path)["b"] == {"expires_at": NOW + 1}


def test_a_ttl_counts_from_the_creation(opened, tmp_path):
    path = tmp_path / "answers.json"
    made = entries_like(created_at=NOW - 100.25, ttl=600)
    made["b"]["ttl"] = 60.5
    path.write_text(json.dumps(made))
    adapter = opened("json-file", path, ttl_field="ttl", ttl="none")
    before = {key: row.expires for key, row in rows_by_key(adapter).items()}
    check_set(adapter, {"a": NOW + HOUR, "b": NOW + HOUR, "c": NOW + HOUR}, 1.0)
    assert {key: entry["ttl"] for key, entry in held(path).items()} == {"a": 3701, "b": 3700.25, "c": 3701}
    check_set(adapter, before)
    assert held(path) == made


def test_lists_and_lines_of_entries(opened, tmp_path):
    rows = [{"id": key, "expires": NOW + place} for place, key in enumerate("abc")]
    listed, lines = tmp_path / "list.json", tmp_path / "lines.jsonl"
    listed.write_text(json.dumps(rows))
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for path, shape in ((listed, {}), (lines, {"shape": "lines"})):
        first = path.read_bytes()
        adapter = opened("json-table", path, key="id", expires="expires", **shape)
        check_set(adapter, {"a": NOW + HOUR, "b": math.inf})
        check_set(adapter, {"a": NOW, "b": NOW + 1})
        assert path.read_bytes() == first


def test_what_would_not_be_known_again_is_left_alone(opened, tmp_path):
    path = tmp_path / "list.json"
    path.write_text(json.dumps([{"expires": NOW}, 5]))
    first = path.read_bytes()
    adapter = opened("json-table", path, expires="expires")
    answers = set_to(adapter, dict.fromkeys(rows_by_key(adapter), NOW + HOUR))
    assert {answer.fate for answer in answers.values()} == {Renewed.FAILED}
    assert all(answer.reason for answer in answers.values())
    assert path.read_bytes() == first


def test_what_the_application_wrote_meanwhile_stays(opened, tmp_path):
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(entries_like(created_at=NOW, expires_at=NOW)))

    def change():
        newer = held(path)
        newer["a"]["expires_at"] = NOW + 1
        del newer["b"]
        path.write_text(json.dumps(newer))

    check_stays_where_changed(opened("json-file", path, expires="expires_at"), "a", "b", change, NOW + HOUR)


@pytest.mark.parametrize("writable", [True, False])
def test_without_such_a_field_it_says_so(opened, tmp_path, writable):
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(entries_like(created_at=NOW)))
    adapter = opened("json-file", path, writable)
    assert not adapter.capabilities.can(Ability.SET_EXPIRY)
    assert "No field" in adapter.capabilities.why_not(Ability.SET_EXPIRY)
    adapter = opened("json-file", path, writable, expires="expires_at")
    assert adapter.capabilities.can(Ability.SET_EXPIRY) is writable


@pytest.fixture
def folder(tmp_path):
    """A json-directory whose files have an expiry of their own."""
    for key in "abc":
        entry = {"cache_key": key, "timestamp": ISO, "expires_at": NOW, "result": {"expires_at": [1]}}
        (tmp_path / f"{key}.json").write_text(json.dumps(entry, indent=1))
    return tmp_path


MAPPED = {"key": "cache_key", "created": "timestamp", "expires": "expires_at", "value": "result"}


@pytest.mark.parametrize("large", [False, True])
def test_a_file_of_an_entry_changes_and_comes_back_to_the_byte(opened, folder, monkeypatch, large):
    if large:
        monkeypatch.setattr(directory, "READ_AT_ONCE", 0)
    path = folder / "a.json"
    os.chmod(path, 0o640)
    first = path.read_bytes()
    adapter = opened("json-directory", folder, **MAPPED)
    check_set(adapter, {"a": NOW + HOUR, "b": math.inf})
    assert held(path)["expires_at"] == NOW + HOUR
    assert path.stat().st_mode & 0o777 == 0o640
    check_set(adapter, {"a": NOW, "b": NOW + 2})
    assert path.read_bytes() == first
    assert sorted(entry.name for entry in folder.iterdir()) == ["a.json", "b.json", "c.json"]


def test_files_that_changed_or_went_or_broke_stay(opened, folder):
    def change():
        (folder / "a.json").write_text(json.dumps({**held(folder / "a.json"), "expires_at": NOW + 5}))
        (folder / "b.json").unlink()

    adapter = opened("json-directory", folder, **MAPPED)
    check_stays_where_changed(adapter, "a", "b", change, NOW + HOUR)
    (folder / "c.json").write_text('{"cache_key": "c", "expires_at": 5')
    answer = set_to(adapter, {"c": NOW})["c"]
    assert (answer.fate, "no complete JSON" in answer.reason) == (Renewed.FAILED, True)


def test_the_original_layout_has_one_ttl_for_all(opened, folder):
    adapter = opened("json-directory", folder, ttl="24h", key="cache_key", created="timestamp")
    assert not adapter.capabilities.can(Ability.SET_EXPIRY)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"x": 1, "t": 2, "t": 3}', b'{"x": 1, "t": 2, "t": 9}'),
        (b'{"x": {"t": 1}}', b'{"t": 9, "x": {"t": 1}}'),
        (b'{\n  "x": "}\\"t\\":"\n}', b'{\n  "t": 9,\n  "x": "}\\"t\\":"\n}'),
        (b" { } ", b' {"t": 9 } '),
        (b'{"\\u0074": "a,b"}', b'{"\\u0074": 9}'),
    ],
)
def test_where_a_field_stands_or_can_stand(text, expected):
    start, end, before, behind = place_for(text, "t")
    assert text[:start] + before + b"9" + behind + text[end:] == expected
