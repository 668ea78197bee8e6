"""diskcache: a folder with an index in SQLite, and files for the large values."""

import os

from cache_studio.adapters.base import SETS_TTL, Format, Recognition
from cache_studio.adapters.sight import Sight
from cache_studio.model.capabilities import Ability
from cache_studio.model.options import Option, OptionKind

DATABASE = "cache.db"
KIND_OPTION = Option(
    "kind",
    OptionKind.CHOICE,
    "Kind",
    "Whether it is a cache or data (a Deque or an Index), of which nothing is removed; guessed when left out.",
    choices=("cache", "data"),
)


def recognise(sight: Sight) -> Recognition:
    """What `diskcache.recognise` says; imported when it is needed."""
    from cache_studio.adapters.diskcache.recognise import recognise as look

    return look(sight)


def home(location: str) -> str:
    """The folder, also where a target names the database in it."""
    place = os.path.normpath(location)
    return os.path.dirname(place) if os.path.basename(place) == DATABASE else place


FORMAT = Format(
    name="diskcache",
    title="diskcache: Cache, with Disk or JSONDisk",
    options=(KIND_OPTION,),
    recognise=recognise,
    marks=("*/cache.db",),
    adapter="cache_studio.adapters.diskcache.adapter:DiskcacheAdapter",
    abilities=SETS_TTL | {Ability.ACCESS_TIMES, Ability.HIT_RATE},
    home=home,
)
