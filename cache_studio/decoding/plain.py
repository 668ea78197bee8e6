"""The tree of JSON and msgpack: plain values, with doubles among the keys kept."""

from collections.abc import Iterable
from dataclasses import dataclass

from cache_studio.decoding.nodes import DEEPEST, Growth, Node, more


class Pairs(list[tuple[object, object]]):
    """The keys and values of an object, doubles included."""


class Literal(str):
    """A number as it is written, not converted."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Extension:
    """A msgpack value of an application's own type."""

    code: int
    data: bytes


def plain_tree(value: object) -> Node:
    """The bounded tree of a value made of Pairs, list, str, Literal, bytes, Extension, int, float, bool and None."""
    return _node(value, "", Growth(), 0)


def doubles(pairs: Iterable[tuple[object, object]]) -> list[str]:
    """Each key that is there more than once, as a warning."""
    seen: dict[object, int] = {}
    for key, _ in pairs:
        if isinstance(key, str | bytes | int | float):
            seen[key] = seen.get(key, 0) + 1
    return [f"Double key {_label(key)} (x{count})." for key, count in seen.items() if count > 1]


def _node(value: object, key: str, growth: Growth, depth: int) -> Node:
    if isinstance(value, list):
        if value and depth >= DEEPEST:
            return Node("more", key, "deeper levels are not shown")
        return _container(value, key, growth, depth)
    if isinstance(value, Literal):
        text, note = growth.cut(value)
        return Node("number", key, text, note)
    if isinstance(value, str):
        return growth.string(value, key)
    if isinstance(value, bytes):
        return growth.binary(value, key)
    return _leaf(value, key, growth)


def _container(value: list[object], key: str, growth: Growth, depth: int) -> Node:
    shown = growth.room_for(len(value))
    if isinstance(value, Pairs):
        node = Node("object", key, count=len(value))
        node.children = [_node(item, _label(name), growth, depth + 1) for name, item in value[:shown]]
    else:
        node = Node("list", key, count=len(value))
        node.children = [_node(item, str(index), growth, depth + 1) for index, item in enumerate(value[:shown])]
    if shown < len(value):
        node.children.append(more(len(value) - shown))
    return node


def _leaf(value: object, key: str, growth: Growth) -> Node:
    if value is None:
        return Node("null", key, "null")
    if isinstance(value, bool):
        return Node("bool", key, "true" if value else "false")
    if isinstance(value, Extension):
        node = growth.binary(value.data, key)
        node.note = f"extension type {value.code}, {node.note}"
        return node
    if isinstance(value, int | float):
        return Node("number", key, str(value))
    return Node("datetime", key, str(value))  # the timestamp of msgpack


def _label(key: object) -> str:
    if isinstance(key, str):
        return key[:200]
    if isinstance(key, list):  # of msgpack; may nest too deeply to be written out
        return f"{'map' if isinstance(key, Pairs) else 'array'} of {len(key):,}"
    return repr(key[:200]) if isinstance(key, bytes) else str(key)[:200]
