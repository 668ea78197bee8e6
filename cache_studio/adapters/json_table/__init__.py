"""json-table: any list, lines or object of entries in a JSON file, by a mapping of its fields."""

from cache_studio.adapters.base import Format
from cache_studio.adapters.json_table.recognise import OPTIONS, recognise

FORMAT = Format(
    name="json-table",
    title="Any list, lines or object of entries in a JSON file",
    options=OPTIONS,
    recognise=recognise,
    marks=("*.json", "*.jsonl", "*.ndjson"),
    adapter="cache_studio.adapters.json_table.adapter:JsonTableAdapter",
)
