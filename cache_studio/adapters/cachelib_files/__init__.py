"""cachelib-files: the FileSystemCache of cachelib, Flask-Caching and Flask-Session."""

import re

from cache_studio.adapters.base import HASHED, NOT_RECOGNISED, SETS_TTL, Certainty, Format, Recognition
from cache_studio.adapters.sight import Sight

COUNT_FILES = (
    "79bc207ee04a581ab2348ca1f3494e64cd0ec36128735b8c6bc85ddd8fe1938c",
    "2029240f6d1128be89ddc32729463129",
)
"""sha256 and md5 of `__wz_cache_count`: the file that holds the number of entries is named like an entry."""
NAME = re.compile(r"[0-9a-f]{64}|[0-9a-f]{32}")
HALF_WRITTEN = ".__wz_cache"
_SAMPLES = 8


def recognise(sight: Sight) -> Recognition:
    """Sure by the file that counts; without one by heads of files that all have such names, sure with pickles."""
    if sight.kind != "folder" or not sight.files:
        return NOT_RECOGNISED
    if any(name in sight.files for name in COUNT_FILES):
        return Recognition(Certainty.SURE)
    names = [name for name in sight.files if not name.endswith(HALF_WRITTEN)]
    if sight.folders or not names or not all(NAME.fullmatch(name) for name in names):
        return NOT_RECOGNISED
    from cache_studio.adapters.cachelib_files.layout import looks_like

    looks = {looks_like(sight.below(name).head) for name in names[:: max(1, len(names) // _SAMPLES)][:_SAMPLES]}
    if looks == {"pickle"}:
        return Recognition(Certainty.SURE)
    note = "No file counts the entries; the values may be those of another application."
    return Recognition(Certainty.LOOK, {}, note) if looks and "" not in looks else NOT_RECOGNISED


FORMAT = Format(
    name="cachelib-files",
    title="Files of cachelib, Flask-Caching and Flask-Session",
    options=(),
    recognise=recognise,
    adapter="cache_studio.adapters.cachelib_files.adapter:CachelibFilesAdapter",
    abilities=SETS_TTL,
    marks=(HASHED,),
)
