"""multi-level on pickles as the application writes them; nothing in them may run."""

import math
import os
import pickle
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from contract import AdapterContract, Row, listing, rows_of, scan_all
from machine import CacheMachine, case_of

from cache_studio.adapters.base import Certainty
from cache_studio.adapters.file_names import escape, is_hash, unescape
from cache_studio.adapters.key_access import Held
from cache_studio.adapters.multi_level import FORMAT
from cache_studio.adapters.multi_level import adapter as adapter_module
from cache_studio.adapters.multi_level.access import MultiLevelAccess
from cache_studio.adapters.multi_level.adapter import MultiLevelAdapter
from cache_studio.adapters.sight import Sight
from cache_studio.model.errors import CacheUnavailable
from cache_studio.model.options import read_options
from cache_studio.model.seeing import Part
from cache_studio.model.targets import Target

HOUR = timedelta(hours=1)


def write(
    level: Path,
    key: str,
    *,
    namespace: str = "ai_operations",
    age: float = 0,
    ttl: timedelta | None = HOUR,
    value: object = None,
    protocol: int = pickle.DEFAULT_PROTOCOL,
) -> Path:
    """Write an entry in place, as the application does."""
    entry = {
        "value": value or {"text": "ja", "scores": [0.5, None]},
        "created_at": datetime.now(UTC) - timedelta(seconds=age),
        "ttl": ttl,
        "tags": {key.partition(":")[0], "model:gpt-4"},
        "namespace": namespace,
    }
    path = level / namespace / f"{key}.cache"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(entry, protocol))
    return path


def open_adapter(path: Path, **options: str) -> MultiLevelAdapter:
    """The cache, open for writing."""
    return MultiLevelAdapter.open(Target(str(path)), read_options(FORMAT.options, options), writable=True)


def rows(path: Path, **options: str) -> Mapping[tuple[str, str], Row]:
    """All entries by namespace and key."""
    adapter = open_adapter(path, **options)
    try:
        return {(row.namespace, row.key): row for row in listing(adapter).values()}
    finally:
        adapter.close()


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


