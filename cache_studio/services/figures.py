"""Where hits and misses come from: the recorder first, then the cache itself, then what two listings show."""

from cache_studio.adapters.base import Adapter
from cache_studio.model.capabilities import Ability
from cache_studio.model.seeing import Counters, Scope, Source
from cache_studio.model.targets import Target
from cache_studio.services.catalog import Catalog


def read_counters(adapter: Adapter, target: Target, catalog: Catalog) -> Counters:
    """Hits and misses with their source; empty where nothing can be known (systems.md, "from outside").

    Sampled is a lower bound: an entry whose last access moved between two listings was hit at least once, a
    new or rewritten one was missed once.
    """
    own = adapter.counters()
    if own.source is not None:
        return own
    if adapter.capabilities.can(Ability.ACCESS_TIMES) and catalog.read + catalog.stored:
        return Counters(catalog.read, catalog.stored, Source.SAMPLED, Scope.CACHE)
    return Counters()
