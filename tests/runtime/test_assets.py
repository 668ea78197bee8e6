"""S4 line by line: what the asset cache stores, matches, copies, counts and forgets."""

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cache_studio.model.errors import BadRequest, CacheUnavailable
from cache_studio.recording.places import recorder_path
from cache_studio.recording.reader import read_recorder
from cache_studio.runtime.assets import Asset, AssetCache, image, speech

VOICE = {"voice": "ada", "speed": 1.0, "accent": "grün"}
PROMPT = "a small red house by the sea with two white boats in front of it at dawn"
NEARLY = "A small red house by the sea, with two white boats in front of it at dusk."
"""16 of 18 words are shared."""


@pytest.fixture
def open_assets(tmp_path, clock) -> Iterator[Callable[..., AssetCache]]:
    opened = []

    def open_one(**options) -> AssetCache:
        opened.append(AssetCache(tmp_path / "project", clock=clock, **options))
        return opened[-1]

    yield open_one
    for assets in opened:
        assets.close()


@pytest.fixture
def assets(open_assets):
    return open_assets()


@pytest.fixture
def got(tmp_path):
    """Ask, and give back what the copy holds."""

    def ask(assets: AssetCache, asset: Asset) -> bytes | None:
        place = tmp_path / "copies" / "copy.bin"
        found = assets.get(asset, place)
        return None if found is None else found.path.read_bytes()

    return ask


def run_sql(tmp_path: Path, sql: str, *values: object) -> list[tuple]:
    with closing(sqlite3.connect(tmp_path / "project" / "cache" / "cache.db")) as database, database:
        return database.execute(sql, values).fetchall()


def foreign_row(tmp_path: Path, asset_type: str, key: str, text: str, metadata: str | None, suffix: str) -> None:
    place = tmp_path / "project" / "cache" / asset_type / f"{key}{suffix}"
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(b"foreign")
    sql = (
        "INSERT INTO cache_entries(asset_type, prompt_hash, prompt_text, file_path, metadata, created_at, last_used_at)"
        " VALUES(?, ?, ?, ?, ?, '2027-01-01T00:00:00', '2027-01-01T00:00:00')"
    )
    run_sql(tmp_path, sql, asset_type, key, text, str(place), metadata)


def test_lies_on_disk_as_the_application_writes_it(assets, tmp_path):
    spoken = speech("Good morning", "north", VOICE)
    key = assets.put(spoken, b"sound")
    whole = "Good morning|north|" + json.dumps(VOICE, sort_keys=True)
    assert key == spoken.key == hashlib.sha256(whole.encode()).hexdigest()
    assets.put(image("a house", "people"), b"picture")
    negative = hashlib.sha256(b"a house|people").hexdigest()
    folder = tmp_path / "project" / "cache"
    assert (folder / "tts" / f"{key}.wav").read_bytes() == b"sound"
    assert (folder / "image" / f"{negative}.png").read_bytes() == b"picture"
    columns = "asset_type, prompt_hash, prompt_text, file_path, metadata, use_count"
    rows = run_sql(tmp_path, f"SELECT {columns} FROM cache_entries ORDER BY id")
    assert [row[:4] for row in rows] == [
        ("tts", key, "Good morning", str(folder / "tts" / f"{key}.wav")),
        ("image", negative, "a house", str(folder / "image" / f"{negative}.png")),
    ]
    assert json.loads(rows[0][4]) == {"engine": "north", "voice_config": VOICE}
    assert json.loads(rows[1][4]) == {"negative_prompt": "people"}
    assert [row[5] for row in rows] == [1, 1]


def test_a_hit_is_copied_to_a_new_name_and_counted(assets, tmp_path, clock):
    asset = image("a house")
    assets.put(asset, b"picture")
    clock.advance(60)
    place = tmp_path / "new" / "folder" / "mine.png"
    found = assets.get(asset, place)
    assert (found.path, found.key, found.similarity) == (place, asset.key, 1.0)
    assert place.read_bytes() == b"picture"
    assert os.listdir(place.parent) == ["mine.png"]
    assert assets.get(asset, str(place)).path == place
    stats = assets.stats()
    assert (stats.hits, stats.misses, stats.similarity_hits) == (2, 0, 0)
    ((uses, last, created),) = run_sql(tmp_path, "SELECT use_count, last_used_at, created_at FROM cache_entries")
    assert uses == 3
    assert last > created


