"""cachecontrol: HTTP responses that CacheControl keeps as files, and pip with it."""

from cache_studio.adapters.base import CHANGES, Format, Recognition
from cache_studio.adapters.sight import Sight


def recognise(sight: Sight) -> Recognition:
    """What `cachecontrol.recognise` says; imported when it is needed."""
    from cache_studio.adapters.cachecontrol.recognise import recognise as look

    return look(sight)


FORMAT = Format(
    name="cachecontrol",
    title="HTTP responses of CacheControl or pip (a file an entry)",
    options=(),
    recognise=recognise,
    marks=("*/http", "*/http-v2", *(f"*/{digit}" for digit in "0123456789abcdef")),
    adapter="cache_studio.adapters.cachecontrol.adapter:CacheControlAdapter",
    abilities=CHANGES,
)
