"""What a diskcache looks like from outside."""

import re
from collections.abc import Iterable

from cache_studio.adapters.base import NOT_RECOGNISED, Certainty, Recognition
from cache_studio.adapters.diskcache import DATABASE
from cache_studio.adapters.diskcache.keys import are_packed_json
from cache_studio.adapters.diskcache.layout import DATA_POLICY, SETTINGS, TABLE, Settings, is_cache_table
from cache_studio.adapters.sight import Sight
from cache_studio.adapters.sqlite_open import read_rows

_MOST_SETTINGS = 100
_SHARD = re.compile(r"[0-9]{3}|[1-9][0-9]{3}")
DATA = "A Deque or an Index of diskcache: data, not a cache. Nothing of it is removed."


def recognise(sight: Sight) -> Recognition:
    """Sure by both tables and the settings; a Deque or an Index can only be looked at."""
    settings = settings_of(sight)
    if settings is None:
        return NOT_RECOGNISED
    database = _database(sight)
    rows = read_rows(database.path, TABLE, 20)
    if settings.policy == DATA_POLICY and all(row["expire_time"] is None for row in rows):
        return Recognition(Certainty.LOOK, {}, DATA)
    has_json = settings.names_json or are_packed_json((row["key"], row["raw"]) for row in rows)
    disk = "JSONDisk" if has_json else "Disk"
    return Recognition(Certainty.SURE, {}, f"diskcache.Cache with {disk}, {settings.policy}.")


def recognise_fanout(sight: Sight) -> Recognition:
    """Sure by folders `000`, `001` …, of which the first is a diskcache."""
    shards = [name for name in shard_names(sight.folders) if DATABASE in sight.below(name).files]
    if shards[:1] != ["000"] or settings_of(sight.below("000")) is None:
        return NOT_RECOGNISED
    return Recognition(Certainty.SURE, {}, f"diskcache.FanoutCache of {len(shards)} shards.")


def shard_names(folders: Iterable[str]) -> list[str]:
    """The folders that may be shards, in order; none without a first one. How many there are is stored nowhere."""
    found = sorted((name for name in folders if _SHARD.fullmatch(name)), key=int)
    return found if found[:1] == ["000"] else []


def settings_of(sight: Sight) -> Settings | None:
    """The settings of the diskcache at this folder or database; None where there is none."""
    database = _database(sight)
    if not is_cache_table(database.tables):
        return None
    rows = read_rows(database.path, SETTINGS, _MOST_SETTINGS)
    settings = Settings({str(row["key"]): row["value"] for row in rows})
    return settings if settings.are_complete else None


def _database(sight: Sight) -> Sight:
    if sight.kind == "folder" and DATABASE in sight.files:
        return sight.below(DATABASE)
    return sight
