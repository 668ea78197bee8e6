"""API responses in Redis (S5): one JSON value an entry, its `:meta` twin folded into it, metrics beside."""

from cache_studio.adapters.base import Format
from cache_studio.adapters.redis_keys import ACCESSED_OPTION, recognise
from cache_studio.adapters.redis_options import LINK_OPTIONS, RESPONSE_FORMAT, SCHEMES
from cache_studio.adapters.redis_response.layout import DEFAULT_PREFIX
from cache_studio.model.capabilities import Ability
from cache_studio.model.options import Option, OptionKind

PREFIX_OPTION = Option("prefix", OptionKind.TEXT, "Prefix", "Literal start of the entries' keys.", DEFAULT_PREFIX)
METRICS_OPTION = Option(
    "metrics_ttl", OptionKind.DURATION, "Metrics are kept", "How long a running application keeps figures.", "24h"
)

FORMAT = Format(
    name=RESPONSE_FORMAT,
    title="Redis: API responses with their :meta twins",
    options=(PREFIX_OPTION, ACCESSED_OPTION, METRICS_OPTION, *LINK_OPTIONS),
    recognise=recognise,
    adapter="cache_studio.adapters.redis_response.adapter:RedisResponseAdapter",
    access="cache_studio.adapters.redis_response.access:RedisResponseAccess",
    schemes=SCHEMES,
    abilities=frozenset(Ability) - {Ability.SET_EXPIRY},
)
