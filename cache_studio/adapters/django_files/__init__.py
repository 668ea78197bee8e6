"""django-files: Django's FileBasedCache, a file an entry."""

import re

from cache_studio.adapters.base import NOT_RECOGNISED, SETS_TTL, Certainty, Format, Recognition
from cache_studio.adapters.django_keys import KEY_OPTIONS
from cache_studio.adapters.sight import Sight

SUFFIX = ".djcache"
NAME = re.compile(r"[0-9a-f]{32}\.djcache")
_SAMPLES = 8


def recognise(sight: Sight) -> Recognition:
    """Sure where a file with such a name begins as Django writes it."""
    if sight.kind != "folder":
        return NOT_RECOGNISED
    names = [name for name in sight.files if NAME.fullmatch(name)]
    if not names:
        return NOT_RECOGNISED
    from cache_studio.adapters.django_files.layout import head_of

    for name in names[:: max(1, len(names) // _SAMPLES)][:_SAMPLES]:
        content = sight.below(name).head
        head = head_of(content)
        if head is not None and content[head.length : head.length + 1] == b"\x78":
            return Recognition(Certainty.SURE)
    return NOT_RECOGNISED


FORMAT = Format(
    name="django-files",
    title="Django's file-based cache",
    options=KEY_OPTIONS,
    recognise=recognise,
    adapter="cache_studio.adapters.django_files.adapter:DjangoFilesAdapter",
    abilities=SETS_TTL,
    marks=(f"*/*{SUFFIX}",),
)
