"""The names that a long listing has shown: a set in parts, none of which holds the interpreter while it grows."""

from collections.abc import Sequence

_PARTS = 61
"""A set of a million names takes 50 ms and more in one call to become larger; prime, so that hashes spread."""


class SeenNames:
    """Which names have come; SCAN may name a key twice."""

    def __init__(self) -> None:
        self._parts: list[set[str]] = [set() for _ in range(_PARTS)]

    def new_of(self, names: Sequence[str]) -> list[int]:
        """Which of these, by their place, come for the first time; they are seen from now on."""
        parts, found = self._parts, []
        for at, name in enumerate(names):
            part = parts[hash(name) % _PARTS]
            if name not in part:
                part.add(name)
                found.append(at)
        return found

    def clear(self) -> None:
        """Forget all, part by part: to free a million names in one call takes 60 ms and more."""
        for part in self._parts:
            part.clear()
