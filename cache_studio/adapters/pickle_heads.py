"""How a pickle begins: enough to tell one from other bytes, and light enough for a look at a place."""

_PICKLES = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))


def looks_pickled(value: object) -> bool:
    """Whether a value begins as a pickle of Python 3 does."""
    return isinstance(value, bytes) and value[:2] in _PICKLES
