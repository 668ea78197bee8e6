"""dbm: a key and value file of Python's own kind (dbm.dumb), which shelve uses, too.

It has no marks: a shelf is as often somebody's data as a cache, so it is opened when it is named and never proposed.
"""

from cache_studio.adapters.base import LOOKS, NOT_RECOGNISED, Certainty, Format, Recognition
from cache_studio.adapters.sight import Sight


def recognise(sight: Sight) -> Recognition:
    """Sure for an index whose first lines are whole, or the data beside one."""
    from cache_studio.adapters.dbm_files.dumb import first_values, index_beside, looks_like_dogpile, looks_like_index

    index = index_beside(sight)
    if index is None or not looks_like_index(index.head):
        return NOT_RECOGNISED
    if looks_like_dogpile(first_values(index)):
        return Recognition(Certainty.LOOK, {}, "Entries of dogpile.cache in a dbm.")
    return Recognition(Certainty.SURE, {}, "A dbm of Python's own kind; a shelf where its values are pickles.")


FORMAT = Format(
    name="dbm",
    title="dbm or shelve (dbm.dumb)",
    options=(),
    recognise=recognise,
    adapter="cache_studio.adapters.dbm_files.adapter:DbmAdapter",
    abilities=LOOKS,
)
