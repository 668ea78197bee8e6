"""Reads numpy scalars and arrays out of a pickle with `struct` alone; numpy is not imported."""

import math
import struct
from dataclasses import dataclass

from cache_studio.decoding.pickled.values import Collection, Global, Instance

_SHOWN = 6
_LONGEST_MEMBER = 4_000
"""Bytes that are read of one member, a text of fixed length."""
_SCALAR = frozenset(f"numpy.{core}.multiarray.scalar" for core in ("core", "_core"))
_RECONSTRUCT = frozenset(f"numpy.{core}.multiarray._reconstruct" for core in ("core", "_core"))
_FROMBUFFER = frozenset(f"numpy.{core}.numeric._frombuffer" for core in ("core", "_core"))
ARRAY_NAMES = _SCALAR | _RECONSTRUCT | _FROMBUFFER | {"numpy.dtype", "numpy.ndarray"}
"""What numpy's own pickles call; calling these is harmless."""

_CODES = {
    "b1": "?", "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q",
    "f2": "e", "f4": "f", "f8": "d",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ArrayParts:
    """An array as it is written: `dtype` as in `<f8`, `unit` of times ("ns"), `columns_first` for Fortran's order.

    `items` are the members of an array of objects, `data` the bytes of all others; neither is there where members of
    this dtype cannot be read.
    """

    dtype: str
    unit: str
    shape: tuple[int, ...]
    columns_first: bool
    data: bytes | None
    items: list[object] | None

    @property
    def readable(self) -> bool:
        """Whether members can be read."""
        return self.data is not None or self.items is not None

    @property
    def size(self) -> int:
        """Bytes of one member."""
        digits = self.dtype[2:]
        letters = 4 if self.dtype[1] == "U" else 1
        return int(digits) * letters if digits.isdecimal() else 8  # times and objects have no digits

    def at(self, place: tuple[int, ...]) -> object:
        """The member at a place: a plain value, an int for a time, None where it cannot be read."""
        flat = 0
        axes = list(zip(place, self.shape, strict=True))
        for index, length in reversed(axes) if self.columns_first else axes:
            flat = flat * length + index
        if self.items is not None:
            return self.items[flat] if flat < len(self.items) else None
        begin = flat * self.size
        if self.data is None or begin + self.size > len(self.data):
            return None
        return self._value(self.data[begin : begin + min(self.size, _LONGEST_MEMBER)])

    def _value(self, data: bytes) -> object:
        order, kind = self.dtype[0], self.dtype[1]
        if kind == "U":
            return data.decode("utf-32-be" if order == ">" else "utf-32-le", "replace").rstrip("\0")
        if kind == "S":
            return data.rstrip(b"\0")
        name = f"{order}i8" if kind in "Mm" else self.dtype
        return next(iter(_unpack(name, data, 1)), None)


def array_parts(value: object) -> ArrayParts | None:
    """The array that a call of numpy would make; None for anything else, and for one whose parts do not fit."""
    if not isinstance(value, Instance):
        return None
    name = str(value.target)
    arguments = value.arguments.items if isinstance(value.arguments, Collection) else []
    if name in _RECONSTRUCT and value.states:
        state = value.states[0]
        if isinstance(state, Collection) and len(state.items) == 5:
            _, shape, dtype, columns_first, data = state.items
            return _parts(shape, dtype, columns_first is True, data)
    if name in _FROMBUFFER and len(arguments) >= 4:
        data, dtype, shape, order = arguments[:4]
        return _parts(shape, dtype, order == "F", data)
    return None


def _parts(shape: object, dtype: object, columns_first: bool, data: object) -> ArrayParts | None:
    name = _dtype(dtype)
    sizes = shape.items if isinstance(shape, Collection) else []
    lengths = [size for size in sizes if isinstance(size, int) and 0 <= size < 2**48]
    if not name or not name[1:] or len(lengths) != len(sizes) or len(sizes) > 32 or math.prod(lengths) > 2**48:
        return None
    if name[1:] == "O8":
        items = data.items if isinstance(data, Collection) and data.kind == "list" else []
        return ArrayParts(name, "", tuple(lengths), columns_first, None, items)
    if name[1:] not in _CODES and name[1:] not in ("M8", "m8") and not (name[1] in "US" and name[2:].isdecimal()):
        return ArrayParts(name, "", tuple(lengths), columns_first, None, None)
    return ArrayParts(name, _unit(dtype), tuple(lengths), columns_first, _data(data) or b"", None)


def _unit(dtype: object) -> str:
    """The unit of datetime64 and timedelta64, the last part of what a dtype is set to."""
    state = dtype.states[0] if isinstance(dtype, Instance) and dtype.states else None
    parts = state.items if isinstance(state, Collection) else []
    last = parts[-1] if len(parts) == 9 else None
    about = last.items[-1] if isinstance(last, Collection) and last.items else None
    unit = about.items[0] if isinstance(about, Collection) and about.items else None
    if isinstance(unit, Instance):
        unit = _data(unit)
    count = about.items[1] if isinstance(about, Collection) and len(about.items) > 1 else 1
    return unit.decode("ascii", "replace")[:8] if isinstance(unit, bytes) and count == 1 else ""


def read_array(call: Instance) -> tuple[str, str, object] | None:
    """(kind of node, text, plain value or None) of a numpy scalar, array or dtype; None if it has another shape."""
    name = str(call.target)
    arguments = call.arguments.items if isinstance(call.arguments, Collection) else []
    if name in _SCALAR and len(arguments) == 2:
        return _scalar(arguments[0], _data(arguments[1]))
    if name in _RECONSTRUCT and call.states:
        state = call.states[0]
        if isinstance(state, Collection) and len(state.items) == 5:
            _, shape, dtype, _, data = state.items
            return _array(shape, dtype, _data(data))
    if name in _FROMBUFFER and len(arguments) >= 3:
        return _array(arguments[2], arguments[1], _data(arguments[0]))
    if name == "numpy.dtype":
        dtype = _dtype(call)
        return None if dtype is None else ("class", f"dtype {dtype}", None)
    return None


def _scalar(dtype: object, data: bytes | None) -> tuple[str, str, object] | None:
    name = _dtype(dtype)
    values = _unpack(name, data, 1)
    if not values:
        return None
    plain = values[0]
    return ("bool" if isinstance(plain, bool) else "number", f"{plain}", plain)


def _array(shape: object, dtype: object, data: bytes | None) -> tuple[str, str, object] | None:
    name = _dtype(dtype)
    if name is None or not isinstance(shape, Collection) or not all(isinstance(size, int) for size in shape.items):
        return None
    values = _unpack(name, data, _SHOWN)
    text = f"array of {name}, shape ({', '.join(str(size) for size in shape.items[:8])})"
    if values:
        more = ", ..." if data is not None and len(data) > len(values) * int(name[2:]) else ""
        text += f": {', '.join(f'{value:.6g}' if isinstance(value, float) else str(value) for value in values)}{more}"
    return ("array", text, None)


def _dtype(dtype: object) -> str | None:
    """`<f8` of a pickled dtype: byte order, kind and size."""
    if not isinstance(dtype, Instance) or not isinstance(dtype.target, Global) or str(dtype.target) != "numpy.dtype":
        return None
    arguments = dtype.arguments.items if isinstance(dtype.arguments, Collection) else []
    name = arguments[0] if arguments else None
    if not isinstance(name, str) or len(name) > 20:
        return None
    order = "|"
    if dtype.states and isinstance(dtype.states[0], Collection) and len(dtype.states[0].items) > 1:
        state_order = dtype.states[0].items[1]
        order = state_order if state_order in ("<", ">", "|") else "|"
    return f"{order}{name}"


def _data(value: object) -> bytes | None:
    if isinstance(value, Collection) and value.kind == "bytearray":
        value = value.items[0]
    if isinstance(value, Instance) and str(value.target) == "_codecs.encode":
        arguments = value.arguments.items if isinstance(value.arguments, Collection) else []
        text = arguments[0] if arguments else None
        try:
            return text.encode("latin-1") if isinstance(text, str) else None
        except UnicodeEncodeError:
            return None
    return value if isinstance(value, bytes) else None


def _unpack(dtype: str | None, data: bytes | None, most: int) -> list[object]:
    code = _CODES.get(dtype[1:]) if dtype else None
    if dtype is None or code is None or data is None:
        return []
    order = ">" if dtype[0] == ">" else "<"
    size = struct.calcsize(order + code)
    count = min(most, len(data) // size)
    return list(struct.unpack_from(f"{order}{count}{code}", data))
