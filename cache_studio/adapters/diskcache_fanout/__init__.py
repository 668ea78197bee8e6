"""diskcache's FanoutCache: a folder of shards, each a diskcache."""

from cache_studio.adapters.base import SETS_TTL, Format, Recognition
from cache_studio.adapters.diskcache import KIND_OPTION
from cache_studio.adapters.sight import Sight
from cache_studio.model.capabilities import Ability


def recognise(sight: Sight) -> Recognition:
    """What `diskcache.recognise` says of the shards; imported when it is needed."""
    from cache_studio.adapters.diskcache.recognise import recognise_fanout as look

    return look(sight)


FORMAT = Format(
    name="diskcache-fanout",
    title="diskcache: FanoutCache, a folder of shards",
    options=(KIND_OPTION,),
    recognise=recognise,
    adapter="cache_studio.adapters.diskcache_fanout.adapter:FanoutAdapter",
    abilities=SETS_TTL | {Ability.ACCESS_TIMES, Ability.HIT_RATE},
    marks=("*/000",),
)
