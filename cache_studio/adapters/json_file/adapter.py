"""The studio's side of json-file."""

import math
from collections.abc import Mapping
from typing import ClassVar

from cache_studio.adapters.files import Folder
from cache_studio.adapters.json_expiries import ExpiringJson
from cache_studio.adapters.json_file.layout import RETURNS_ENTRIES
from cache_studio.model.options import OptionValue
from cache_studio.model.units import DURATION_UNITS


class JsonFileAdapter(ExpiringJson):
    """One object of entries with a TTL for all of them; an entry without creation time never expires."""

    returns_entries = RETURNS_ENTRIES
    entries_are_objects: ClassVar[bool] = True
    after_ttl: ClassVar[bool] = True
    without_created: ClassVar[float] = math.inf

    def __init__(self, folder: Folder, name: str, options: Mapping[str, OptionValue], writable: bool) -> None:
        super().__init__(folder, name, options, writable)
        limit = options.get("max_entries")
        self._max_entries = int(limit) if isinstance(limit, int | float) and limit >= 0 else None

    def capacity_entries(self) -> int | None:
        """What the application is said to keep; the file does not tell."""
        return self._max_entries

    def details(self) -> Mapping[str, object]:
        """The figures of the original application."""
        ttl = self.fields.ttl
        days = None if ttl is None or math.isinf(ttl) else ttl / DURATION_UNITS["d"]
        return {**super().details(), "max_entries": self._max_entries, "ttl_days": days}
