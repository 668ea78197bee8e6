"""Renaming a key, only while it is what was seen and the new name is free; and FLUSHDB, the one place that sends it."""

from typing import cast

from cache_studio.adapters.base import require_found
from cache_studio.adapters.key_actions import FlushesDatabase, RenamesKeys
from cache_studio.adapters.redis_adapter import RedisAdapter
from cache_studio.adapters.redis_errors import explain
from cache_studio.adapters.redis_options import bytes_of
from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import BadRequest, UnsupportedAction
from cache_studio.model.identity import EntryId
from cache_studio.model.seeing import Fate, Seen

CHANGED = "It changed since it was seen and keeps its key."


class RedisKeyActions(RedisAdapter, RenamesKeys, FlushesDatabase):
    """Plain keys: each entry is one key, and without a prefix the cache is the database."""

    def rename(self, entry: Seen, name: str) -> EntryId:
        """RENAMENX between WATCH of both names and EXEC."""
        old = cast(str, entry.id)
        self._require_renaming(old, name)
        with self._link.call():
            both = self._listing.describe([old, name])
            fate = self._first_look(entry, both.only([0]))
            if fate is None:
                if both.kinds[1] != "none":
                    raise UnsupportedAction(f"There is a key “{name}” already; it stays.", "Choose another name.")
                fate = self._remover.do_if_seen(both, [("RENAMENX", bytes_of(old), bytes_of(name))])
        require_found(fate is not Fate.GONE, old)
        if fate is Fate.CHANGED:
            raise UnsupportedAction(CHANGED, "Look at it again.")
        if fate is not Fate.REMOVED:
            raise UnsupportedAction(f"It was not renamed: {fate}")
        return name

    def flushed_place(self) -> str:
        """Host and port, or the socket, with the number of the database."""
        self.capabilities.require(Ability.REMOVE)
        place = self._link.place
        if place.is_cluster:
            raise UnsupportedAction("A cluster is not emptied at once.", "Use clear, which removes key by key.")
        if self._prefix:
            raise UnsupportedAction(
                f"This cache is what lies under “{self._prefix}”, not the whole database.",
                "Use clear, which can be undone, or attach the database without a prefix.",
            )
        return f"{place}/{place.db}"

    def flush(self) -> int:
        """FLUSHDB ASYNC: the server is not held while it gives the memory back."""
        self.flushed_place()
        with self._link.call():
            keys, done = self._link.exchange([("DBSIZE",), ("FLUSHDB", "ASYNC")])
        if isinstance(done, Exception):
            raise explain(done, self._link.place) from done
        return keys if isinstance(keys, int) else 0

    def _require_renaming(self, old: str, name: str) -> None:
        self.capabilities.require(Ability.REMOVE)
        rights = self._link.rights
        if not (rights.transactions and rights.watch):
            raise UnsupportedAction("WATCH and MULTI are not allowed, so a newer value could be renamed.")
        if reason := rights.why_not("RENAMENX"):
            raise UnsupportedAction(reason)
        if not name.startswith(self._prefix) or not name:
            raise BadRequest(
                f"“{name}” would be no key of this cache.", f"Its keys begin with “{self._prefix}”." if name else ""
            )
        if name == old:
            raise BadRequest("That is the name it has.")
