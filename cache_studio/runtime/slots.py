"""Entries as the levels of a running cache hold them."""

import math
from collections.abc import Mapping
from typing import Any

from cache_studio.adapters.key_access import Held

UNREAD: Any = object()
"""The value of an entry that was not decoded yet."""


class Slot:
    """One entry of one level. Times are epoch seconds, `expires` is +inf for never.

    A plain class with slots: a lookup reads four of these fields and nothing else.
    """

    __slots__ = ("accessed", "created", "data", "due", "expires", "hits", "metadata", "size", "stored", "tags", "token",
                 "value")  # fmt: skip

    def __init__(self, held: Held, size: int | None = None, token: object = None, *, stored: bool = True) -> None:
        self.data = held.value
        self.size = len(held.value) if size is None else size
        self.created = held.created
        self.expires = math.inf if held.expires is None else held.expires
        self.accessed = held.created if held.accessed is None else held.accessed
        self.hits = held.hits
        self.tags = held.tags
        self.metadata: Mapping[str, object] = held.metadata
        self.value = UNREAD
        self.due = -math.inf
        """Until then a lookup gives out `value` at once; after it, it looks closer."""
        self.token = token
        """What the cache's validity was when this was known to be what is stored."""
        self.stored = stored
        """Whether a level below holds it, too."""

    def held(self) -> Held:
        """The same as a layout stores it."""
        expires = None if self.expires == math.inf else self.expires
        return Held(self.data, self.created, expires, self.accessed, self.hits, self.tags, self.metadata)

    def is_fresh(self, now: float) -> bool:
        """Whether it may be given out."""
        return self.expires > now
