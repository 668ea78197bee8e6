"""Reads the calls of well-known classes as the values they stand for, from literal arguments only.

Each reader gets the arguments, checks their shape and builds the value itself; what has another shape stays a call.
"""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from cache_studio.decoding.pickled.arrays import ARRAY_NAMES, read_array
from cache_studio.decoding.pickled.values import Collection, Global, Instance

_DEEPEST = 6
_MOST_ARGUMENTS = 1_000
_MOST_CALLED = 3
"""How many of the arguments may be calls themselves; the memo makes each more a multiplication."""
_MOST_JOINED = 10_000
OBJECT_MAKERS = frozenset(
    f"{module}.{name}" for module in ("copyreg", "copy_reg") for name in ("_reconstructor", "__newobj__")
)
"""Functions of old protocols that make an object of the class they are given, and nothing else."""

_FRAME_MAKERS = frozenset(
    (
        "pandas.StringDtype",
        "pandas.core.arrays.string_.StringDtype",
        "pandas._libs.arrays.__pyx_unpickle_NDArrayBacked",
        "pandas._libs.internals._unpickle_block",
        "pandas.core.indexes.base._new_Index",
        "pandas.core.indexes.datetimes._new_DatetimeIndex",
        "pandas.core.internals.managers.BlockManager",
    )
)
"""What pandas' own pickles call to put a frame together, and nothing else."""


@dataclass(frozen=True, slots=True)
class Friendly:
    """A call read as a value: the `kind` of its node, its `text`, and the `value` for programs (None: only text)."""

    kind: str
    text: str
    value: object = None


class _OtherShape(Exception):
    """The arguments are not the literals they should be."""


def read_call(call: Instance, depth: int = 0) -> Friendly | Collection | None:
    """What the call stands for: a value, a collection (set, deque, OrderedDict...), or None if it is not known."""
    if depth > _DEEPEST or not isinstance(call.target, Global):
        return None
    cls, own_arguments = object_made(call) or (call.target, _items(call.arguments))
    name = _CURRENT_NAMES.get(str(cls), str(cls))
    if name in ARRAY_NAMES:
        described = read_array(call)
        return None if described is None else Friendly(*described)
    reader = _READERS.get(name)
    if reader is None or len(own_arguments) > _MOST_ARGUMENTS:
        return None
    try:
        arguments = [_literal(argument, depth) for argument in own_arguments[:_MOST_CALLED]]
        arguments += own_arguments[_MOST_CALLED:]
        return reader(call, arguments)
    except (_OtherShape, ValueError, OverflowError, IndexError, TypeError, InvalidOperation):
        return None  # the literal has the type but not the shape: year 0, wrong digits


def is_known(name: str) -> bool:
    """Whether calling it would be harmless: a name that this module reads, or one that only puts objects together."""
    name = _CURRENT_NAMES.get(name, name)
    return name in _READERS or name in ARRAY_NAMES or name in OBJECT_MAKERS or name in _FRAME_MAKERS


def object_made(call: Instance) -> tuple[Global, list[object]] | None:
    """The class and the arguments where the call is `cls.__new__(cls, *arguments)` in one of its spellings."""
    target, arguments = call.target, _items(call.arguments)
    if not isinstance(target, Global):
        return None
    if call.made_by in ("NEWOBJ", "NEWOBJ_EX"):
        return target, arguments
    if str(target) not in OBJECT_MAKERS or not arguments or not isinstance(arguments[0], Global):
        return None
    cls, *rest = arguments
    assert isinstance(cls, Global)
    if target.name == "_reconstructor":  # of class, base, value for the base; object has no value
        rest = [] if len(rest) == 2 and rest[1] is None else rest[1:]
    return cls, rest


def _items(arguments: object) -> list[object]:
    return arguments.items if isinstance(arguments, Collection) and arguments.kind == "tuple" else []


def _literal(argument: object, depth: int) -> object:
    """The argument as a plain value where it is itself a readable call; anything else as it is."""
    if isinstance(argument, Instance):
        read = read_call(argument, depth + 1)
        return read.value if isinstance(read, Friendly) else argument
    if isinstance(argument, Collection) and argument.kind == "bytearray":
        return argument.items[0]
    return argument