def test_the_most_similar_prompt_answers_where_the_same_is_missing(assets, got, tmp_path):
    assets.put(image("a small red house by the sea with two white boats behind it at dawn"), b"less similar")
    near = image(PROMPT)
    assets.put(near, b"similar")
    assets.put(image("something else"), b"other")
    found = assets.get(image(NEARLY), tmp_path / "copy.png")
    assert found.path.read_bytes() == b"similar"
    assert found.key == near.key
    assert found.similarity == pytest.approx(16 / 18)
    assert got(assets, image(PROMPT)) == b"similar"
    assert got(assets, image("nothing like it")) is None
    stats = assets.stats()
    assert (stats.hits, stats.misses, stats.similarity_hits) == (2, 1, 1)
    assert stats.hit_rate == pytest.approx(2 / 3)
    uses = "SELECT use_count FROM cache_entries WHERE prompt_hash = ?"
    assert run_sql(tmp_path, uses, near.key) == [(3,)]


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        (speech(PROMPT, "north", VOICE), speech(PROMPT, "north", {**VOICE, "speed": 1.1})),
        (speech(PROMPT, "north", VOICE), speech(NEARLY, "north", {**VOICE, "speed": 1.1})),
        (speech(PROMPT, "north", VOICE), speech(NEARLY, "south", VOICE)),
        (speech(PROMPT, "north", {"speed": 1}), speech(NEARLY, "north", {"speed": True})),
        (speech(PROMPT, "north", {}), image(NEARLY)),
        (image(PROMPT, "people"), image(NEARLY)),
        (image(PROMPT), image(NEARLY, "people")),
        (image(PROMPT), speech(NEARLY, "", {})),
    ],
)
def test_other_types_and_configurations_never_match(assets, got, stored, asked):
    assets.put(stored, b"stored")
    assert got(assets, asked) is None


def test_the_order_of_a_configuration_does_not_matter(assets, got):
    assets.put(speech(PROMPT, "north", VOICE), b"sound")
    turned = dict(reversed(VOICE.items()))
    assert got(assets, speech(PROMPT, "north", turned)) == b"sound"
    assert got(assets, speech(NEARLY, "north", turned)) == b"sound"


def test_the_threshold_is_settable_and_similarity_can_be_off(open_assets, got):
    open_assets(similarity=None).put(image(PROMPT), b"picture")
    assert got(open_assets(similarity=None), image(NEARLY)) is None
    assert got(open_assets(similarity=0.95), image(NEARLY)) is None
    assert got(open_assets(similarity=16 / 18), image(NEARLY)) == b"picture"


def test_what_is_stored_stays_as_it_is(assets, got, tmp_path, clock):
    asset = image("a house")
    key = assets.put(asset, b"first")
    clock.advance(10)
    assert assets.put(asset, b"second") == key
    assert got(assets, asset) == b"first"
    assert assets.stats().types["image"].uses == 2
    (tmp_path / "project" / "cache" / "image" / f"{key}.png").unlink()
    assert got(assets, asset) is None
    assets.put(asset, b"third")
    assert got(assets, asset) == b"third"


def test_a_file_is_taken_in_by_its_path(assets, got, tmp_path):
    made = tmp_path / "made.wav"
    made.write_bytes(b"sound")
    assets.put(speech("hello", "north", VOICE), str(made))
    assert made.exists()
    assert got(assets, speech("hello", "north", VOICE)) == b"sound"
    with pytest.raises(CacheUnavailable, match="missing"):
        assets.put(speech("bye", "north", VOICE), tmp_path / "missing.wav")


def test_switched_off_costs_nothing(tmp_path, clock):
    root = tmp_path / "project"
    with AssetCache(root, enabled=False, clock=clock) as assets:
        asset = image("a house")
        assert assets.put(asset, b"picture") is None
        assert assets.get(asset, tmp_path / "copy.png") is None
        assert not assets.invalidate(asset)
        assert assets.clear().entries == 0
        assert assets.warm([asset], lambda asset: pytest.fail("made")).loaded == 0
        stats = assets.stats()
        assert (stats.enabled, stats.hits, stats.misses, stats.hit_rate) == (False, 0, 0, None)
        with pytest.raises(BadRequest):
            assets.cache.compact()
    assert list(tmp_path.iterdir()) == []


def test_a_stale_asset_is_a_miss_also_for_similar_prompts(open_assets, got, clock):
    assets = open_assets(ttl=60)
    assets.put(image(PROMPT), b"old")
    assert got(assets, image(NEARLY)) == b"old"
    clock.advance(61)
    assert got(assets, image(NEARLY)) is None
    assert assets.stats().entries == 0
    assets.put(image(PROMPT), b"new")
    assert got(assets, image(NEARLY)) == b"new"
    assets.put(image("kept longer"), b"long", ttl="1h")
    clock.advance(61)
    assert assets.cache.cleanup_expired().entries == 1
    assert got(assets, image("kept longer")) == b"long"


