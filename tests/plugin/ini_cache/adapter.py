"""The adapter: the five methods that are enough."""

import configparser
import math
from collections.abc import Generator, Mapping
from pathlib import Path

import numpy as np

from cache_studio.adapters.base import Adapter, require_found
from cache_studio.model.capabilities import Ability, Capabilities
from cache_studio.model.columns import STAMP_WIDTH, Batch, ScanEnd, make_batch
from cache_studio.model.errors import CacheUnavailable
from cache_studio.model.identity import EntryId
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Payload, Piece
from cache_studio.model.targets import Target


class IniCacheAdapter(Adapter):
    """Sections are entries with a `value` and, where they end, `expires` in epoch seconds."""

    capabilities = Capabilities.of([Ability.READ])

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "IniCacheAdapter":
        path = Path(target.location)
        if not path.is_file():
            raise CacheUnavailable(f"There is no file {path}.", "Check the path.")
        return cls(path)

    def _entries(self) -> dict[str, Mapping[str, str]]:
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(self._path.read_text("utf-8"))
        return {name: parser[name] for name in parser.sections()}

    def scan(self) -> Generator[Batch, None, ScanEnd]:
        entries = self._entries()
        if entries:
            keys = list(entries)
            sizes = np.array([len(entry.get("value", "").encode()) for entry in entries.values()], np.float64)
            expires = np.array([float(entry.get("expires", math.inf)) for entry in entries.values()])
            stamps = np.zeros((len(keys), STAMP_WIDTH), np.int64)
            stamps[:, 0] = self._path.stat().st_mtime_ns
            yield make_batch(list(keys), keys, stamps, size=sizes, expires=expires)
        return ScanEnd()

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        entry = self._entries().get(str(entry_id))
        require_found(entry, str(entry_id))
        assert entry is not None
        data = entry.get("value", "").encode()
        return Payload((Piece("value", data[:max_bytes], len(data), "text"),))

    def close(self) -> None:
        pass
