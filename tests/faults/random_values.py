"""Random values of the kinds that pickle writes without a call of a class, and what a reading of them stands for."""

from __future__ import annotations

import random
from collections.abc import Callable

from cache_studio.decoding.pickled.friendly import Friendly, read_call
from cache_studio.decoding.pickled.values import Collection, Instance

_LETTERS = "abc äß東\x00\n'\"\\\u202e\ud800\U0001f600"
_SCALARS: tuple[Callable[[random.Random], object], ...] = (
    lambda chance: None,
    lambda chance: chance.random() < 0.5,
    lambda chance: chance.randint(-300, 70_000),
    lambda chance: chance.randint(-(2**70), 2**70),
    lambda chance: chance.getrandbits(2_000),
    lambda chance: chance.gauss(0, 1e9),
    lambda chance: chance.choice((0.0, -0.0, float("inf"), 5e-324)),
    lambda chance: "".join(chance.choices(_LETTERS, k=chance.randint(0, 300))),
    lambda chance: chance.randbytes(chance.randint(0, 300)),
)


def random_value(chance: random.Random, depth: int = 4) -> object:
    """A value of builtins, with parts that are met twice."""
    if depth == 0 or chance.random() < 0.3:
        return chance.choice(_SCALARS)(chance)
    items = [random_value(chance, depth - 1) for _ in range(chance.randint(0, 5))]
    if items and chance.random() < 0.2:
        items.append(items[0])
    match chance.randrange(6):
        case 0:
            return items
        case 1:
            return tuple(items)
        case 2:
            return {random_key(chance): item for item in items}
        case 3:
            return {random_key(chance) for _ in items}
        case 4:
            return frozenset(random_key(chance) for _ in items)
        case _:
            return bytearray(chance.randbytes(chance.randint(0, 20)))


def random_key(chance: random.Random) -> object:
    """Something that can be a key of a dict."""
    plain = chance.choice(_SCALARS)(chance)
    return (plain, chance.randint(0, 9)) if chance.random() < 0.2 else plain


def as_python(value: object) -> object:
    """What was read, as the real unpickler would make it: calls of `set`, `bytes` and their like included."""
    name = ""
    if isinstance(value, Instance):
        name, value = value.name, read_call(value)
    if isinstance(value, Friendly):
        value = value.value
        return bytearray(value) if name.endswith("bytearray") and isinstance(value, bytes) else value
    if not isinstance(value, Collection):
        return value
    if value.kind == "dict":
        return {as_python(key): as_python(item) for key, item in value.pairs()}
    if value.kind == "bytearray":
        return bytearray(value.items[0])  # type: ignore[call-overload]
    kinds: dict[str, type] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
    return kinds[value.kind](as_python(item) for item in value.items)


def same(one: object, other: object) -> bool:
    """Equal, and of the same types all the way down (True is not 1 here, and -0.0 not 0.0)."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        pairs = zip(one.items(), other.items(), strict=False)
        return len(one) == len(other) and all(same(a, c) and same(b, d) for (a, b), (c, d) in pairs)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return repr(one) == repr(other) if isinstance(one, float) else one == other
