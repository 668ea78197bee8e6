"""json-table: any list, lines or object of entries in a JSON file, by a mapping of its fields.

It has no marks: it is never sure, so discovery need not ask it about every JSON file of a disk.
"""

from cache_studio.adapters.base import SETS_TTL, Format
from cache_studio.adapters.json_table.recognise import OPTIONS, recognise
from cache_studio.model.capabilities import Ability

FORMAT = Format(
    name="json-table",
    title="Any list, lines or object of entries in a JSON file",
    options=OPTIONS,
    recognise=recognise,
    adapter="cache_studio.adapters.json_table.adapter:JsonTableAdapter",
    abilities=SETS_TTL | {Ability.ACCESS_TIMES},
)
