"""joblib: the folder of a `joblib.Memory`, a folder of its own for each remembered call."""

from cache_studio.adapters.base import CHANGES, Format, Recognition
from cache_studio.adapters.sight import Sight


def recognise(sight: Sight) -> Recognition:
    """What `joblib_memory.recognise` says; imported when it is needed."""
    from cache_studio.adapters.joblib_memory.recognise import recognise as look

    return look(sight)


FORMAT = Format(
    name="joblib",
    title="joblib.Memory (a folder a call)",
    options=(),
    recognise=recognise,
    marks=("*/joblib",),
    adapter="cache_studio.adapters.joblib_memory.adapter:JoblibAdapter",
    abilities=CHANGES,
)
