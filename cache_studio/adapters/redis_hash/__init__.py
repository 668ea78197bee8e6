"""A hash in Redis as a cache of fields: the user names the hash, for nothing tells one from an object's fields."""

from cache_studio.adapters.base import Format
from cache_studio.adapters.redis_keys import recognise
from cache_studio.adapters.redis_options import HASH_FORMAT, LINK_OPTIONS, SCHEMES
from cache_studio.model.capabilities import Ability
from cache_studio.model.options import Option, OptionKind

HASH_OPTION = Option("hash", OptionKind.TEXT, "Hash", "Name of the key whose fields are the entries.")

FORMAT = Format(
    name=HASH_FORMAT,
    title="Redis: the fields of one hash",
    options=(HASH_OPTION, *LINK_OPTIONS),
    recognise=recognise,
    adapter="cache_studio.adapters.redis_hash.adapter:RedisHashFieldsAdapter",
    schemes=SCHEMES,
    abilities=frozenset(Ability) - {Ability.ACCESS_TIMES, Ability.SET_EXPIRY, Ability.HIT_RATE},
)
