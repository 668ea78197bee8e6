"""An index in SQLite and a value file an entry."""

import errno
import json
import os
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pytest
from contract import AdapterContract, file_manifest, listing, scan_all
from keeping import MemoryKeep
from machine import CacheMachine, case_of

from cache_studio.adapters.asset_cache import leftovers
from cache_studio.adapters.asset_cache.layout import places_inside
from cache_studio.adapters.base import Adapter, Certainty
from cache_studio.adapters.files import Folder
from cache_studio.adapters.key_access import Held
from cache_studio.adapters.registry import get_format
from cache_studio.adapters.sight import Sight
from cache_studio.model.options import read_options
from cache_studio.model.seeing import Counters, Fate, Part, Return, Scope, Source
from cache_studio.model.targets import Target

NOW = time.time()
SCHEMA = (
    "CREATE TABLE cache_entries(id INTEGER PRIMARY KEY, asset_type TEXT NOT NULL, prompt_hash TEXT NOT NULL,"
    " prompt_text TEXT NOT NULL, file_path TEXT NOT NULL, metadata TEXT, created_at TEXT, last_used_at TEXT,"
    " use_count INTEGER DEFAULT 1, UNIQUE(asset_type, prompt_hash))"
)


def hash_of(text: str) -> str:
    """As the application hashes a prompt."""
    return sha256(text.encode()).hexdigest()


def store(
    folder: Path,
    prompt: str,
    asset_type: str = "image",
    *,
    age: float = 60,
    uses: int = 1,
    content: bytes = b"",
    **columns: object,
) -> Path:
    """Store an entry as the application does: the file, then the row."""
    key = hash_of(prompt)
    (folder / asset_type).mkdir(exist_ok=True)
    file = folder / asset_type / f"{key}{'.wav' if asset_type == 'tts' else '.png'}"
    file.write_bytes(content or b"\x89PNG\r\n\x1a\n" + prompt.encode())
    row = {
        "asset_type": asset_type,
        "prompt_hash": key,
        "prompt_text": prompt,
        "file_path": str(file),
        "metadata": json.dumps({"width": 512, "tags": ["draft"]}),
        "created_at": datetime.fromtimestamp(NOW - age).isoformat(),
        "last_used_at": datetime.fromtimestamp(NOW - age / 2).isoformat(),
        "use_count": uses,
    } | columns
    with closing(sqlite3.connect(folder / "cache.db")) as database, database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute(
            f"INSERT OR REPLACE INTO cache_entries({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
            list(row.values()),
        )
    return file


def make_cache(base: Path) -> Path:
    """An empty cache folder as the application makes it."""
    folder = base / "assets" / "cache"
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / "cache.db")) as database:
        database.execute(SCHEMA)
    return folder


