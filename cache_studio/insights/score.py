"""The score of the "intelligent" policy: the entry with the lowest goes."""


def intelligent_score(idle: float, accesses: float, age: float, size: float) -> float:
    """0.4/(hours since access + 1) + 0.4 accesses/(age in hours + 1) - 0.2 size in KiB (systems.md, S3).

    `idle` and `age` in seconds, `size` in bytes; numbers, or arrays of one length.
    """
    return 0.4 / (idle / 3600 + 1) + 0.4 * accesses / (age / 3600 + 1) - 0.2 * size / 1024
