"""Finding an entry by its request where the column of the key holds a hash of that."""

from abc import abstractmethod
from collections.abc import Collection, Sequence

from cache_studio.adapters.defaults import join, lookup_by_scan, take, without
from cache_studio.adapters.sqlite_adapter import RowsAdapter
from cache_studio.adapters.sqlite_open import placeholders, quoted
from cache_studio.adapters.sqlite_pages import Page
from cache_studio.model.columns import Batch

_KEYS_AT_ONCE = 50


class HashedKeysAdapter(RowsAdapter):
    """Rows that are shown by method and URL and stored by a hash."""

    @abstractmethod
    def stored_keys(self, key: str) -> Sequence[bytes]:
        """What the column may hold for a typed key: the hash itself, or the hash of it."""

    @abstractmethod
    def _hashes(self, page: Page) -> Sequence[str]:
        """What the column holds, for each row of a page."""

    def lookup(self, keys: Collection[str], namespace: str | None = None) -> Batch:
        """By the hash of method and URL, or the hash itself; else by a scan: an application may choose its own keys."""
        if namespace:
            return join([])
        found: list[Batch] = []
        met: set[str] = set()
        wanted = sorted(set(keys))
        for start in range(0, len(wanted), _KEYS_AT_ONCE):
            part = set(wanted[start : start + _KEYS_AT_ONCE])
            forms = [form for key in part for form in self.stored_keys(key)]
            marks, values = placeholders([*forms, *(form.decode("utf-8", "surrogateescape") for form in forms)])
            page = self._listed(f"{quoted(self._key_column())} IN ({marks})", values)
            if page:
                batch, hashes = self._batch(page), self._hashes(page)
                fits = [row for row, key in enumerate(batch.keys) if key in part or hashes[row] in part]
                met |= {batch.keys[row] for row in fits} | {hashes[row] for row in fits}
                found.append(take(batch, fits))
        batch = join(found)
        missing = set(wanted) - met
        if missing:
            batch = join([batch, without(lookup_by_scan(self, missing, namespace), set(batch.ids))])
        return batch
