"""The cells of arrays of numpy and pandas as short texts; each is read when it is shown, and nothing is built."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass

from cache_studio.decoding.pickled.arrays import ArrayParts, array_parts
from cache_studio.decoding.pickled.friendly import Friendly, read_call
from cache_studio.decoding.pickled.values import Collection, Global, Instance
from cache_studio.decoding.views.reading import arguments, class_name, fields, members, states

LONGEST_CELL = 300
_NO_TIME = -(2**63)
_MICROSECONDS = {"D": 86_400_000_000, "h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1_000, "us": 1}
_EPOCH = datetime.datetime(1970, 1, 1)
_LENGTHY = {"U": "text", "S": "bytes", "V": "records"}
_KINDS = {"f": "float", "i": "int", "u": "uint"}
_MASKED = ("pandas.arrays.IntegerArray", "pandas.arrays.FloatingArray", "pandas.arrays.BooleanArray")
_MASKED_OLD = ("integer.IntegerArray", "floating.FloatingArray", "boolean.BooleanArray")


@dataclass(frozen=True, slots=True)
class CellReader:
    """Cells of one dtype. `cell(row, at)` is the text of a place; of one row where there is only one. `length` is how
    long a row is; beyond it a cell is ""."""

    kind: str
    length: int
    cell: Callable[[int, int], str]


def reader_of(value: object) -> CellReader | None:
    """The reader of an array of numpy or pandas, with one or two dimensions; None for what is not known."""
    parts = array_parts(value)
    if parts is not None:
        return _plain(parts)
    name = class_name(value)
    if name.endswith("__pyx_unpickle_NDArrayBacked"):
        return _backed(value)
    if name in _MASKED or name.endswith(_MASKED_OLD):
        return _masked(fields(value))
    if name.endswith(("DatetimeArray", "TimedeltaArray")):
        return reader_of(fields(value).get("_ndarray", fields(value).get("_data")))
    return None


def _plain(parts: ArrayParts) -> CellReader | None:
    shape = parts.shape
    if len(shape) not in (1, 2) or not parts.readable:
        return None

    def cell(row: int, at: int) -> str:
        place = (at,) if len(shape) == 1 else (row, at)
        if any(not 0 <= index < length for index, length in zip(place, shape, strict=True)):
            return ""
        return cell_text(parts.at(place), parts)

    return CellReader(dtype_name(parts), shape[-1], cell)


def _backed(value: object) -> CellReader | None:
    """An array of pandas over one of numpy: strings, moments, or categories."""
    given, state = arguments(value), [members(part) for part in states(value)]
    if not given or not isinstance(given[0], Global) or not state or len(state[0]) < 2:
        return None
    dtype, array = state[0][:2]
    inner = reader_of(array)
    if inner is None:
        return None
    kind = given[0].name
    if kind == "StringArray":
        return CellReader("str", inner.length, inner.cell)
    if kind == "Categorical":
        return _categories(fields(dtype).get("categories"), inner)
    zoned = class_name(dtype).endswith("DatetimeTZDtype")
    if kind in ("DatetimeArray", "TimedeltaArray"):
        return CellReader(f"{inner.kind}, UTC" if zoned else inner.kind, inner.length, inner.cell)
    return None


def _categories(index: object, codes: CellReader) -> CellReader | None:
    given = arguments(index)
    labels = reader_of(fields(given[1]).get("data")) if len(given) > 1 else None
    if labels is None:
        return None

    def cell(row: int, at: int) -> str:
        code = codes.cell(row, at)
        return labels.cell(0, int(code)) if code.isdigit() else "" if code == "" else "NaN"

    return CellReader("category", codes.length, cell)


def _masked(known: dict[str, object]) -> CellReader | None:
    data, mask = reader_of(known.get("_data")), reader_of(known.get("_mask"))
    if data is None or mask is None:
        return None
    return CellReader(
        data.kind.capitalize(),
        data.length,
        lambda row, at: "NA" if mask.cell(row, at) == "True" else data.cell(row, at),
    )


def dtype_name(parts: ArrayParts) -> str:
    """ "int64", "datetime64[ns]", "text of 3"; as numpy calls it where it has a word."""
    kind, digits = parts.dtype[1], parts.dtype[2:]
    if kind in "Mm":
        return f"{'datetime' if kind == 'M' else 'timedelta'}64[{parts.unit or '?'}]"
    if kind in _KINDS and digits.isdecimal():
        return f"{_KINDS[kind]}{int(digits) * 8}"
    if kind in "bO":
        return "bool" if kind == "b" else "object"
    return f"{_LENGTHY.get(kind, kind)} of {digits}"


def cell_text(value: object, parts: ArrayParts | None = None) -> str:
    """One value as a short text: a moment by the unit of its array, an object by what it is."""
    if parts is not None and value is None and parts.items is None:
        return ""  # the data ends before it
    if parts is not None and parts.dtype[1] in "Mm" and isinstance(value, int):
        return _time(value, parts.unit, parts.dtype[1] == "M")
    if isinstance(value, float):
        return "NaN" if value != value else f"{value:.10g}"
    if isinstance(value, str):
        return value[:LONGEST_CELL]
    if isinstance(value, bytes):
        return repr(value[:LONGEST_CELL])
    if isinstance(value, Instance):
        read = read_call(value)
        return read.text[:LONGEST_CELL] if isinstance(read, Friendly) else class_name(value)[:LONGEST_CELL]
    if isinstance(value, Collection):
        return f"{value.kind} of {len(value.items):,}"
    return str(value) if value is None or isinstance(value, int) else type(value).__name__


def _time(value: int, unit: str, moment: bool) -> str:
    if value == _NO_TIME:
        return "NaT"
    if unit != "ns" and unit not in _MICROSECONDS:
        return f"{value} {unit}".strip()
    micro = value // 1000 if unit == "ns" else value * _MICROSECONDS[unit]
    try:
        span = datetime.timedelta(microseconds=micro)
        if not moment:
            return str(span)
        found = _EPOCH + span
    except OverflowError:
        return f"{value} {unit}"
    rest = f"{value % 1000:03}" if unit == "ns" and value % 1000 else ""
    if not rest and found.time() == datetime.time():
        return found.date().isoformat()
    return found.isoformat(" ", "microseconds" if rest else "auto") + rest