def _packed(value: object, length: int) -> bytes:
    data = value.encode("latin-1") if isinstance(value, str) else value
    if not isinstance(data, bytes) or len(data) != length:
        raise _OtherShape
    return data


def _zone(arguments: list[object], at: int) -> datetime.tzinfo | None:
    if len(arguments) <= at:
        return None
    zone = arguments[at]
    if zone is None or isinstance(zone, datetime.tzinfo):
        return zone
    raise _OtherShape


def _datetime(call: Instance, arguments: list[object]) -> Friendly:
    data = _packed(arguments[0], 10)
    moment = datetime.datetime(
        int.from_bytes(data[:2], "big"),
        data[2] & 127,
        data[3],
        data[4],
        data[5],
        data[6],
        int.from_bytes(data[7:], "big"),
        tzinfo=_zone(arguments, 1),
        fold=data[2] >> 7,
    )
    return Friendly("datetime", moment.isoformat(" "), moment)


def _date(call: Instance, arguments: list[object]) -> Friendly:
    data = _packed(arguments[0], 4)
    day = datetime.date(int.from_bytes(data[:2], "big"), data[2], data[3])
    return Friendly("datetime", day.isoformat(), day)


def _time(call: Instance, arguments: list[object]) -> Friendly:
    data = _packed(arguments[0], 6)
    moment = datetime.time(
        data[0] & 127, data[1], data[2], int.from_bytes(data[3:], "big"), tzinfo=_zone(arguments, 1), fold=data[0] >> 7
    )
    return Friendly("datetime", moment.isoformat(), moment)


def _timedelta(call: Instance, arguments: list[object]) -> Friendly:
    days, seconds, microseconds = arguments
    if not all(type(part) is int for part in arguments):
        raise _OtherShape
    span = datetime.timedelta(days, seconds, microseconds)  # type: ignore[arg-type]
    return Friendly("datetime", str(span), span)


def _timezone(call: Instance, arguments: list[object]) -> Friendly:
    offset, *name = arguments
    if not isinstance(offset, datetime.timedelta) or not all(isinstance(part, str) for part in name):
        raise _OtherShape
    zone = datetime.timezone(offset, *name)  # type: ignore[arg-type]
    return Friendly("datetime", str(zone), zone)


def _utc(call: Instance, arguments: list[object]) -> Friendly:
    return Friendly("datetime", "UTC", datetime.UTC)


def _decimal(call: Instance, arguments: list[object]) -> Friendly:
    text = _only_text(arguments)
    number = Decimal(text) if len(text) < 1000 else None
    return Friendly("number", text, number)


def _fraction(call: Instance, arguments: list[object]) -> Friendly:
    return Friendly("number", _only_text(arguments))


def _only_text(arguments: list[object]) -> str:
    (text,) = arguments
    if not isinstance(text, str):
        raise _OtherShape
    return text


def _uuid(call: Instance, arguments: list[object]) -> Friendly:
    state = call.states[0] if call.states else None
    if not isinstance(state, Collection) or state.kind != "dict":
        raise _OtherShape
    for key, number in state.pairs():
        if key == "int" and isinstance(number, int) and 0 <= number < 2**128:
            digits = f"{number:032x}"
            text = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
            return Friendly("string", text, text)
    raise _OtherShape


def _path(call: Instance, arguments: list[object]) -> Friendly:
    parts = [part for part in arguments if isinstance(part, str)]
    if len(parts) != len(arguments):
        raise _OtherShape
    separator = "\\" if "Windows" in call.name else "/"
    root = parts.pop(0) if parts and parts[0].endswith(separator) else ""
    text = root + separator.join(parts) or "."
    return Friendly("string", text, text)


def _complex(call: Instance, arguments: list[object]) -> Friendly:
    real, imaginary = arguments
    if not isinstance(real, float) or not isinstance(imaginary, float):
        raise _OtherShape
    return Friendly("number", str(complex(real, imaginary)), complex(real, imaginary))


def _encode(call: Instance, arguments: list[object]) -> Friendly:
    text, encoding = arguments
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise _OtherShape
    data = text.encode("latin-1")
    return Friendly("bytes", "", data)


