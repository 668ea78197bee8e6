"""What an asset cache looks like from outside."""

from cache_studio.adapters.asset_cache.layout import Columns
from cache_studio.adapters.asset_cache.names import DATABASE, FOLDER, PARTS, SUFFIXES, TABLE
from cache_studio.adapters.base import NOT_RECOGNISED, Certainty, Recognition
from cache_studio.adapters.sight import Sight
from cache_studio.adapters.sqlite_open import Table
from cache_studio.model.errors import WrongFormat

_DATABASES = (".db", ".sqlite", ".sqlite3")
_MOST_DATABASES = 5


def recognise(sight: Sight) -> Recognition:
    """Sure by the table's name and columns, or by such columns with folders of value files beside the database."""
    for database, beside in _candidates(sight):
        for table in database.tables.values():
            found = _recognise_table(table, beside)
            if found is not None:
                return found
    return NOT_RECOGNISED


def _candidates(sight: Sight) -> list[tuple[Sight, list[str]]]:
    if sight.kind == "file":
        return [(sight, [])]
    if sight.kind != "folder":
        return []
    below = [sight, *([sight.below(FOLDER)] if FOLDER in sight.folders else [])]
    found: list[tuple[Sight, list[str]]] = []
    for folder in below:
        names = sorted((n for n in folder.files if n.endswith(_DATABASES)), key=lambda name: name != DATABASE)
        found += [(folder.below(name), folder.folders) for name in names[:_MOST_DATABASES]]
    return found


def _recognise_table(table: Table, beside: list[str]) -> Recognition | None:
    try:
        columns = Columns.of(table, {})
    except WrongFormat:
        return None
    usual = {part.name: part.columns[0] for part in PARTS}
    differing = {part: name for part, name in columns.names.items() if name != usual[part]}
    needed = {"asset_type", "uses", "created"} & set(columns.names)
    if table.name == TABLE and len(needed) == 3:
        return Recognition(Certainty.SURE, differing, "An index of generated files.")
    if len(needed) >= 2 and any(folder in SUFFIXES for folder in beside):
        note = f"Table “{table.name}” names files that lie beside the database; which column is what is a guess."
        return Recognition(Certainty.SURE, {"table": table.name, **columns.names}, note)
    return None
