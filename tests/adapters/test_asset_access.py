"""The runtime's door to an asset cache, on real folders."""

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from access_contract import AccessContract
from contract import listing

from cache_studio.adapters import sqlite_link
from cache_studio.adapters.asset_cache.access import AssetCacheAccess
from cache_studio.adapters.key_access import Held
from cache_studio.adapters.registry import get_format
from cache_studio.model.errors import BadRequest, CacheUnavailable
from cache_studio.model.options import read_options
from cache_studio.model.targets import Target

FORMAT = get_format("asset-cache")
NOW = 1_800_000_000.0
KEY = hashlib.sha256(b"a fox").hexdigest()


class TestAssetCacheAccess(AccessContract):
    """What every key access promises."""

    format_name = "asset-cache"
    location = ""
    namespaces = ("", "tts", "two")
    keeps_accessed = keeps_hits = keeps_metadata = True

    def listed(self, namespace: str) -> str:
        """Without a namespace an entry is an image."""
        return namespace or "image"


def open_access(root: Path, **options: str) -> AssetCacheAccess:
    """The door to the cache below a folder."""
    return AssetCacheAccess.open(Target(str(root), "asset-cache", options), read_options(FORMAT.options, options))


@pytest.fixture
def access(tmp_path: Path) -> Iterator[AssetCacheAccess]:
    """A new cache."""
    with closing(open_access(tmp_path)) as access:
        yield access


def execute(root: Path, sql: str, *values: object) -> list[tuple[object, ...]]:
    """Run one statement as the application would."""
    with closing(sqlite3.connect(root / "cache" / "cache.db", isolation_level=None)) as connection:
        return connection.execute(sql, values).fetchall()


def files(root: Path) -> set[str]:
    """The value files."""
    cache = root / "cache"
    return {str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file() and path.parent != cache}


def test_rows_and_files_are_those_of_the_application(tmp_path: Path, access: AssetCacheAccess) -> None:
    access.put(KEY, Held(b"RIFF", NOW, metadata={"prompt_text": "a fox", "voice": "eva"}), "tts")
    access.put(KEY, Held(b"PNG", NOW, tags=("red",)))
    assert files(tmp_path) == {f"tts/{KEY}.wav", f"image/{KEY}.png"}
    row = execute(tmp_path, "SELECT prompt_text, file_path, metadata, use_count FROM cache_entries WHERE id = 1")
    assert row == [("a fox", str(tmp_path / "cache" / "tts" / f"{KEY}.wav"), '{"voice": "eva"}', 1)]
    adapter = FORMAT.adapter_class().open(Target(str(tmp_path)), read_options(FORMAT.options, {}), writable=False)
    with closing(adapter):
        assert {(row.key, row.namespace, row.hits) for row in listing(adapter).values()} == {
            (KEY, "tts", 0.0),
            (KEY, "image", 0.0),
        }


def test_uses_of_a_hit_are_no_commit(tmp_path: Path, access: AssetCacheAccess) -> None:
    access.put(KEY, Held(b"PNG", NOW))
    for second in range(4):
        access.touch(KEY, "", NOW + second)
    assert execute(tmp_path, "SELECT use_count FROM cache_entries") == [(1,)]
    execute(tmp_path, "UPDATE cache_entries SET use_count = use_count + 10")
    access.flush()
    assert execute(tmp_path, "SELECT use_count FROM cache_entries") == [(15,)]
    found = access.get(KEY)
    assert found is not None
    assert (found.hits, found.accessed) == (14, NOW + 3)


def test_a_row_without_its_file_is_a_miss(tmp_path: Path, access: AssetCacheAccess) -> None:
    access.put(KEY, Held(b"PNG", NOW))
    (tmp_path / "cache" / "image" / f"{KEY}.png").unlink()
    assert access.get(KEY) is None
    assert not access.holds(KEY)
    access.put(KEY, Held(b"PNG2", NOW))
    assert access.holds(KEY)


