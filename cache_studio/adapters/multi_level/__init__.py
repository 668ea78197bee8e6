"""multi-level: the disk level of a multi-level cache, pickles in namespace folders."""

from cache_studio.adapters.base import CHANGES, Format, Recognition
from cache_studio.adapters.mapping import MAPPING_OPTIONS
from cache_studio.adapters.sight import Sight

_OPTIONS = ("created", "expires", "ttl_field", "tags", "ttl", "unit", "zone")
"""What can be mapped; key and namespace are names of file and folder."""


def recognise(sight: Sight) -> Recognition:
    """What `multi_level.recognise` says; imported when it is needed."""
    from cache_studio.adapters.multi_level.recognise import recognise as look

    return look(sight)


def home(location: str) -> str:
    """What `multi_level.layout.home` says; imported when it is needed."""
    from cache_studio.adapters.multi_level.layout import home as level

    return level(location)


FORMAT = Format(
    name="multi-level",
    title="Disk level of a multi-level cache (pickles in namespace folders)",
    options=tuple(option for option in MAPPING_OPTIONS if option.name in _OPTIONS),
    recognise=recognise,
    marks=("*/l3", "*/*.cache"),
    adapter="cache_studio.adapters.multi_level.adapter:MultiLevelAdapter",
    abilities=CHANGES,
    access="cache_studio.adapters.multi_level.access:MultiLevelAccess",
    home=home,
)
