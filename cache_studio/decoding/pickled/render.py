"""The tree of a pickle, bounded in width, depth and text; shared parts are shown once and referred to."""

from cache_studio.decoding.nodes import DEEPEST, Growth, Node, more
from cache_studio.decoding.pickled.friendly import Friendly, is_known, object_made, read_call
from cache_studio.decoding.pickled.machine import Call, PickleReading
from cache_studio.decoding.pickled.values import Collection, Foreign, Global, HugeInt, Instance, Skipped

_KINDS = {"dict": "object", "list": "list", "tuple": "tuple", "set": "set", "frozenset": "set", "deque": "list"}
_MOST_WARNINGS = 20
_LONGEST_LABEL = 200
_LONGEST_PATH = 300
_MAKES_OBJECTS = frozenset(("NEWOBJ", "NEWOBJ_EX"))


def pickle_tree(root: object) -> Node:
    """The tree to show for the `root` of a reading."""
    return _Renderer().node(root, "", "", 0)


def foreign_calls(reading: PickleReading) -> list[Call]:
    """The calls that do more than build known values and objects of the application's classes, in order."""
    return [call for call in reading.calls if call.opcode not in _MAKES_OBJECTS and not is_known(call.name)]


def pickle_warnings(reading: PickleReading) -> tuple[str, ...]:
    """What the owning application would do on loading it, beyond building known values and objects of its classes."""
    names = dict.fromkeys(call.name for call in foreign_calls(reading))
    warnings = [f"The owning application would call {name}; it was not called here." for name in names]
    if len(warnings) > _MOST_WARNINGS:
        warnings[_MOST_WARNINGS:] = [f"{len(names) - _MOST_WARNINGS} more names would be called."]
    return tuple(warnings)


class _Renderer:
    def __init__(self) -> None:
        self.growth = Growth()
        self.shown: dict[int, str] = {}
        """Where each container is shown, by its id; all of them live as long as the root."""

    def node(self, value: object, key: str, path: str, depth: int) -> Node:
        if isinstance(value, Collection | Instance):
            return self._container(value, key, path, depth)
        if isinstance(value, str):
            return self.growth.string(value, key)
        if isinstance(value, bytes):
            return self.growth.binary(value, key)
        if isinstance(value, Foreign):
            return self._foreign(value, key)
        return _leaf(value, key)

    def _foreign(self, value: Foreign, key: str) -> Node:
        text = str(value.value) if isinstance(value.value, str | int) else "" if value.value is None else "an object"
        node = Node("call", key, note="only the owning application can resolve it")
        shown, cut = self.growth.cut(text)
        node.text = f"{value.kind} {shown}".strip()
        node.note = f"{cut}; {node.note}" if cut else node.note
        return node

    def _container(self, value: Collection | Instance, key: str, path: str, depth: int) -> Node:
        if id(value) in self.shown:  # before it is read: one that is long may be met very often
            return Node("reference", key, f"same as {self.shown[id(value)] or 'the top'}")
        if isinstance(value, Instance):
            read = read_call(value)
            if isinstance(read, Friendly):
                return self._friendly(read, value, key)
        else:
            read = value
            if not value.items:
                return Node(_KINDS.get(value.kind, "list"), key, note=_kind_note(value.kind))
            if value.kind == "bytearray":
                return self._bytearray(value, key)
        if depth >= DEEPEST:
            return Node("more", key, "deeper levels are not shown")
        self.shown[id(value)] = path if len(path) <= _LONGEST_PATH else f"...{path[-_LONGEST_PATH:]}"
        if isinstance(read, Collection):
            return self._collection(read, key, path, depth)
        assert isinstance(value, Instance)
        return self._object(value, key, path, depth)

    def _friendly(self, read: Friendly, call: Instance, key: str) -> Node:
        if isinstance(read.value, bytes):
            node = self.growth.binary(read.value, key)
        else:
            text, cut = self.growth.cut(read.text)
            node = Node(read.kind, key, text, cut)
        made = object_made(call)
        name = str(made[0]) if made else call.name
        node.note = f"{name}, {node.note}" if node.note else name
        return node

    def _bytearray(self, value: Collection, key: str) -> Node:
        data = value.items[0]
        assert isinstance(data, bytes)
        node = self.growth.binary(data, key)
        node.note = f"bytearray, {node.note}"
        return node

    def _collection(self, value: Collection, key: str, path: str, depth: int) -> Node:
        kind = _KINDS.get(value.kind, "object" if value.kind in _DICTS else "list")
        node = Node(kind, key, note=_kind_note(value.kind))
        if kind == "object":
            self._pairs(node, value.items, path, depth)
        else:
            self._items(node, value.items, path, depth)
        return node

    def _items(self, node: Node, items: list[object], path: str, depth: int) -> None:
        shown = self.growth.room_for(len(items))
        node.count += len(items)
        for index in range(shown):
            node.children.append(self.node(items[index], str(index), f"{path}[{index}]", depth + 1))
        if shown < len(items):
            node.children.append(more(len(items) - shown))

    def _pairs(self, node: Node, items: list[object], path: str, depth: int) -> None:
        count = len(items) // 2
        shown = self.growth.room_for(count)
        node.count += count
        for index in range(shown):
            label = _label(items[2 * index])
            node.children.append(self.node(items[2 * index + 1], label, f"{path}.{label}", depth + 1))
        if shown < count:
            node.children.append(more(count - shown))

    def _object(self, call: Instance, key: str, path: str, depth: int) -> Node:
        made = object_made(call)
        if made is not None:
            node = Node("object", key, str(made[0]), "object of a class that was not imported")
        else:
            node = Node("call", key, f"call, NOT made: {call.name}", f"opcode {call.made_by}")
            if not isinstance(call.target, Global):
                self._part(node, "called", call.target, path, depth)
        all_arguments = call.arguments.items if isinstance(call.arguments, Collection) else [call.arguments]
        arguments = made[1] if made else all_arguments
        for number, argument in enumerate(arguments[: self.growth.room_for(len(arguments))], 1):
            self._part(node, f"argument {number}", argument, path, depth)
        if call.keywords is not None:
            self._part(node, "keywords", call.keywords, path, depth)
        for state in call.states or ():
            self._state(node, state, path, depth)
        self._items(node, call.items or [], path, depth)
        self._pairs(node, call.pairs or [], path, depth)
        node.count = max(node.count, len(node.children))
        return node

    def _part(self, node: Node, key: str, value: object, path: str, depth: int) -> None:
        node.children.append(self.node(value, key, f"{path}.{key}", depth + 1))

    def _state(self, node: Node, state: object, path: str, depth: int) -> None:
        """Attributes as children of the object itself; (dict or None, slots) is how objects with slots write them."""
        parts = state.items if isinstance(state, Collection) and state.kind == "tuple" else [state]
        if len(parts) == 2 and all(part is None or _is_dict(part) for part in parts):
            for part in parts:
                if isinstance(part, Collection):
                    self._pairs(node, part.items, path, depth)
        elif isinstance(state, Collection) and state.kind == "dict":
            self._pairs(node, state.items, path, depth)
        else:
            self._part(node, "state", state, path, depth)


