"""dogpile-dbm: the dbm of a dogpile.cache region."""

from cache_studio.adapters.base import LOOKS, NOT_RECOGNISED, Certainty, Format, Recognition
from cache_studio.adapters.mapping import TTL_OPTION
from cache_studio.adapters.sight import Sight
from cache_studio.model.capabilities import Ability


def recognise(sight: Sight) -> Recognition:
    """Sure for a dbm.dumb whose first values are entries of dogpile.cache."""
    from cache_studio.adapters.dbm_files.dumb import first_values, index_beside, looks_like_dogpile, looks_like_index

    index = index_beside(sight)
    if index is None or not looks_like_index(index.head) or not looks_like_dogpile(first_values(index)):
        return NOT_RECOGNISED
    return Recognition(Certainty.SURE, {}, "A region of dogpile.cache; its expiration time is in the program.")


FORMAT = Format(
    name="dogpile-dbm",
    title="dogpile.cache in a dbm",
    options=(TTL_OPTION,),
    recognise=recognise,
    adapter="cache_studio.adapters.dogpile_dbm.adapter:DogpileDbmAdapter",
    abilities=LOOKS | {Ability.REMOVE, Ability.UNDO},
    marks=("*.dir",),
)