def _bytes(call: Instance, arguments: list[object]) -> Friendly:
    data: object = b""
    if len(arguments) == 2:
        data = _encode(call, arguments).value
    elif arguments:
        (data,) = arguments
    if not isinstance(data, bytes):
        raise _OtherShape
    return Friendly("bytes", "", data)


def _range(call: Instance, arguments: list[object]) -> Friendly:
    if not all(type(part) is int or part is None for part in arguments):
        raise _OtherShape
    return Friendly("number", f"{call.name.rpartition('.')[2]}({', '.join(map(str, arguments))})")


def _set_of(kind: str) -> "Callable[[Instance, list[object]], Collection]":
    def read(call: Instance, arguments: list[object]) -> Collection:
        if not arguments:
            return Collection(kind, call.items or [])
        (items,) = arguments
        if not isinstance(items, Collection) or items.kind not in ("list", "tuple"):
            raise _OtherShape
        return Collection(kind, items.items)

    return read


def _dict_of(kind: str) -> "Callable[[Instance, list[object]], Collection]":
    def read(call: Instance, arguments: list[object]) -> Collection:
        items = call.pairs or []
        for argument in arguments:
            if isinstance(argument, Collection) and argument.kind == "dict":
                items = _joined(argument.items, items)
            elif isinstance(argument, Collection) and argument.kind in ("list", "tuple"):
                items = _joined(_flattened(argument), items)
            elif not isinstance(argument, Global):  # the factory of a defaultdict
                raise _OtherShape
        return Collection(kind, items)

    return read


def _joined(first: list[object], then: list[object]) -> list[object]:
    """Both, one after the other, copied only where it must be: no pickle module writes two long ones."""
    if first and then and len(first) + len(then) > _MOST_JOINED:
        raise _OtherShape
    return first + then if first and then else first or then


def _flattened(pairs: Collection) -> list[object]:
    """The items of `[[k, v], [k, v]]`, which Python 2 wrote for an OrderedDict."""
    items: list[object] = []
    for pair in pairs.items:
        if not isinstance(pair, Collection) or len(pair.items) != 2:
            raise _OtherShape
        items += pair.items
    return items


def _deque(call: Instance, arguments: list[object]) -> Collection:
    start = arguments[0] if arguments else None
    if start is not None and not (isinstance(start, Collection) and start.kind in ("list", "tuple")):
        raise _OtherShape
    return Collection("deque", _joined(start.items if isinstance(start, Collection) else [], call.items or []))


_READERS: dict[str, Callable[[Instance, list[object]], Friendly | Collection]] = {
    "datetime.datetime": _datetime,
    "datetime.date": _date,
    "datetime.time": _time,
    "datetime.timedelta": _timedelta,
    "datetime.timezone": _timezone,
    "pytz._UTC": _utc,
    "decimal.Decimal": _decimal,
    "fractions.Fraction": _fraction,
    "uuid.UUID": _uuid,
    "pathlib.Path": _path,
    "pathlib.PosixPath": _path,
    "pathlib.PurePosixPath": _path,
    "pathlib.WindowsPath": _path,
    "pathlib.PureWindowsPath": _path,
    "builtins.complex": _complex,
    "_codecs.encode": _encode,
    "builtins.bytes": _bytes,
    "builtins.bytearray": _bytes,
    "builtins.range": _range,
    "builtins.slice": _range,
    "builtins.set": _set_of("set"),
    "builtins.frozenset": _set_of("frozenset"),
    "collections.OrderedDict": _dict_of("OrderedDict"),
    "collections.Counter": _dict_of("Counter"),
    "collections.defaultdict": _dict_of("defaultdict"),
    "collections.deque": _deque,
}
_CURRENT_NAMES = {
    **{f"__builtin__.{name}": f"builtins.{name}" for name in ("set", "frozenset", "complex", "bytes", "bytearray")},
    "__builtin__.xrange": "builtins.range",
    "__builtin__.slice": "builtins.slice",
    **{
        f"pathlib._local.{name}": f"pathlib.{name}"
        for name in ("Path", "PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath")
    },
}
"""Names of other Python versions for what `_READERS` reads."""
