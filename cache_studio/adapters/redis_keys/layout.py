"""How a plain Redis cache names its keys: prefix, namespace, separator, name."""


def namespace_of(key: str, prefix: str, separator: str) -> str:
    """What stands between the prefix and the last separator; "" for a key directly under the prefix."""
    return key[len(prefix) :].rpartition(separator)[0] if separator else ""


def key_of(name: str, namespace: str, prefix: str, separator: str) -> str:
    """The key that `namespace_of` reads this namespace from (of a name without separator)."""
    return f"{prefix}{namespace}{separator}{name}" if namespace else prefix + name
