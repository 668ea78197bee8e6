"""django-db: Django's database cache, a table among those of the site."""

from cache_studio.adapters.base import NOT_RECOGNISED, SETS_TTL, SQLITE_MARKS, Certainty, Format, Recognition
from cache_studio.adapters.sight import Sight
from cache_studio.model.options import Option, OptionKind
from cache_studio.model.times import ZONES

OPTIONS = (
    Option("table", OptionKind.TEXT, "Table", "Name of the cache table; the first one when left out."),
    Option("zone", OptionKind.CHOICE, "Time zone", "utc where the site sets USE_TZ, as is usual.", "utc", ZONES),
    Option(
        "whole_database",
        OptionKind.CHOICE,
        "Compact the site's database",
        "yes allows compacting the database although it holds the site's own tables, too.",
        "no",
        ("no", "yes"),
    ),
)


def recognise(sight: Sight) -> Recognition:
    """Sure by the columns and their types, whatever the table is called."""
    if not sight.tables:
        return NOT_RECOGNISED
    from cache_studio.adapters.django_db.layout import is_cache_table, others_of

    caches = [table.name for table in sight.tables.values() if is_cache_table(table)]
    if not caches:
        return NOT_RECOGNISED
    others = others_of(sight.tables.values())
    note = f"Cache table “{caches[0]}” of Django."
    if others:
        note += f" The database holds {len(others)} other tables of the site; they are not touched."
    return Recognition(Certainty.SURE, {"table": caches[0]}, note)


FORMAT = Format(
    name="django-db",
    title="Django's database cache",
    options=OPTIONS,
    recognise=recognise,
    marks=SQLITE_MARKS,
    adapter="cache_studio.adapters.django_db.adapter:DjangoDbAdapter",
    abilities=SETS_TTL,
)
