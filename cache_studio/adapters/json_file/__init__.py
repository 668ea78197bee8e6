"""json-file: all entries in one JSON object, rewritten whole at every save (S2)."""

from cache_studio.adapters.base import Format
from cache_studio.adapters.json_file.layout import OPTIONS
from cache_studio.adapters.json_file.recognise import recognise

FORMAT = Format(
    name="json-file",
    title="All entries in one JSON file",
    options=OPTIONS,
    recognise=recognise,
    adapter="cache_studio.adapters.json_file.adapter:JsonFileAdapter",
    access="cache_studio.adapters.json_file.access:JsonFileAccess",
)
