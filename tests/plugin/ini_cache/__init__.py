"""A cache in an INI file, a section an entry: what somebody else's package adds to the studio."""

from cache_studio.adapters.base import NOT_RECOGNISED, Certainty, Format, Recognition
from cache_studio.adapters.sight import Sight
from cache_studio.model.capabilities import Ability

FIRST_LINE = b"# ini-cache 1\n"


def recognise(sight: Sight) -> Recognition:
    """Sure by the first line."""
    return Recognition(Certainty.SURE) if sight.head.startswith(FIRST_LINE) else NOT_RECOGNISED


FORMAT = Format(
    name="ini-cache",
    title="INI file with a section an entry",
    options=(),
    recognise=recognise,
    marks=("*.ini",),
    adapter="ini_cache.adapter:IniCacheAdapter",
    abilities=frozenset({Ability.READ}),
)
