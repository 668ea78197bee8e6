"""How a plain Redis cache names its keys: prefix, namespace, separator, name."""

from collections.abc import Iterator, Sequence


def namespace_of(key: str, prefix: str, separator: str) -> str:
    """What stands between the prefix and the last separator; "" for a key directly under the prefix."""
    return key[len(prefix) :].rpartition(separator)[0] if separator else ""


def namespaces_of(keys: Sequence[str], prefix: str, separator: str) -> list[str]:
    """`namespace_of` for many keys."""
    if not separator:
        return [""] * len(keys)
    start = len(prefix)
    return [key[start:].rpartition(separator)[0] for key in keys]


def key_of(name: str, namespace: str, prefix: str, separator: str) -> str:
    """The key that `namespace_of` reads this namespace from (of a name without separator)."""
    return f"{prefix}{namespace}{separator}{name}" if namespace else prefix + name


def places_of(key: str, prefix: str, separator: str) -> Iterator[tuple[str, str]]:
    """Every namespace and name that `key_of` makes this key of; the name that is the whole rest comes first."""
    rest = key[len(prefix) :]
    yield "", rest
    at = rest.find(separator) if separator else -1
    while at >= 0:
        if at > 0:
            yield rest[:at], rest[at + len(separator) :]
        at = rest.find(separator, at + 1)