@pytest.mark.parametrize("limit", [{"capacity": 2}, {"max_bytes": 25}])
def test_beyond_its_size_the_least_recently_used_goes(open_assets, got, clock, limit):
    assets = open_assets(**limit)
    for name in ("first", "second"):
        assets.put(image(name), name.ljust(10).encode())
        clock.advance(1)
    assert got(assets, image("first")) is not None
    clock.advance(1)
    assets.put(image("third"), b"third     ")
    assert [got(assets, image(name)) is not None for name in ("first", "second", "third")] == [True, False, True]


def test_clear_removes_rows_and_files_of_a_type_or_all(assets, got, tmp_path):
    assets.put(image(PROMPT), b"12345")
    assets.put(image("another"), b"123")
    assets.put(speech("hello", "north", VOICE), b"1234567")
    with pytest.raises(BadRequest):
        assets.clear("video")
    freed = assets.clear("image")
    assert (freed.entries, freed.bytes) == (2, 8)
    assert got(assets, image(NEARLY)) is None
    assert not list((tmp_path / "project" / "cache").rglob("*.png"))
    assert (assets.clear().entries, assets.clear().entries) == (1, 0)
    assert run_sql(tmp_path, "SELECT count(*) FROM cache_entries") == [(0,)]
    assert not list((tmp_path / "project" / "cache").rglob("*.wav"))


def test_stats_say_what_is_stored_and_what_was_saved(assets, got):
    assets.put(image("a house"), b"12345")
    assets.put(image("a boat"), b"123")
    assets.put(speech("hello", "north", VOICE), b"1234567")
    for _ in range(3):
        got(assets, image("a house"))
    got(assets, speech("hello", "north", VOICE))
    got(assets, speech("bye", "north", VOICE))
    stats = assets.stats()
    pictures, sounds = stats.types["image"], stats.types["tts"]
    assert (stats.entries, pictures.entries, sounds.entries) == (3, 2, 1)
    assert (pictures.size, sounds.size) == (8, 7)
    assert (pictures.uses, pictures.mean_uses, sounds.uses) == (5, 2.5, 2)
    assert (pictures.hits, sounds.hits, sounds.misses) == (3, 1, 1)
    assert (pictures.seconds_saved, sounds.seconds_saved, stats.seconds_saved) == (24, 5, 29)


def test_what_a_miss_costs_is_settable(open_assets, got):
    assets = open_assets(seconds_per_miss={"image": 2})
    assets.put(image("a house"), b"1")
    got(assets, image("a house"))
    assert assets.stats().seconds_saved == 2


def test_the_recorder_counts_one_lookup_for_each_question(open_assets, got, tmp_path, clock):
    assets = open_assets()
    assets.put(image(PROMPT), b"1")
    for asked in (PROMPT, NEARLY, "nothing like it", "nor this"):
        got(assets, image(asked))
    assets.close()
    found = read_recorder(recorder_path(str(tmp_path / "project" / "cache")), clock())
    assert (found.totals.hits, found.totals.misses, found.totals.puts) == (2, 2, 1)


def test_where_the_nearest_is_gone_the_next_one_answers(assets, got, tmp_path):
    nearest, next_one = image(f"{PROMPT} once more"), image(PROMPT)
    assets.put(next_one, b"next")
    assets.put(nearest, b"nearest")
    asked = image(f"{PROMPT} once")
    assert got(assets, asked) == b"nearest"
    (tmp_path / "project" / "cache" / "image" / f"{nearest.key}.png").unlink()
    assert got(assets, asked) == b"next"
    run_sql(tmp_path, "DELETE FROM cache_entries")
    assert got(assets, asked) is None
    assets.put(nearest, b"anew")
    assert got(assets, asked) == b"anew"


def test_what_others_store_and_remove_is_seen_at_once(open_assets, got):
    ours, others = open_assets(), open_assets()
    assert got(ours, image(NEARLY)) is None
    others.put(image(PROMPT), b"first")
    assert got(ours, image(NEARLY)) == b"first"
    others.clear()
    assert got(ours, image(NEARLY)) is None
    others.put(image("of no interest"), b"with the number of the first")
    others.put(image(PROMPT), b"second")
    assert got(ours, image(NEARLY)) == b"second"
    others.invalidate(image(PROMPT))
    others.put(speech(PROMPT, "north", VOICE), b"with the number of the second")
    assert got(ours, image(NEARLY)) is None
    assert got(ours, speech(NEARLY, "north", VOICE)) == b"with the number of the second"


