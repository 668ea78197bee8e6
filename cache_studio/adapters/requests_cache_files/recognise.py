"""Whether a folder is a file cache of requests-cache, and which ending its files have."""

import re
from collections import Counter
from collections.abc import Iterable

from cache_studio.adapters.base import NOT_RECOGNISED, Certainty, Recognition
from cache_studio.adapters.requests_cache_files import REDIRECTS
from cache_studio.adapters.sight import Sight

USUAL = ".json"
"""The ending where there is no file yet."""
_FILE = re.compile(r"(?:[0-9a-f]{16}|[0-9a-f]{64})(\.[A-Za-z0-9_]{1,20})")
_COLUMNS = ({"key", "value"}, {"key", "value", "expires"})
"""Of the table of redirects in 0.x and in 1.x."""


def recognise(sight: Sight) -> Recognition:
    """Sure by the database of redirects beside files that are named by hashes; look where there is none yet."""
    if sight.kind != "folder" or REDIRECTS not in sight.files:
        return NOT_RECOGNISED
    table = sight.below(REDIRECTS).tables.get("redirects")
    if table is None or set(table.names) not in _COLUMNS:
        return NOT_RECOGNISED
    if "responses" in sight.folders:  # aiohttp-client-cache keeps its files there
        return NOT_RECOGNISED
    if ending_of(sight.files):
        return Recognition(Certainty.SURE, note="HTTP responses of requests-cache, a file each.")
    return Recognition(Certainty.LOOK, note="A database of redirects without responses.")


def ending_of(names: Iterable[str]) -> str:
    """The ending that most files have that are named by a hash; "" where no file is."""
    endings = Counter(found[1] for name in names if (found := _FILE.fullmatch(name)))
    return endings.most_common(1)[0][0] if endings else ""
