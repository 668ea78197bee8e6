"""langchain: what SQLiteCache of langchain-community keeps, the answers of models by prompt."""

from cache_studio.adapters.base import CHANGES, NOT_RECOGNISED, SQLITE_MARKS, Certainty, Format, Recognition
from cache_studio.adapters.sight import Sight


def recognise(sight: Sight) -> Recognition:
    """Sure by the table's name and columns."""
    if not sight.tables:
        return NOT_RECOGNISED
    from cache_studio.adapters.langchain.layout import is_cache

    return Recognition(Certainty.SURE) if is_cache(sight.tables) else NOT_RECOGNISED


FORMAT = Format(
    name="langchain",
    title="LangChain's SQLite cache",
    options=(),
    recognise=recognise,
    marks=SQLITE_MARKS,
    adapter="cache_studio.adapters.langchain.adapter:LangchainAdapter",
    abilities=CHANGES,
)