class TestAssetCache(AdapterContract):
    format_name = "asset-cache"
    ordinary = tuple(hash_of(f"prompt {number}") for number in range(6))
    stale = (hash_of("old"),)
    broken = (hash_of("outside"), hash_of("no time"))
    count = 12

    def make(self, tmp_path: Path) -> Target:
        folder = make_cache(tmp_path)
        for number in range(6):
            store(folder, f"prompt {number}", "tts" if number % 2 else "image", uses=number + 1)
        store(folder, "old", age=90_000)
        relative = store(folder, "relative to the folder")
        store(folder, "relative to the folder", file_path=f"image/{relative.name}")
        below = store(folder, "relative to the start")
        store(folder, "relative to the start", file_path=f"assets/cache/image/{below.name}")
        store(folder, "twice", "image")
        store(folder, "outside", file_path="/etc/hostname").unlink()
        store(folder, "no time", created_at="yesterday")
        return Target(str(folder), "asset-cache", {"ttl": "24h"})

    def application_rewrites(self, target: Target, key: str) -> None:
        prompt = next(f"prompt {number}" for number in range(6) if hash_of(f"prompt {number}") == key)
        kind = "tts" if self.ordinary.index(key) % 2 else "image"
        store(Path(target.location), prompt, kind, age=1, content=b"newer" * 1000)

    def application_deletes(self, target: Target, key: str) -> None:
        folder = Path(target.location)
        with closing(sqlite3.connect(folder / "cache.db")) as database, database:
            rows = database.execute("SELECT file_path FROM cache_entries WHERE prompt_hash = ?", (key,)).fetchall()
            database.execute("DELETE FROM cache_entries WHERE prompt_hash = ?", (key,))
        for (path,) in rows:
            os.unlink(path)

    def stored(self, target: Target) -> Mapping[str, object]:
        folder = Path(target.location)
        found = {name: what for name, what in file_manifest(folder).items() if not name.startswith("cache.db")}
        with closing(sqlite3.connect(folder / "cache.db")) as database:
            return found | {str(row[0]): row for row in database.execute("SELECT * FROM cache_entries")}

    # What is this format's own.

    def test_the_root_the_folder_and_the_database_are_the_same_cache(self, target: Target) -> None:
        folder = Path(target.location)
        found = []
        for place in (folder.parent, folder, folder / "cache.db"):
            assert get_format("asset-cache").recognise(Sight(str(place))).certainty is Certainty.SURE
            with self.opened(Target(str(place), "asset-cache", target.options)) as adapter:
                found.append(listing(adapter))
        assert found[0] == found[1] == found[2]

    def test_an_entry_shows_what_the_index_says(self, target: Target, adapter: Adapter) -> None:
        row = self.row(adapter, self.ordinary[3])
        file = Path(target.location) / "tts" / f"{row.key}.wav"
        assert (row.id, row.namespace, row.type) == (("tts", row.key), "tts", "wav")
        assert (row.hits, row.tags) == (3, ("draft",))
        assert row.created == pytest.approx(NOW - 60)
        assert row.accessed == pytest.approx(NOW - 30)
        assert row.expires == pytest.approx(NOW - 60 + 86_400)
        assert row.size == file.stat().st_size + len("prompt 3") + len('{"width": 512, "tags": ["draft"]}')
        payload = adapter.read(row.id)
        assert payload.pieces[0].data == file.read_bytes()
        shown = json.loads(payload.pieces[1].data)
        assert shown["metadata"] == {"width": 512, "tags": ["draft"]}
        assert {fact.name: fact.value for fact in payload.facts}["Prompt"] == "prompt 3"

    def test_figures(self, adapter: Adapter) -> None:
        assert adapter.counters() == Counters(15, 12, Source.DERIVED, Scope.CACHE)
        details = adapter.details()
        assert details["types"] == [
            {"type": "image", "entries": 9, "uses": 15, "average_uses": 15 / 9},
            {"type": "tts", "entries": 3, "uses": 12, "average_uses": 4.0},
        ]

    def test_without_a_ttl_entries_live_forever(self, target: Target) -> None:
        with self.opened(Target(target.location, "asset-cache")) as adapter:
            assert {row.expires for row in listing(adapter).values()} == {float("inf")}

    def test_a_file_outside_is_neither_read_nor_removed(self, tmp_path: Path, target: Target) -> None:
        folder, secret = Path(target.location), tmp_path / "secret"
        secret.write_bytes(b"mine")
        (folder / "image" / "link.png").symlink_to(secret)
        (folder / "way").symlink_to(tmp_path)
        hostile = [str(secret), "../../../secret", "image/../../../secret", "image/link.png", "way/secret", "a\0b", ""]
        for number, path in enumerate(hostile):
            store(folder, f"hostile {number}", file_path=path).unlink()
        with self.opened(target) as adapter:
            rows = [self.row(adapter, hash_of(f"hostile {number}")) for number in range(len(hostile))]
            assert all(row.problem for row in rows)
            assert all(b"mine" not in piece.data for row in rows for piece in adapter.read(row.id).pieces)
            removals = adapter.remove([row.seen for row in rows], MemoryKeep())
            assert {removal.fate for removal in removals} == {Fate.REMOVED}
        assert secret.read_bytes() == b"mine"
        assert (folder / "image" / "link.png").is_symlink()

    def test_a_folder_that_was_replaced_is_listed_anew(self, tmp_path: Path, target: Target, adapter: Adapter) -> None:
        listing(adapter)
        store(make_cache(tmp_path / "another"), "only this")
        os.rename(target.location, tmp_path / "before")
        os.rename(tmp_path / "another" / "assets" / "cache", target.location)
        (row,) = listing(adapter).values()
        assert row.key == hash_of("only this")
        assert adapter.read(row.id).pieces[0].data

    def test_removing_frees_the_value_file_alone(self, target: Target, adapter: Adapter) -> None:
        row = self.row(adapter, self.ordinary[0])
        file = Path(target.location) / "image" / f"{row.key}.png"
        size = file.stat().st_size
        assert adapter.remove([row.seen], MemoryKeep())[0].freed == size
        assert not file.exists()

    def test_a_file_that_two_entries_name_stays(self, target: Target) -> None:
        folder = Path(target.location)
        shared = folder / "image" / f"{self.ordinary[0]}.png"
        store(folder, "the same file", file_path=str(shared)).unlink()
        with self.opened(target) as adapter:
            removal = adapter.remove([self.row(adapter, self.ordinary[0]).seen], MemoryKeep())[0]
            assert (removal.fate, removal.freed) == (Fate.REMOVED, 0)
        assert shared.exists()

    def test_a_hit_since_it_was_seen_is_a_change(self, target: Target, adapter: Adapter) -> None:
        row = self.row(adapter, self.ordinary[0])
        with closing(sqlite3.connect(Path(target.location) / "cache.db")) as database, database:
            database.execute("UPDATE cache_entries SET use_count = use_count + 1 WHERE prompt_hash = ?", (row.key,))
        assert adapter.remove([row.seen], MemoryKeep())[0].fate is Fate.CHANGED

    def test_a_rowid_that_was_given_away_is_no_obstacle(self, target: Target, adapter: Adapter) -> None:
        row = self.row(adapter, self.broken[1])  # the last one: its number is free again
        keep = MemoryKeep()
        adapter.remove([row.seen], keep)
        store(Path(target.location), "another")
        assert adapter.restore(keep.taken, keep)[0].fate is Return.RESTORED
        assert adapter.present(keep.taken) == [True]
        assert self.row(adapter, row.key).columns() == row.columns()

    def test_leftovers_are_found_and_compacted(self, target: Target) -> None:
        folder = Path(target.location)
        orphan, young, foreign = (
            folder / "image" / name for name in (f"{'0' * 64}.png", f"{'1' * 64}.png", "logo.png")
        )
        for file in (orphan, young, foreign):
            file.write_bytes(b"x" * 100)
        os.utime(orphan, (NOW - 1000, NOW - 1000))
        os.utime(foreign, (NOW - 1000, NOW - 1000))
        store(folder, "dead", age=1000).unlink()
        with self.opened(target) as adapter:
            parts = {part.what: part for part in adapter.compactable()}
            assert parts["value files without an entry"] == Part("value files without an entry", 1, 100)
            assert parts["entries whose value file is missing"].count == 1
            before = len(listing(adapter))
            done = {part.what: part.count for part in adapter.compact()}
            assert done["value files without an entry"] == done["entries whose value file is missing"] == 1
            assert len(listing(adapter)) == before - 1
            assert {part.what for part in adapter.compactable()} <= {"free pages"}
        assert (orphan.exists(), young.exists(), foreign.exists()) == (False, True, True)

    def test_an_entry_whose_folder_cannot_be_opened_stays(
        self, adapter: Adapter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = self.row(adapter, self.ordinary[0])

        def failing(*_arguments: object, **_named: object) -> None:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(Folder, "holding", failing)
        (answer,) = adapter.remove([row.seen], MemoryKeep())
        assert (answer.fate, answer.reason) == (Fate.FAILED, "Its value file cannot be read: Input/output error.")

    def test_a_half_written_file_that_nobody_writes_any_more_is_compacted(
        self, target: Target, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        half = Path(target.location) / "image" / ".cs-0123456789abcdef.new"
        half.write_bytes(b"x" * 100)
        with self.opened(target) as adapter:
            assert "leftover files" not in {part.what for part in adapter.compactable()}  # it may be written right now
            monkeypatch.setattr(leftovers, "ABANDONED", -1.0)
            assert Part("leftover files", 1, 100) in adapter.compactable()
            assert Part("leftover files", 1, 100) in adapter.compact()
        assert not half.exists()

    def test_a_trigger_that_removes_more_is_rolled_back(self, target: Target) -> None:
        with closing(sqlite3.connect(Path(target.location) / "cache.db")) as database, database:
            database.execute(
                "CREATE TRIGGER more AFTER DELETE ON cache_entries BEGIN DELETE FROM cache_entries WHERE id = 2; END"
            )
        before = self.stored(target)
        with self.opened(target) as adapter, pytest.raises(Exception, match="trigger"):
            adapter.remove([self.row(adapter, self.ordinary[0]).seen], MemoryKeep())
        assert self.stored(target) == before


@pytest.mark.parametrize(
    ("columns", "options"),
    [
        ("type TEXT, hash TEXT, prompt TEXT, path TEXT, meta TEXT, created REAL, last_used REAL, uses INTEGER", {}),
        ("kind TEXT, key TEXT, input TEXT, filename TEXT, extra TEXT, timestamp INT, accessed_at INT, hits INT", {}),
        (
            "t TEXT, h TEXT, p TEXT, f TEXT, m TEXT, c TEXT, l TEXT, u INT",
            dict(
                zip(
                    ("asset_type", "key", "text", "file", "metadata", "created", "accessed", "uses"),
                    "thpfmclu",
                    strict=True,
                )
            ),
        ),
    ],
)
@pytest.mark.parametrize("unit", ["seconds", "milliseconds", "iso"])
def test_layouts_that_differ(tmp_path: Path, columns: str, options: dict[str, str], unit: str) -> None:
    """Other names of table and columns, other forms of time: guessed where the names are usual, else named."""
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "picture.png").write_bytes(b"PNG")
    moment = {"seconds": NOW, "milliseconds": int(NOW * 1000), "iso": datetime.fromtimestamp(NOW).isoformat(" ")}[unit]
    with closing(sqlite3.connect(tmp_path / "index.sqlite")) as database, database:
        database.execute(f"CREATE TABLE assets ({columns})")
        values = ("image", "abc", "a fox", "image/picture.png", None, moment, moment, 4)
        database.execute("INSERT INTO assets VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
    found = get_format("asset-cache")
    if not options:
        guessed = found.recognise(Sight(str(tmp_path)))
        assert guessed.certainty is Certainty.SURE
        options = dict(guessed.options)
    options = {"table": "assets", **options, "ttl": "1h"}
    target = Target(str(tmp_path), "asset-cache", options)
    with closing(found.adapter_class().open(target, read_options(found.options, options), writable=True)) as adapter:
        (row,) = listing(adapter).values()
        assert (row.key, row.namespace, row.type, row.problem) == ("abc", "image", "png", "")
        assert row.created == pytest.approx(NOW, abs=0.01)
        assert row.expires == pytest.approx(NOW + 3600, abs=0.01)
        keep = MemoryKeep()
        assert adapter.remove([row.seen], keep)[0].fate is Fate.REMOVED
        assert adapter.restore(keep.taken, keep)[0].fate is Return.RESTORED
        assert [again.columns() for again in listing(adapter).values()] == [row.columns()]


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/app/cache/image/x.png", [("image", "x.png")]),
        ("image/x.png", [("image", "x.png")]),
        ("cache/image/x.png", [("cache", "image", "x.png"), ("image", "x.png")]),
        ("image\\x.png", [("image", "x.png")]),
        ("../cache/image/x.png", [("image", "x.png")]),
        ("../x.png", []),
        ("/etc/passwd", []),
        ("/app/cache-of-another/x.png", []),
        ("/app/cache/../secret", []),
        ("", []),
        ("a\0b", []),
    ],
)
def test_where_a_path_may_lead(path: str, inside: list[tuple[str, ...]]) -> None:
    assert places_inside(path, "/app/cache") == inside