def test_rows_of_the_application_match_where_their_key_proves_the_configuration(assets, got, tmp_path):
    asked = speech(NEARLY, "north", VOICE)
    foreign_row(tmp_path, "tts", speech(PROMPT, "north", VOICE).key, PROMPT, None, ".wav")
    foreign_row(tmp_path, "image", image(PROMPT).key, PROMPT, '{"width": 512}', ".png")
    assert got(assets, speech(NEARLY, "north", {"voice": "bob"})) is None
    assert got(assets, asked) == b"foreign"
    assert got(assets, image(NEARLY)) == b"foreign"
    assert got(assets, image(NEARLY, "people")) is None


@pytest.mark.parametrize(
    "metadata",
    [
        json.dumps({"engine": "north", "voice_config": VOICE}),
        '{"engine": "north", "voice_config": {"speed": NaN}}',
        '{"engine": ["x"], "voice_config": 7}',
        "[" * 5000,
        "no JSON",
    ],
)
def test_a_row_that_lies_about_its_configuration_never_matches(assets, got, tmp_path, metadata):
    foreign_row(tmp_path, "tts", speech(PROMPT, "south", VOICE).key, PROMPT, metadata, ".wav")
    assert got(assets, speech(NEARLY, "north", VOICE)) is None


def test_a_copy_that_cannot_be_written_leaves_nothing(assets, tmp_path):
    asset = image("a house")
    assets.put(asset, b"picture")
    folder = tmp_path / "taken"
    (folder / "name").mkdir(parents=True)
    with pytest.raises(CacheUnavailable, match="cannot be written"):
        assets.get(asset, folder / "name")
    assert os.listdir(folder) == ["name"]
    with pytest.raises(CacheUnavailable, match="cannot be written"):
        assets.get(asset, tmp_path / ("n" * 300))


def test_warming_makes_what_is_missing_and_counts_no_lookup(assets, got):
    assets.put(image("a house"), b"old")
    seen = []

    def make(asset: Asset) -> bytes:
        if "broken" in asset.text:
            raise RuntimeError("no model")
        return asset.text.encode()

    wanted = [image("a house"), image("a boat"), image("broken"), speech("hi", "north", VOICE)]
    warmed = assets.warm(wanted, make, progress=lambda done, of: seen.append((done, of)))
    assert (warmed.loaded, warmed.present, dict(warmed.failed)) == (2, 1, {wanted[2].key: "no model"})
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    stats = assets.stats()
    assert (stats.hits, stats.misses, stats.types["image"].uses) == (0, 0, 2)
    assert [got(assets, asset) for asset in wanted] == [b"old", b"a boat", None, b"hi"]


def test_many_threads_lose_nothing(assets, tmp_path):
    words = ["red", "blue", "green", "small", "big"]
    failed = []

    def work(name: str) -> None:
        for number in range(8):
            asset = image(f"{words[number % 5]} house number {name} {number} of a long row by the sea")
            assets.put(asset, f"{name}{number}".encode())
            assets.put(image("the same for all"), b"same")
            found = assets.get(asset, tmp_path / f"{name}.png")
            if found is None or found.path.read_bytes() != f"{name}{number}".encode():
                failed.append(asset)
            assets.get(image(f"{asset.text} again"), tmp_path / f"{name}.png")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    stats = assets.stats()
    assert stats.types["image"].entries == 33
    assert stats.types["image"].uses == 33 + stats.hits
    assert stats.hits + stats.misses == 64
    assert stats.similarity_hits == stats.hits - 32


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_goes_on(assets, got):
    assets.put(image(PROMPT), b"picture")
    assert got(assets, image(NEARLY)) == b"picture"
    child = os.fork()
    if child == 0:
        good = got(assets, image(NEARLY)) == b"picture"
        assets.put(image("made by the child"), b"child")
        os._exit(0 if good else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert got(assets, image("made by the child")) == b"child"


@pytest.mark.parametrize("threshold", [0, -0.5, 1.5])
def test_bad_thresholds_are_named(tmp_path, threshold):
    with pytest.raises(BadRequest, match="threshold"):
        AssetCache(tmp_path / "project", similarity=threshold)
    assert list(tmp_path.iterdir()) == []


def test_bad_assets_are_named(assets):
    with pytest.raises(BadRequest, match="engine"):
        speech("hello", "north|south", VOICE)
    with pytest.raises(BadRequest):
        speech("hello", "north", {"speed": object()})
    with pytest.raises(BadRequest):
        assets.put(image("half a \ud800 character"), b"picture")
    assert assets.stats().entries == 0


def test_importing_it_brings_nothing_heavy():
    code = (
        "import sys, cache_studio.runtime.assets; print([n for n in ('numpy', 'redis', 'PySide6') if n in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
