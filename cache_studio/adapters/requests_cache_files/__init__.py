"""requests-cache-files: HTTP responses of requests-cache, a file each."""

from cache_studio.adapters.base import CHANGES, Format, Recognition
from cache_studio.adapters.sight import Sight
from cache_studio.model.capabilities import Ability

REDIRECTS, LRU = "redirects.sqlite", "lru.db"
"""The databases beside the files: where redirects lead, and (with `max_cache_bytes`) when each was used."""


def recognise(sight: Sight) -> Recognition:
    """What `requests_cache_files.recognise` says; imported when it is needed."""
    from cache_studio.adapters.requests_cache_files.recognise import recognise as look

    return look(sight)


FORMAT = Format(
    name="requests-cache-files",
    title="requests-cache: HTTP responses, a file each",
    options=(),
    recognise=recognise,
    marks=(f"*/{REDIRECTS}",),
    adapter="cache_studio.adapters.requests_cache_files.adapter:RequestsCacheFilesAdapter",
    abilities=CHANGES | {Ability.ACCESS_TIMES},
)
