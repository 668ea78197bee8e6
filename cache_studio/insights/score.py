"""The score of the "intelligent" policy: the entry with the lowest goes."""

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from cache_studio.model.columns import Floats  # numpy: whoever scores numbers has no need of it

Numbers = TypeVar("Numbers", float, "Floats")


def intelligent_score(idle: Numbers, accesses: Numbers, age: Numbers, size: Numbers) -> Numbers:
    """0.4/(hours since access + 1) + 0.4 accesses/(age in hours + 1) - 0.2 size in KiB (systems.md, S3).

    `idle` and `age` in seconds, `size` in bytes; numbers, or arrays of one length.
    """
    return 0.4 / (idle / 3600 + 1) + 0.4 * accesses / (age / 3600 + 1) - 0.2 * size / 1024
