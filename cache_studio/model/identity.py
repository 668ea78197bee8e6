"""What makes an entry one of its cache, and the proof that it is still the one that was seen."""

from typing import TypeAlias

EntryId: TypeAlias = "str | int | bytes | tuple[EntryId, ...]"
"""What makes an entry one of its cache; opaque outside its adapter."""
Stamp: TypeAlias = tuple[int, ...]
"""Cheap proof that it is still the entry that was seen; three whole numbers."""
