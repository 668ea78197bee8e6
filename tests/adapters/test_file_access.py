"""The runtime's doors to files: the contract, and what only files can do to them."""

import errno
import json
import multiprocessing
import os
import pickle
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from access_contract import AccessContract
from contract import listing

from cache_studio.adapters import file_access
from cache_studio.adapters.file_access import SECOND_LOOK
from cache_studio.adapters.json_file import access as json_file_access
from cache_studio.adapters.key_access import Held, KeyAccess
from cache_studio.adapters.registry import get_format
from cache_studio.model.errors import BadRequest, CacheUnavailable, WrongFormat
from cache_studio.model.options import read_options
from cache_studio.model.targets import Target

NOW = 1_800_000_000.0
DAY = 86_400.0
FORMATS = ("json-directory", "multi-level", "json-file")
PROCESSES, PUTS = 4, 50


class TestJsonDirectoryAccess(AccessContract):
    """An expiry of its own, tags and metadata stand in extra fields."""

    format_name = "json-directory"
    namespaces = ("",)
    any_bytes = False
    keeps_metadata = True


class TestJsonFileAccess(AccessContract):
    """Namespaces are part of the key; what does not live for the TTL has another time of creation."""

    format_name = "json-file"
    location = "ai_responses.json"
    namespaces = ("",)
    any_bytes = False
    ttl = 7 * DAY
    keeps_accessed = True
    keeps_metadata = True


class TestMultiLevelAccess(AccessContract):
    """Pickles of builtins."""

    format_name = "multi-level"
    keeps_metadata = True


def open_door(format_name: str, place: Path, **options: str) -> KeyAccess:
    """A door to a file or folder."""
    found = get_format(format_name)
    return found.access_class().open(Target(str(place), format_name), read_options(found.options, options))


def held(number: int, life: float | None = 7 * DAY, **more: Any) -> Held:
    """An entry that was made now."""
    return Held(json.dumps({"n": number}).encode(), NOW, None if life is None else NOW + life, **more)