def test_an_index_that_lists_a_thousand_entries_in_several_batches(tmp_path: Path) -> None:
    folder = make_cache(tmp_path)
    with closing(sqlite3.connect(folder / "cache.db")) as database, database:
        database.executemany(
            "INSERT INTO cache_entries(asset_type, prompt_hash, prompt_text, file_path) VALUES ('tts', ?, '', 'x')",
            ((str(number),) for number in range(1200)),
        )
    with closing(get_format("asset-cache").adapter_class().open(Target(str(folder)), {}, writable=False)) as adapter:
        batches, end = scan_all(adapter)
        sizes = [len(batch) for batch in batches]  # a machine that stands still makes them shorter
        assert (sizes[0], sum(sizes)) == (500, 1200)
        assert end.complete


class AssetCacheMachine(CacheMachine):
    """The model is a dict; entries bring their own expiry in the metadata."""

    format_name = "asset-cache"
    has_tags = True
    namespaces = ("image", "tts")


TestMachine = case_of(AssetCacheMachine)


def test_what_the_runtime_writes_is_the_layout(tmp_path: Path) -> None:
    """The row and the file lie where the application would put them; a hit is counted."""
    target, key = Target(str(tmp_path / "assets")), hash_of("a fox")
    access = get_format("asset-cache").access_class().open(target, read_options(get_format("asset-cache").options, {}))
    with closing(access):
        assert access.get(key, "tts") is None
        access.put(key, Held(b"RIFF", NOW, None, metadata={"prompt_text": "a fox", "voice": "eva"}), "tts")
        access.touch(key, "tts", NOW + 5)
        held = access.get(key, "tts")
        assert held is not None
        assert (held.value, held.hits, held.metadata) == (b"RIFF", 1, {"prompt_text": "a fox", "voice": "eva"})
        assert held.accessed == pytest.approx(NOW + 5)
    folder = tmp_path / "assets" / "cache"
    assert (folder / "tts" / f"{key}.wav").read_bytes() == b"RIFF"
    with closing(sqlite3.connect(folder / "cache.db")) as database:
        row = database.execute("SELECT asset_type, prompt_text, file_path, metadata, use_count FROM cache_entries")
        assert row.fetchall() == [("tts", "a fox", str(folder / "tts" / f"{key}.wav"), '{"voice": "eva"}', 2)]
