"""The expiry of entries of an asset cache that the runtime keeps."""

import json
import math
import sqlite3
import time
from contextlib import closing

import pytest
from setting_expiry import check_set, check_stays_where_changed, rows_by_key, set_to

from cache_studio.adapters.asset_cache.access import AssetCacheAccess
from cache_studio.adapters.key_access import Held
from cache_studio.adapters.registry import get_format
from cache_studio.model.capabilities import Ability
from cache_studio.model.options import read_options
from cache_studio.model.seeing import Renewed
from cache_studio.model.targets import Target
from cache_studio.recording.places import recorder_path

FORMAT = get_format("asset-cache")
NOW = 1_763_719_200.0
HOUR = 3_600.0


@pytest.fixture
def kept(tmp_path):
    """A cache of the runtime with three entries, and how to open it in the studio."""
    opened = []

    def open_(**options):
        target, read = Target(str(tmp_path), "asset-cache", options), read_options(FORMAT.options, options)
        adapter = FORMAT.adapter_class().open(target, read, writable=True)
        opened.append(adapter)
        return adapter

    door = AssetCacheAccess.open(Target(str(tmp_path), "asset-cache"), read_options(FORMAT.options, {}))
    with closing(door):
        door.put("a", Held(b"A", NOW, NOW + 60, tags=("red",), metadata={"voice": "eva"}), "tts")
        door.put("b", Held(b"B", NOW), "tts")
        door.put("c", Held(b"C", NOW, NOW + 5), "tts")
        recorder_path(str(tmp_path / "cache")).touch()
        yield door, open_
    for adapter in opened:
        adapter.close()


def metadata(tmp_path):
    with closing(sqlite3.connect(tmp_path / "cache" / "cache.db")) as database:
        return dict(database.execute("SELECT prompt_hash, metadata FROM cache_entries").fetchall())


def test_the_runtime_obeys_it_and_it_comes_back_to_the_byte(kept, tmp_path):
    door, open_ = kept
    adapter, first = open_(), metadata(tmp_path)
    before = {key: row.expires for key, row in rows_by_key(adapter).items()}
    assert before == {"a": NOW + 60, "b": math.inf, "c": NOW + 5}
    end = time.time() + HOUR + 0.25
    check_set(adapter, {"a": math.inf, "b": end})
    assert (door.get("a", "tts").expires, door.get("b", "tts").expires) == (None, end)
    assert json.loads(metadata(tmp_path)["b"])["expires_at"] == end
    check_set(adapter, before)
    assert metadata(tmp_path) == first


def test_with_a_ttl_of_the_cache_only_another_end_is_stored(kept, tmp_path):
    _door, open_ = kept
    adapter = open_(ttl="1h")
    check_set(adapter, {"a": NOW + HOUR, "c": math.inf})
    found = {key: json.loads(cell or "{}") for key, cell in metadata(tmp_path).items()}
    assert "expires_at" not in found["a"]
    assert found["c"]["expires_at"] is None


def test_what_the_application_changed_or_removed_meanwhile_stays(kept):
    door, open_ = kept

    def change():
        door.put("a", Held(b"newer", NOW, NOW + 1), "tts")
        door.delete("b", "tts")

    check_stays_where_changed(open_(), "a", "b", change, NOW + HOUR)


def test_metadata_that_is_no_object_is_left_alone(kept, tmp_path):
    with closing(sqlite3.connect(tmp_path / "cache" / "cache.db")) as database, database:
        database.execute("UPDATE cache_entries SET metadata = '[1]' WHERE prompt_hash = 'a'")
    answer = set_to(kept[1](), {"a": NOW})["a"]
    assert (answer.fate, "no JSON object" in answer.reason) == (Renewed.FAILED, True)


def test_where_no_runtime_keeps_it_the_application_would_not_obey(kept, tmp_path):
    recorder_path(str(tmp_path / "cache")).unlink()
    adapter = kept[1]()
    assert not adapter.capabilities.can(Ability.SET_EXPIRY)
    assert "no expiry of single entries" in adapter.capabilities.why_not(Ability.SET_EXPIRY)