@pytest.fixture(params=FORMATS)
def format_name(request: pytest.FixtureRequest) -> str:
    """Each of them."""
    return str(request.param)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the cache lies, in a folder of its own."""
    return tmp_path / "base" / "cache"


@pytest.fixture
def door(format_name: str, place: Path) -> Iterator[KeyAccess]:
    """An open door."""
    with closing(open_door(format_name, place)) as opened:
        yield opened


@pytest.fixture
def json_directory(place: Path) -> Iterator[KeyAccess]:
    """One JSON file an entry."""
    with closing(open_door("json-directory", place)) as opened:
        yield opened


@pytest.fixture
def json_file(place: Path) -> Iterator[KeyAccess]:
    """All in one file."""
    with closing(open_door("json-file", place)) as opened:
        yield opened


# What the disk refuses.


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EIO, errno.EROFS])
def test_a_disk_that_refuses_leaves_what_was_there(
    door: KeyAccess, place: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    door.put("key", held(1))

    def refuse(*_args: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        with pytest.raises(CacheUnavailable, match=r"cannot be used|may not be written|disk is full"):
            door.put("key", held(2))
    found = door.get("key")
    assert found is not None
    assert found.value == held(1).value
    left = [name for _, _, names in os.walk(place.parent) for name in names]
    assert not [name for name in left if name.endswith((".new", ".tmp"))]
    door.put("key", held(3))


def test_a_full_disk_in_the_middle_of_a_file(door: KeyAccess, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first bytes are written, the others are not."""
    door.put("key", held(1))
    real = os.write

    def fill(descriptor: int, content: Any) -> int:
        if len(content) < 10:
            raise OSError(errno.ENOSPC, "full")
        return real(descriptor, content[: len(content) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fill)
        with pytest.raises(CacheUnavailable):
            door.put("key", held(2))
    found = door.get("key")
    assert found is not None
    assert found.value == held(1).value


def test_an_empty_key_and_bad_times_are_refused(door: KeyAccess) -> None:
    for call in (lambda: door.put("", held(1)), lambda: door.get(""), lambda: door.delete("")):
        with pytest.raises(BadRequest):
            call()
    with pytest.raises(BadRequest):
        door.put("key", Held(b"1", 1e18, 1e18 + 5))
    with pytest.raises(BadRequest):
        door.put("key", held(1, metadata={"x": object()}))
    assert list(door.known()) == []


def test_places_where_no_cache_can_be(format_name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file" / "below", tmp_path / "a\0b"):
        with pytest.raises((CacheUnavailable, WrongFormat)):
            open_door(format_name, place)


def test_a_clock_that_goes_back(door: KeyAccess) -> None:
    door.put("key", held(1))
    early = Held(b'"older"', NOW - 1000, NOW - 1000 + 7 * DAY)
    door.put("key", early)
    door.touch("key", "", NOW - 5000)
    door.flush()
    found = door.get("key")
    assert found is not None
    assert (found.value, found.created) == (early.value, pytest.approx(early.created))


def test_a_folder_that_was_removed_is_made_anew(door: KeyAccess, place: Path) -> None:
    door.put("key", held(1))
    shutil.rmtree(place.parent)
    assert door.get("key") is None
    assert not door.delete("key")
    door.put("key", held(2))
    assert door.holds("key")
    assert [known.key for known in door.known()] == ["key"]


def test_what_is_no_file_is_a_miss_and_stays(place: Path) -> None:
    outside = place.parent.parent / "outside"
    outside.mkdir()
    (outside / "linked.json").write_text("{}")
    with closing(open_door("json-directory", place)) as door:
        (place / "link.json").symlink_to(outside / "linked.json")
        os.mkfifo(place / "pipe.json")
        (place / "folder.json").mkdir()
        for key in ("link", "pipe", "folder"):
            assert door.get(key) is None
        door.put("link", held(1))
        assert (outside / "linked.json").read_text() == "{}"
    with closing(open_door("multi-level", place)) as door:
        (place / "l3" / "linked").symlink_to(outside)
        assert door.get("key", "linked") is None
        with pytest.raises((CacheUnavailable, WrongFormat)):
            door.put("key", held(1), "linked")
        assert os.listdir(outside) == ["linked.json"]


# Tags, expiry, metadata.


def test_tags_come_back_in_a_listing(door: KeyAccess) -> None:
    door.put("with", held(1, tags=("a", "ü")))
    door.put("without", held(2))
    assert {known.key: tuple(sorted(known.tags)) for known in door.known()} == {"with": ("a", "ü"), "without": ()}


@pytest.mark.parametrize("life", [0.0, 60.0, None, 2 * DAY])
def test_an_expiry_of_its_own(door: KeyAccess, life: float | None) -> None:
    door.put("key", held(1, life=life))
    found = door.get("key")
    assert found is not None
    if life is None:
        assert found.expires is None
    else:
        assert found.expires == pytest.approx(NOW + life, abs=1e-5)
        assert (found.expires > NOW + life) == (door.keeps_last_moment and life > 0)
    assert [known.expires for known in door.known()] == [found.expires]


def test_extra_fields_of_json_directory_are_written_only_where_they_are_given(
    json_directory: KeyAccess, place: Path
) -> None:
    json_directory.put("plain", held(1, life=DAY))
    json_directory.put("rich", held(2, life=60, tags=("x",), metadata={"model": "m"}))
    json_directory.put("ever", held(3, life=None))
    assert list(json.loads((place / "plain.json").read_bytes())) == ["cache_key", "timestamp", "result"]
    rich = json.loads((place / "rich.json").read_bytes())
    assert (rich["expires_at"], rich["tags"], rich["metadata"]) == (NOW + 60, ["x"], {"model": "m"})
    found = get_format("json-directory")
    target = Target(str(place), "json-directory")
    adapter = found.adapter_class().open(target, read_options(found.options, {}), writable=False)
    rows = {row.key: row for row in listing(adapter).values()}
    adapter.close()
    assert {key: row.expires for key, row in rows.items()} == {
        "plain": NOW + DAY,
        "rich": NOW + 60,
        "ever": float("inf"),
    }
    assert rows["rich"].tags == ("x",)


def test_numbers_and_halves_that_json_does_not_have(json_directory: KeyAccess, place: Path) -> None:
    """Python's writer makes them, so the original application's files may hold them."""
    moment = datetime.fromtimestamp(NOW).isoformat()
    for key, text in (("nan", "NaN"), ("half", '"\\ud800"')):
        (place / f"{key}.json").write_text(f'{{"cache_key": "{key}", "timestamp": "{moment}", "result": {text}}}')
        found = json_directory.get(key)
        assert found is not None
        assert (found.created, found.expires) == (NOW, NOW + DAY)
    json_directory.put("half", Held('"\ud800"'.encode("utf-8", "surrogatepass"), NOW, NOW + DAY))
    assert json.loads((place / "half.json").read_bytes())["result"] == "\ud800"
    with pytest.raises(BadRequest):
        json_directory.put("nan", Held(b"NaN", NOW))


def test_the_original_reads_what_multi_level_writes(place: Path) -> None:
    with closing(open_door("multi-level", place)) as door:
        door.put("a:1", held(1, life=60, tags=("x",), metadata={"m": [1]}), "ns")
        found = door.get("a:1", "ns")
    entry = pickle.loads((place / "l3" / "ns" / "a:1.cache").read_bytes())
    assert (entry["ttl"], entry["tags"], entry["metadata"]) == (timedelta(seconds=60), {"x"}, '{"m": [1]}')
    assert entry["created_at"] == datetime.fromtimestamp(NOW, UTC)
    assert found is not None
    assert found.metadata == {"m": [1]}


# Broken and half-written files.


def test_a_half_written_file_is_read_again_once(
    json_directory: KeyAccess, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    json_directory.put("key", held(1))
    path = place / "key.json"
    whole = path.read_bytes()
    path.write_bytes(whole[:30])
    pauses: list[float] = []

    def finish_writing(seconds: float) -> None:
        pauses.append(seconds)
        path.write_bytes(whole)

    monkeypatch.setattr(file_access.time, "sleep", finish_writing)
    found = json_directory.get("key")
    assert found is not None
    assert found.value == held(1).value
    assert pauses == [SECOND_LOOK]


def test_a_broken_file_is_a_miss_and_is_told_once(
    place: Path, monkeypatch: pytest.MonkeyPatch, expect_log: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    expect_log("is broken")
    pauses: list[float] = []
    monkeypatch.setattr(file_access.time, "sleep", pauses.append)
    for name, suffix in (("json-directory", ".json"), ("multi-level", ".cache")):
        caplog.clear()
        pauses.clear()
        with closing(open_door(name, place)) as door:
            folder = place if name == "json-directory" else place / "l3"
            for content in (b"", b'{"cache_key": "new', b"\x80\x04}\x94(\x8c\x05val"):
                (folder / f"new{suffix}").write_bytes(content)
                os.utime(folder / f"new{suffix}", ns=(time.time_ns(), time.time_ns() - len(content)))
                assert [door.get("new") for _ in range(3)] == [None] * 3
            assert pauses == [SECOND_LOOK] * 3
            (folder / f"old{suffix}").write_bytes(b"x")
            os.utime(folder / f"old{suffix}", (NOW - 1e9, NOW - 1e9))
            assert door.get("old") is None
            assert len(pauses) == 3
            assert [record.getMessage().count("is broken") for record in caplog.records] == [1, 1]
            assert list(door.known()) == []
            assert door.delete("new")


def test_discard_keeps_a_file_that_is_replaced_this_moment(
    json_directory: KeyAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    json_directory.put("key", held(1))
    seen = json_directory.get("key")
    assert seen is not None
    real = file_access.FileAccess._unlink

    def late(self: Any, parts: Any, stamp: Any) -> bool:
        json_directory.put("key", held(2))
        return real(self, parts, stamp)

    monkeypatch.setattr(file_access.FileAccess, "_unlink", late)
    assert not json_directory.discard("key", seen)
    assert json_directory.holds("key")


# One file for all.


def test_a_get_of_an_unchanged_file_costs_one_look(json_file: KeyAccess, monkeypatch: pytest.MonkeyPatch) -> None:
    json_file.put("key", held(1))
    json_file.get("key")
    calls: list[str] = []
    with monkeypatch.context() as patch:
        for name in ("stat", "open", "fstat", "read"):
            real = getattr(os, name)
            patch.setattr(os, name, lambda *a, _n=name, _r=real, **k: calls.append(_n) or _r(*a, **k))
        assert json_file.get("key") is not None
        json_file.touch("key", "", NOW)
    assert calls == ["stat"]


def test_many_entries_go_with_one_write(json_file: KeyAccess, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        json_file.put(f"k{number}", held(number, life=60 if number < 5 else 7 * DAY))
    writes: list[object] = []
    real = os.replace
    monkeypatch.setattr(os, "replace", lambda *names: writes.append(names) or real(*names))
    assert len(json_file.discard_stale(NOW + 100)) == 5
    assert len(json_file.delete_many([("", f"k{number}") for number in range(3, 15)])) == 10
    assert json_file.delete_many([("", "absent")]) == []
    assert len(writes) == 2
    assert list(json.loads(place.read_bytes())) == [f"k{number}" for number in range(15, 20)]


def test_other_entries_stay_as_they_are_to_the_byte(json_file: KeyAccess, place: Path) -> None:
    odd = '{"response":1.50,"created_at":1e9, "ü" : ["\\u00fc", 12345678901234567890123]}'
    place.write_text(f'{{"odd": {odd}, "number": 5}}')
    json_file.put("key", held(1))
    text = place.read_text()
    assert odd in text
    assert list(json.loads(text)) == ["odd", "number", "key"]
    entry = {"response": "<ü>", "created_at": NOW}
    place.write_text(json.dumps({"a": entry, "b": {}}, indent=2, ensure_ascii=False))
    before = place.read_text()
    json_file.put("key", held(1))
    json_file.delete("key")
    assert place.read_text() == before


def test_access_times_are_written_by_the_next_call_after_a_while(
    json_file: KeyAccess, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stored() -> float:
        return float(json.loads(place.read_bytes())["key"]["last_accessed"])

    json_file.put("key", held(1))
    json_file.touch("key", "", NOW + 5)
    json_file.get("key")
    assert stored() == NOW
    late = time.monotonic() + json_file_access.FLUSH_INTERVAL
    with monkeypatch.context() as patch:
        patch.setattr(json_file_access.time, "monotonic", lambda: late)
        json_file.get("other")
    assert stored() == NOW + 5
    json_file.touch("key", "", NOW + 6)
    json_file.close()
    assert stored() == NOW + 6


def test_a_lookup_needs_no_disk_that_can_be_written(
    json_file: KeyAccess, monkeypatch: pytest.MonkeyPatch, expect_log: Callable[[str], None]
) -> None:
    expect_log("Access times wait")
    json_file.put("key", held(1))
    json_file.touch("key", "", NOW + 5)

    def refuse(*_args: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        patch.setattr(json_file_access, "FLUSH_INTERVAL", 0.0)
        assert json_file.get("key") is not None
    json_file.flush()


def test_rights_of_the_file_stay(json_file: KeyAccess, place: Path) -> None:
    place.chmod(0o600)
    json_file.put("key", held(1))
    assert place.stat().st_mode & 0o777 == 0o600


def _put_and_delete(path: str, number: int, ready: Any, go: Any) -> None:
    with closing(open_door("json-file", Path(path))) as door:
        ready.release()
        go.wait(30)
        for turn in range(PUTS):
            door.put(f"{number}-{turn}", held(turn))
            if turn % 5 == 4:
                assert door.delete(f"{number}-{turn - 1}")


def _put_for_ever(path: str, ready: Any) -> None:
    with closing(open_door("json-file", Path(path))) as door:
        turn = 0
        while True:
            door.put(f"endless-{turn % 7}", Held(json.dumps("x" * 20_000).encode(), NOW, NOW + 7 * DAY))
            ready.release()
            turn += 1


def test_processes_lose_no_entry_also_where_one_is_killed(place: Path) -> None:
    open_door("json-file", place).close()
    context = multiprocessing.get_context("fork")  # a new interpreter takes longer than the test
    ready, go = context.Semaphore(0), context.Event()
    writers = [context.Process(target=_put_and_delete, args=(str(place), n, ready, go)) for n in range(PROCESSES)]
    victim = context.Process(target=_put_for_ever, args=(str(place), ready))
    for process in (*writers, victim):
        process.start()
    for _ in range(PROCESSES + 3):
        assert ready.acquire(timeout=30)
    go.set()
    assert victim.pid is not None
    os.kill(victim.pid, signal.SIGKILL)
    for process in (*writers, victim):
        process.join(50)
    assert [writer.exitcode for writer in writers] == [0] * PROCESSES
    stored = {key for key in json.loads(place.read_bytes()) if not key.startswith("endless")}
    kept = {turn for turn in range(PUTS) if turn % 5 != 3}
    assert stored == {f"{number}-{turn}" for number in range(PROCESSES) for turn in kept}
    with closing(open_door("json-file", place)) as door:  # the lock is free
        door.put("last", held(1))
    assert sorted(os.listdir(place.parent)) == ["cache", "cache.lock"]


def test_threads_of_one_door_lose_nothing(door: KeyAccess) -> None:
    def work(number: int) -> None:
        for turn in range(10):
            door.put(f"{number}-{turn}", held(turn))
            door.touch(f"{number}-{turn}", "", NOW + turn)
            door.delete_many([("", f"{number}-{turn - 1}")])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {known.key for known in door.known()} == {f"{number}-9" for number in range(8)}