def test_a_file_that_another_row_names_stays(tmp_path: Path, access: AssetCacheAccess) -> None:
    shared = tmp_path / "cache" / "image" / "shared.png"
    shared.parent.mkdir()
    shared.write_bytes(b"PNG")
    sql = "INSERT INTO cache_entries (asset_type, prompt_hash, prompt_text, file_path) VALUES ('image', ?, '', ?)"
    for key in ("a", "b"):
        execute(tmp_path, sql, key, "image/shared.png")
    assert access.delete("a")
    found = access.get("b")
    assert found is not None
    assert found.value == b"PNG"
    access.put("b", Held(b"new", NOW))
    assert files(tmp_path) == {"image/b.png"}


def test_a_path_out_of_the_cache_is_never_read_nor_removed(tmp_path: Path, access: AssetCacheAccess) -> None:
    outside = tmp_path / "outside.png"
    outside.write_bytes(b"secret")
    sql = "INSERT INTO cache_entries (asset_type, prompt_hash, prompt_text, file_path) VALUES ('image', 'a', '', ?)"
    execute(tmp_path, sql, str(outside))
    assert access.get("a") is None
    assert access.delete("a")
    assert outside.read_bytes() == b"secret"


def test_no_two_keys_share_a_file(access: AssetCacheAccess) -> None:
    odd = "../x"
    hashed = hashlib.sha512(odd.encode()).hexdigest()
    keys = [odd, hashed, "A", hashlib.sha512(b"A").hexdigest()]
    for number, key in enumerate(keys):
        access.put(key, Held(str(number).encode(), NOW))
    found = access.get_many(keys)
    assert [found[key].value for key in keys] == [b"0", b"1", b"2", b"3"]


def test_removing_many_is_one_transaction(tmp_path: Path, access: AssetCacheAccess) -> None:
    for number in range(20):
        access.put(f"k{number}", Held(b"x", NOW, NOW + number), "tts")
    assert len(access.delete_many([("tts", f"k{number}") for number in range(5)])) == 5
    assert len(access.discard_stale(NOW + 9)) == 5
    assert files(tmp_path) == {f"tts/k{number}.wav" for number in range(10, 20)}
    assert access.delete_like("*", "") == 0
    assert access.delete_like("k1?", "tts") == 10
    assert files(tmp_path) == set()


def test_nothing_is_left_of_a_put_that_failed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, access: AssetCacheAccess
) -> None:
    monkeypatch.setattr(sqlite_link, "WAIT_SECONDS", 0.05)
    access.put("k", Held(b"old", NOW))
    with closing(open_access(tmp_path)) as quick, closing(sqlite3.connect(tmp_path / "cache" / "cache.db")) as other:
        other.isolation_level = None
        other.execute("BEGIN EXCLUSIVE")
        for key in ("k", "new"):
            with pytest.raises(CacheUnavailable, match="busy"):
                quick.put(key, Held(b"new", NOW))
        other.execute("ROLLBACK")
    assert files(tmp_path) == {"image/k.png"}
    found = access.get("k")
    assert found is not None
    assert found.value == b"old"
    with pytest.raises(BadRequest, match="JSON"):
        access.put("k", Held(b"new", NOW, metadata={"x": object()}))
    assert files(tmp_path) == {"image/k.png"}


def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path, access: AssetCacheAccess) -> None:
    (tmp_path / "cache" / "image").write_text("in the way")
    with pytest.raises(CacheUnavailable):
        access.put("k", Held(b"x", NOW))
    assert list(access.known()) == []


def test_compacting_takes_leftovers_away(tmp_path: Path, access: AssetCacheAccess) -> None:
    access.put("kept", Held(b"x", NOW))
    access.put("dead", Held(b"x", time.time() - 1000))
    image = tmp_path / "cache" / "image"
    (image / "dead.png").unlink()
    old = [image / f"{KEY}.png", image / ".cs-00000000.new"]
    young = image / ".cs-11111111.new"
    for path in (*old, young):
        path.write_bytes(b"x" * 1000)
    for path in old:
        os.utime(path, (1e9, 1e9))
    assert access.compact() >= 2000
    assert files(tmp_path) == {"image/kept.png", "image/.cs-11111111.new"}
    assert {known.key for known in access.known()} == {"kept"}


def test_a_database_of_another_application_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    execute(tmp_path, "CREATE TABLE other (x)")
    with closing(open_access(tmp_path)) as access:
        access.put("k", Held(b"x", NOW))
        assert access.holds("k")
    assert execute(tmp_path, "PRAGMA journal_mode") == [("delete",)]
