"""asset-cache: generated images and speech, an index in SQLite and a file an entry."""

from cache_studio.adapters.asset_cache.names import OPTIONS, home
from cache_studio.adapters.base import SETS_TTL, Format, Recognition
from cache_studio.adapters.sight import Sight
from cache_studio.model.capabilities import Ability


def recognise(sight: Sight) -> Recognition:
    """What `asset_cache.recognise` says; imported when it is needed."""
    from cache_studio.adapters.asset_cache.recognise import recognise as look

    return look(sight)


FORMAT = Format(
    name="asset-cache",
    title="Generated images and speech: a SQLite index with a file an entry",
    options=OPTIONS,
    recognise=recognise,
    marks=("*/cache.db",),
    adapter="cache_studio.adapters.asset_cache.adapter:AssetCacheAdapter",
    abilities=SETS_TTL | {Ability.ACCESS_TIMES, Ability.HIT_RATE},
    access="cache_studio.adapters.asset_cache.access:AssetCacheAccess",
    home=home,
)
