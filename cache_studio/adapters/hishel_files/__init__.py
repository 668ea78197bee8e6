"""hishel-files: HTTP responses that hishel 0.1 keeps as files."""

from cache_studio.adapters.base import CHANGES, HASHED, Format, Recognition
from cache_studio.adapters.mapping import TTL_OPTION
from cache_studio.adapters.sight import Sight


def recognise(sight: Sight) -> Recognition:
    """What `hishel_files.recognise` says; imported when it is needed."""
    from cache_studio.adapters.hishel_files.recognise import recognise as look

    return look(sight)


FORMAT = Format(
    name="hishel-files",
    title="HTTP responses of hishel 0.1 (a file an entry)",
    options=(TTL_OPTION,),
    recognise=recognise,
    marks=(HASHED,),
    adapter="cache_studio.adapters.hishel_files.adapter:HishelFilesAdapter",
    abilities=CHANGES,
)
