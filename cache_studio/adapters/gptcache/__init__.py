"""gptcache: the SQLite database in which GPTCache keeps questions, answers and what was served from them."""

from cache_studio.adapters.base import CHANGES, NOT_RECOGNISED, SQLITE_MARKS, Certainty, Format, Recognition
from cache_studio.adapters.sight import Sight
from cache_studio.model.capabilities import Ability
from cache_studio.model.options import Option, OptionKind

PREFIX_OPTION = Option(
    "prefix", OptionKind.TEXT, "Table prefix", "What the tables' names begin with; found if left out."
)


def recognise(sight: Sight) -> Recognition:
    """Sure by the tables of questions, answers and reports."""
    if not sight.tables:
        return NOT_RECOGNISED
    from cache_studio.adapters.gptcache.layout import prefixes_of

    prefixes = prefixes_of(sight.tables)
    return Recognition(Certainty.SURE, {"prefix": prefixes[0]}) if prefixes else NOT_RECOGNISED


FORMAT = Format(
    name="gptcache",
    title="GPTCache's questions and answers",
    options=(PREFIX_OPTION,),
    recognise=recognise,
    marks=SQLITE_MARKS,
    adapter="cache_studio.adapters.gptcache.adapter:GptcacheAdapter",
    abilities=CHANGES | {Ability.ACCESS_TIMES},
)
