"""A big folder that is listed again: what did not change is not read, what did is; nobody takes one for the other."""

import json
import os
import time
from contextlib import closing
from pathlib import Path

import msgpack
import pytest
from contract import Row, rows_of, scan_all

from cache_studio.adapters import file_listing, remembered
from cache_studio.adapters.base import Adapter
from cache_studio.adapters.batch_frames import batch_from
from cache_studio.adapters.child_listing import ChildListing
from cache_studio.adapters.files import Folder
from cache_studio.adapters.json_directory.adapter import JsonDirectoryAdapter
from cache_studio.adapters.registry import get_format
from cache_studio.config.paths import HOME_VARIABLE, listings_folder
from cache_studio.model.options import read_options
from cache_studio.model.targets import Target

COUNT = 2_100
LONG_AGO = 1_780_000_000
OPTIONS = {"key": "cache_key", "created": "timestamp", "value": "result", "ttl": "24h"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "cache"
    place.mkdir()
    for number in range(COUNT):
        write(place, f"k{number:04d}", number)
    return place


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are opened from here on."""
    names: list[str] = []
    really = Folder.open_file

    def noted(self: Folder, name: str) -> tuple[int, os.stat_result]:
        names.append(name)
        return really(self, name)

    monkeypatch.setattr(Folder, "open_file", noted)
    return names


def write(place: Path, key: str, number: int, moment: float = LONG_AGO) -> None:
    entry = {"cache_key": key, "timestamp": f"2026-01-01T00:{number % 60:02d}:00", "result": {"n": number % 10}}
    (place / f"{key}.json").write_text(json.dumps(entry), "utf-8")
    os.utime(place / f"{key}.json", (moment, moment))


def attached(place: Path, options: dict[str, str] = OPTIONS) -> "closing[Adapter]":
    known = get_format("json-directory")
    return closing(known.adapter_class().open(Target(str(place)), read_options(known.options, options), writable=True))


def looked(adapter: Adapter) -> list[Row]:
    """What the function yields that a child lists by, here in this process."""
    assert isinstance(adapter, JsonDirectoryAdapter)
    return [row for frame in adapter.frames(adapter._identity(), []) for row in rows_of(batch_from(frame))]


def listed(place: Path, options: dict[str, str] = OPTIONS) -> dict[str, Row]:
    with attached(place, options) as adapter:
        rows = looked(adapter)
    assert len({row.id for row in rows}) == len(rows)
    return {row.key: row for row in rows}


def kept() -> list[Path]:
    return sorted(listings_folder().iterdir()) if listings_folder().exists() else []


def test_what_did_not_change_is_not_read_again(folder, opened) -> None:
    before = listed(folder)
    assert len(before) == COUNT
    with attached(folder) as adapter:
        opened.clear()
        rows = looked(adapter)
    assert {row.key: row for row in rows} == before
    assert opened == []


def test_a_folder_that_is_attached_again_is_listed_by_what_a_child_remembers(folder, monkeypatch) -> None:
    monkeypatch.setattr(file_listing, "LISTED_HERE", 200)
    monkeypatch.setattr(ChildListing, "is_there", True)
    found: list[dict[object, Row]] = []
    moments: list[int] = []
    for _ in range(2):
        with attached(folder) as adapter:
            batches, end = scan_all(adapter)
            assert isinstance(adapter, JsonDirectoryAdapter)
            assert sum(map(len, adapter.remembered().batches())) == COUNT  # what was listed here, too
        assert end.complete
        found.append({row.id: row for batch in batches for row in rows_of(batch)})
        assert sum(map(len, batches)) == len(found[-1]) == COUNT
        moments += [place.stat().st_mtime_ns for place in kept()]
    assert found[0] == found[1]
    assert len(moments) == 2
    assert len(set(moments)) == 1  # nothing was new


def test_what_changed_came_or_went_is_listed_as_it_is(folder, opened) -> None:
    before = listed(folder)
    write(folder, "k0003", 44, LONG_AGO + 1)
    write(folder, "new", 1)
    (folder / "k0004.json").unlink()
    os.replace(folder / "k0006.json", folder / "k0005.json")
    after = listed(folder)
    assert after["k0003"].created == before["k0003"].created + 41 * 60
    assert {"new"} == set(after) - set(before)
    assert {"k0004", "k0005"} == set(before) - set(after)
    assert after["k0006"].id == "k0005.json"
    opened.clear()
    with attached(folder) as adapter:
        opened.clear()
        assert len(looked(adapter)) == COUNT - 1
    assert opened == []  # what was new then is remembered, too


def test_a_file_that_was_just_written_is_read_again(folder, opened) -> None:
    write(folder, "k0003", 3, time.time())
    listed(folder)
    with attached(folder) as adapter:
        opened.clear()
        looked(adapter)
    assert opened == ["k0003.json"]


def test_broken_files_are_read_again(folder, opened) -> None:
    (folder / "k0007.json").write_text("{", "utf-8")
    os.utime(folder / "k0007.json", (LONG_AGO, LONG_AGO))
    assert listed(folder)["k0007"].problem
    with attached(folder) as adapter:
        opened.clear()
        looked(adapter)
    assert opened == ["k0007.json"]


@pytest.mark.parametrize("damage", [b"", b"\x00", b"\xc1" * 100, None])
def test_a_broken_memory_is_no_memory(folder, damage) -> None:
    before = listed(folder)
    (place,) = kept()
    content = place.read_bytes()
    place.write_bytes(content[: len(content) // 2] if damage is None else damage)
    assert listed(folder) == before


def test_a_memory_whose_columns_do_not_fit_is_none(folder) -> None:
    before = listed(folder)
    (place,) = kept()
    unpacker = msgpack.Unpacker(raw=False, strict_map_key=False)
    unpacker.feed(place.read_bytes())
    head, frame = next(unpacker), next(unpacker)
    for name, wrong in [("stamps", b"123"), ("ids", [1, 2]), ("keys", ["a"]), ("numbers", 7), ("namespaces", [])]:
        place.write_bytes(msgpack.packb(head) + msgpack.packb({**frame, name: wrong}))
        assert listed(folder) == before


def test_another_reading_or_another_folder_in_its_place_remembers_nothing(folder, tmp_path) -> None:
    before = listed(folder)
    by_size = listed(folder, {**OPTIONS, "ttl": "1h"})
    assert by_size["k0001"].expires == before["k0001"].expires - 23 * 3600
    os.rename(folder, tmp_path / "old")
    folder.mkdir()
    assert listed(folder) == {}


def test_a_small_folder_is_not_remembered(tmp_path) -> None:
    (tmp_path / "few").mkdir()
    write(tmp_path / "few", "a", 1)
    with attached(tmp_path / "few") as adapter:
        assert sum(map(len, scan_all(adapter)[0])) == 1
    assert kept() == []


def test_a_listing_that_is_left_is_not_remembered(folder) -> None:
    with attached(folder) as adapter:
        frames = adapter.frames(adapter._identity(), [])
        assert next(frames)
        frames.close()
    assert kept() == []


def test_only_the_newest_listings_are_kept_and_for_their_owner_alone(folder, monkeypatch) -> None:
    monkeypatch.setattr(remembered, "MOST_FOLDERS", 2)
    listed(folder)
    (first,) = kept()
    assert first.stat().st_mode & 0o077 == 0
    os.utime(first, (LONG_AGO, LONG_AGO))
    leftover = first.with_suffix(".new")
    leftover.write_bytes(b"of a killed process")
    os.utime(leftover, (LONG_AGO, LONG_AGO))
    for ttl in ("1h", "2h"):
        listed(folder, {**OPTIONS, "ttl": ttl})
    assert len(kept()) == 2
    assert not first.exists()
    assert not leftover.exists()


def test_where_nothing_can_be_written_the_list_is_whole_all_the_same(folder) -> None:
    listings_folder().parent.mkdir(parents=True)
    listings_folder().write_text("a file in its place")
    assert len(listed(folder)) == COUNT
    assert len(listed(folder)) == COUNT


def test_a_listing_that_is_too_large_is_not_remembered(folder, monkeypatch) -> None:
    monkeypatch.setattr(remembered, "LARGEST", 10_000)
    assert len(listed(folder)) == COUNT
    assert kept() == []