_DICTS = frozenset(("OrderedDict", "Counter", "defaultdict"))


def _is_dict(value: object) -> bool:
    return isinstance(value, Collection) and value.kind == "dict"


def _kind_note(kind: str) -> str:
    """The remark on a collection whose kind of node does not say what it is."""
    return "" if kind in ("dict", "list", "tuple", "set") else kind


def _leaf(value: object, key: str) -> Node:
    match value:
        case None:
            return Node("null", key, "None")
        case bool():
            return Node("bool", key, str(value))
        case int() | float():
            return Node("number", key, str(value))
        case HugeInt():
            return Node("number", key, value.text)
        case Global():
            return Node("class", key, str(value), "a name, not imported")
        case Skipped():
            return Node("bytes" if value.kind == "bytes" else "string", key, "", f"{value.length:,} bytes, skipped")
    return Node("error", key, type(value).__name__)


def _label(key: object) -> str:
    """One short line for the key of a dict, whatever it is."""
    if isinstance(key, str):
        return key[:_LONGEST_LABEL]
    if isinstance(key, bytes):
        return repr(key[:_LONGEST_LABEL])
    if isinstance(key, Collection):
        plain = [item for item in key.items[:5] if item is None or isinstance(item, str | int | float)]
        if len(plain) == len(key.items):
            return f"({', '.join(str(item)[:40] for item in plain)})"
        return f"{key.kind} of {len(key.items):,}"
    if isinstance(key, Instance):
        read = read_call(key)
        if isinstance(read, Friendly) and isinstance(read.value, bytes):
            return _label(read.value)
        return read.text[:_LONGEST_LABEL] if isinstance(read, Friendly) else key.name[:_LONGEST_LABEL]
    return _leaf(key, "").text[:_LONGEST_LABEL]
