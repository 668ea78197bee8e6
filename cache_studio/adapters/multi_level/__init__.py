"""multi-level: the disk level of a multi-level cache, pickles in namespace folders."""

from cache_studio.adapters.base import NOT_RECOGNISED, Certainty, Format, Recognition
from cache_studio.adapters.multi_level.layout import FOLDER, SUFFIX
from cache_studio.adapters.sight import Sight

_PICKLE = b"\x80"
"""How every pickle of protocol 2 and later begins."""
_FIELDS = (b"created_at", b"ttl", b"namespace")
_FOLDERS = 20
"""How many namespace folders are looked into."""


def recognise(sight: Sight) -> Recognition:
    """Sure for `*.cache` pickles with the layout's fields: in `l3`, in a folder of namespaces or in one namespace."""
    if sight.kind != "folder":
        return NOT_RECOGNISED
    below = [sight.below(name) for name in sight.folders[:_FOLDERS]]
    if FOLDER in sight.folders:
        level = sight.below(FOLDER)
        below += [level, *(level.below(name) for name in level.folders[:_FOLDERS])]
    for folder in (sight, *below):
        for name in [name for name in folder.files if name.endswith(SUFFIX)][:3]:
            file = folder.below(name)
            if file.head.startswith(_PICKLE) and (file.size > len(file.head) or all(f in file.head for f in _FIELDS)):
                return Recognition(Certainty.SURE, note="The disk level of a multi-level cache.")
    return NOT_RECOGNISED


FORMAT = Format(
    name="multi-level",
    title="Disk level of a multi-level cache (pickles in namespace folders)",
    options=(),
    recognise=recognise,
    adapter="cache_studio.adapters.multi_level.adapter:MultiLevelAdapter",
    access="cache_studio.adapters.multi_level.access:MultiLevelAccess",
)