class Bomb:
    """A value that would make a folder if it were unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.place),)


class TestMultiLevelContract(AdapterContract):
    """The suite on the original layout."""

    format_name = "multi-level"
    ordinary = ("analyze:0001", "analyze:0002", "translate:0003", "chat:0004", "plain")
    stale = ("generate:0005", "generate:0006")
    forever = ("classify:0007",)
    broken = ("half", "empty", "no-dict")
    count = 12

    def make(self, tmp_path: Path) -> Target:
        """Five fresh, two stale, one forever, three broken, one hostile; three namespaces."""
        level = tmp_path / "base" / "l3"
        for key in self.ordinary[:4]:
            write(level, key)
        write(level, "plain", namespace="other")
        for key in self.stale:
            write(level, key, age=7200)
        write(level, "classify:0007", ttl=None)
        whole = write(level, "half").read_bytes()
        folder = level / "ai_operations"
        (folder / "half.cache").write_bytes(whole[: len(whole) // 2])
        (folder / "empty.cache").write_bytes(b"")
        (folder / "no-dict.cache").write_bytes(pickle.dumps([1, 2]))
        for name in self.broken:
            os.utime(folder / f"{name}.cache", (time.time() - 60,) * 2)
        write(level, "<b>\u202e\nx", namespace="bad\udcff", value=Bomb(tmp_path / "ran"))
        return Target(str(tmp_path / "base"), self.format_name)

    def application_rewrites(self, target: Target, key: str) -> None:
        """In place, with a longer value."""
        namespace = "other" if key == "plain" else "ai_operations"
        write(Path(target.location) / "l3", key, namespace=namespace, value={"text": "a longer answer" * 3})

    def application_deletes(self, target: Target, key: str) -> None:
        """By unlink."""
        namespace = "other" if key == "plain" else "ai_operations"
        (Path(target.location) / "l3" / namespace / f"{key}.cache").unlink()

    def test_nothing_in_it_ran(self, target: Target, tmp_path: Path) -> None:
        with self.opened(target) as adapter:
            for entry_id in listing(adapter):
                adapter.read(entry_id)
        assert not (tmp_path / "ran").exists()


class MultiLevelMachine(CacheMachine):
    """Application and studio on one folder."""

    format_name = "multi-level"
    has_tags = True
    namespaces = ("", "ai_operations", "a/b")


TestMachine = case_of(MultiLevelMachine)


def test_what_an_entry_says(tmp_path: Path) -> None:
    before = time.time()
    write(tmp_path / "l3", "analyze:00ff", ttl=timedelta(hours=6))
    row = rows(tmp_path)["ai_operations", "analyze:00ff"]
    assert before <= (row.created or 0) <= time.time()
    assert row.expires == math.nextafter((row.created or 0) + 6 * 3600, math.inf)
    assert (row.type, row.tags, row.hits, row.accessed) == ("analyze", ("analyze", "model:gpt-4"), None, None)


def test_a_ttl_of_zero_is_stale_at_once(tmp_path: Path) -> None:
    write(tmp_path / "l3", "a:1", ttl=timedelta(0))
    row = rows(tmp_path)["ai_operations", "a:1"]
    assert row.expires == row.created


@pytest.mark.parametrize("protocol", range(2, 6))
def test_every_protocol(tmp_path: Path, protocol: int) -> None:
    write(tmp_path / "l3", "a:1", protocol=protocol)
    row = rows(tmp_path)["ai_operations", "a:1"]
    assert (row.problem, row.expires) == ("", math.nextafter((row.created or 0) + 3600, math.inf))
    assert FORMAT.recognise(Sight(str(tmp_path))).certainty is Certainty.SURE


def test_another_ttl_for_all(tmp_path: Path) -> None:
    write(tmp_path / "l3", "a:1", ttl=None)
    row = rows(tmp_path, ttl="1d")["ai_operations", "a:1"]
    assert row.expires == math.nextafter((row.created or 0) + 86_400, math.inf)


@pytest.mark.parametrize(
    ("shape", "life"),
    [
        (lambda now: {"data": 1, "stored_at": now, "max_age": 90}, 90),
        (lambda now: {"result": 1, "createdAt": round(now * 1000), "expires_at": (now + 60) * 1000}, 60),
        (lambda now: {"v": 1, "timestamp": _iso(now), "valid_until": _iso(now + 30)}, 30),
    ],
)
def test_pickles_that_differ_a_little(tmp_path: Path, shape: Callable[[float], dict[str, object]], life: float) -> None:
    now = float(round(time.time()))
    (tmp_path / "ns").mkdir()
    for name in ("one", "two"):
        (tmp_path / "ns" / f"{name}.cache").write_bytes(pickle.dumps(shape(now)))
    found = FORMAT.recognise(Sight(str(tmp_path)))
    assert found.certainty is Certainty.LOOK
    assert rows(tmp_path) == rows(tmp_path, **found.options)
    row = rows(tmp_path)["ns", "one"]
    assert row.created == now
    assert row.expires == pytest.approx(now + life)


def test_an_expiry_of_none_is_never(tmp_path: Path) -> None:
    for name, moment in (("one", None), ("two", time.time() + 5)):
        (tmp_path / f"{name}.cache").write_bytes(pickle.dumps({"value": 1, "until": moment}))
    found = {row.key: row.expires for row in rows(tmp_path, expires="until").values()}
    assert found["one"] == math.inf
    assert found["two"] != math.inf


def test_cache_level_and_namespace_can_be_attached(tmp_path: Path) -> None:
    write(tmp_path / "l3", "a:1", namespace="tts")
    for place in (tmp_path, tmp_path / "l3", tmp_path / "l3" / "tts"):
        assert set(rows(place)) == {("tts", "a:1")}
        assert FORMAT.recognise(Sight(str(place))).certainty is Certainty.SURE
    (tmp_path / "void").mkdir()
    with pytest.raises(CacheUnavailable):
        open_adapter(tmp_path / "void")


def test_one_key_in_two_namespaces_is_two_entries(tmp_path: Path) -> None:
    for namespace in ("one", "two", "one/deeper"):
        write(tmp_path / "l3", "a:1", namespace=namespace)
    adapter = open_adapter(tmp_path)
    assert {row.namespace for row in listing(adapter).values()} == {"one", "two", "one/deeper"}
    assert {row.namespace for row in rows_of(adapter.lookup(["a:1"]))} == {"one", "two", "one/deeper"}
    assert [row.id for row in rows_of(adapter.lookup(["a:1"], "two"))] == ["two/a:1.cache"]
    adapter.close()


def test_names_of_windows_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "l3", "a:1")
    path.rename(path.with_name("a%3A1.cache"))
    assert set(rows(tmp_path)) == {("ai_operations", "a:1")}


def test_empty_folders_are_compacted(tmp_path: Path) -> None:
    write(tmp_path / "l3", "a:1", namespace="kept")
    (tmp_path / "l3" / "void" / "inner").mkdir(parents=True)
    (tmp_path / "l3" / "kept" / "hollow").mkdir()
    adapter = open_adapter(tmp_path)
    assert adapter.compactable() == [Part("empty folders", 3, 0)]
    assert adapter.compact() == [Part("empty folders", 3, 0)]
    assert adapter.compactable() == []
    assert [path.name for path in (tmp_path / "l3").iterdir()] == ["kept"]
    adapter.close()


@pytest.mark.parametrize("read_here", [0, 4_000_000])
def test_long_files_are_filled_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_here: int) -> None:
    monkeypatch.setattr(adapter_module, "READ_HERE", read_here)
    write(tmp_path / "l3", "a:1", value="x" * 100_000)
    write(tmp_path / "l3", "a:2")
    adapter = open_adapter(tmp_path)
    waiting = [key for b in scan_all(adapter)[0] for key, bits in zip(b.keys, b.pending, strict=True) if bits]
    assert waiting == ["a:1"]
    found = {row.key: row for row in listing(adapter).values()}
    assert found["a:1"].tags == found["a:2"].tags == ("a", "model:gpt-4")
    assert found["a:1"].expires is not None
    adapter.close()


def test_changes_of_the_watched_folders(tmp_path: Path) -> None:
    path = write(tmp_path / "l3", "a:1")
    adapter = open_adapter(tmp_path)
    assert adapter.watched() == ((str(tmp_path / "l3"), True),)
    answer = adapter.changes([str(path), str(path.with_name("gone.cache"))])
    assert answer is not None
    assert [row.key for row in rows_of(answer[0])] == ["a:1"]
    assert answer[1] == ["ai_operations/gone.cache"]
    assert adapter.changes([str(tmp_path / "l3" / "renamed_folder")]) is None
    adapter.close()


def test_the_runtime_writes_what_the_original_reads(tmp_path: Path) -> None:
    access = MultiLevelAccess.open(Target(str(tmp_path)), {})
    held = Held(
        b'{"a": 1.50}', created=1_700_000_000.5, expires=math.nextafter(1_700_000_060.5, math.inf), tags=("x", "y")
    )
    access.put("analyze:1", held, "ai_operations")
    entry = pickle.loads((tmp_path / "l3" / "ai_operations" / "analyze:1.cache").read_bytes())
    assert entry == {
        "value": '{"a": 1.50}',
        "created_at": datetime.fromtimestamp(1_700_000_000.5, UTC),
        "ttl": timedelta(seconds=60),
        "tags": {"x", "y"},
        "namespace": "ai_operations",
    }
    assert access.get("analyze:1", "ai_operations") == held
    binary = Held(b"\xff\x00" * 5000, created=1_700_000_000.0)
    access.put("k" * 300, binary)
    assert access.get("k" * 300) == binary
    assert {known.key for known in access.known()} == {"analyze:1", "k" * 300}
    assert {key for _namespace, key in rows(tmp_path)} == {"analyze:1", "k" * 300}
    write(tmp_path / "l3", "object:1")
    assert access.get("object:1", "ai_operations") is None
    access.close()


def test_names_for_any_key() -> None:
    for text in ("a:b", "%3A", "a/b", "..", "<b>", "x.", "ü\udcff", "a%b"):
        assert unescape(escape(text)) == text
        assert unescape(escape(text, ":")) == text
    assert unescape("100%41.x") == "100%41.x"
    assert is_hash(escape("x" * 500))
    assert is_hash(escape(""))
