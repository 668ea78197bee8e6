"""json-directory: a folder with one JSON file an entry, such as a cache of image-comparison results."""

from cache_studio.adapters.base import SETS_TTL, Format, Recognition
from cache_studio.adapters.mapping import MAPPING_OPTIONS
from cache_studio.adapters.sight import Sight


def recognise(sight: Sight) -> Recognition:
    """What `json_directory.recognise` says; imported when it is needed."""
    from cache_studio.adapters.json_directory.recognise import recognise as look

    return look(sight)


FORMAT = Format(
    name="json-directory",
    title="Folder with one JSON file an entry",
    options=MAPPING_OPTIONS,
    recognise=recognise,
    marks=("*/*.json",),
    adapter="cache_studio.adapters.json_directory.adapter:JsonDirectoryAdapter",
    abilities=SETS_TTL,
    access="cache_studio.adapters.json_directory.access:JsonDirectoryAccess",
)
