"""Reads numpy scalars and arrays out of a pickle with `struct` alone; numpy is not imported."""

import struct

from cache_studio.decoding.pickled.values import Collection, Global, Instance

_SHOWN = 6
_SCALAR = frozenset(f"numpy.{core}.multiarray.scalar" for core in ("core", "_core"))
_RECONSTRUCT = frozenset(f"numpy.{core}.multiarray._reconstruct" for core in ("core", "_core"))
_FROMBUFFER = frozenset(f"numpy.{core}.numeric._frombuffer" for core in ("core", "_core"))
ARRAY_NAMES = _SCALAR | _RECONSTRUCT | _FROMBUFFER | {"numpy.dtype", "numpy.ndarray"}
"""What numpy's own pickles call; calling these is harmless."""

_CODES = {
    "b1": "?", "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q",
    "f2": "e", "f4": "f", "f8": "d",
}  # fmt: skip


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
