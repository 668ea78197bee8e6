"""The opcodes that put a value on the stack: numbers, text, bytes and empty collections."""

import codecs
import struct
from collections.abc import Callable

from cache_studio.decoding.pickled.machine import LARGEST_INT, Machine, PickleFault
from cache_studio.decoding.pickled.values import Collection, Foreign, HugeInt, Skipped

_LONGEST_DIGITS = 2400  # about as many as LARGEST_INT bytes, and below the interpreter's own limit


def _constant(value: object) -> Callable[[Machine], None]:
    def push(machine: Machine) -> None:
        machine.stack.append(value)

    return push


def _unsigned(length: int) -> Callable[[Machine], None]:
    def push(machine: Machine) -> None:
        machine.stack.append(machine.number(length))

    return push


def _text(length_bytes: int) -> Callable[[Machine], None]:
    def push(machine: Machine) -> None:
        length = machine.number(length_bytes)
        if length > machine.budget.largest:
            machine.stack.append(_skip(machine, "str", length))
            return
        try:
            machine.stack.append(str(machine.take(length), "utf-8", "surrogatepass"))
        except UnicodeDecodeError as error:
            raise PickleFault(f"holds text that is no UTF-8 ({error.reason})") from None

    return push


def _bytes(length_bytes: int) -> Callable[[Machine], None]:
    def push(machine: Machine) -> None:
        length = machine.number(length_bytes)
        if length > machine.budget.largest:
            machine.stack.append(_skip(machine, "bytes", length))
        else:
            machine.stack.append(machine.take(length))

    return push


def _skip(machine: Machine, kind: str, length: int) -> Skipped:
    left = len(machine.data) - machine.position
    if length > left:
        raise PickleFault(f"wants {length:,} bytes, {left:,} are left")
    machine.position += length
    return Skipped(kind, length)


def _bytearray(machine: Machine) -> None:
    machine.stack.append(Collection("bytearray", [machine.take(machine.number(8))]))


def _bytes_of_python2(data: bytes) -> str | bytes:
    """The str of Python 2 was text or bytes, nobody wrote down which."""
    return data.decode("ascii") if data.isascii() else data


def _string(machine: Machine) -> None:
    line = machine.line().strip()
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in b"'\"":
        raise PickleFault("holds a string without its quotes")
    try:
        machine.stack.append(_bytes_of_python2(codecs.escape_decode(line[1:-1])[0]))
    except ValueError:
        raise PickleFault("holds a string with a wrong escape") from None


def _short_binstring(machine: Machine) -> None:
    machine.stack.append(_bytes_of_python2(machine.take(machine.number(1))))


def _binstring(machine: Machine) -> None:
    length = int.from_bytes(machine.take(4), "little", signed=True)
    machine.stack.append(_bytes_of_python2(machine.take(length)))


def _unicode(machine: Machine) -> None:
    try:
        machine.stack.append(codecs.raw_unicode_escape_decode(machine.line())[0])
    except UnicodeDecodeError as error:
        raise PickleFault(f"holds text with a wrong escape ({error.reason})") from None


def _decimal(line: bytes) -> object:
    if len(line) > _LONGEST_DIGITS:
        return HugeInt(f"integer of about {len(line):,} digits")
    try:
        return int(line)
    except ValueError:
        raise PickleFault("holds a number that is none") from None


def _int(machine: Machine) -> None:
    line = machine.line()
    machine.stack.append({b"00": False, b"01": True}[line] if line in (b"00", b"01") else _decimal(line))


def _long(machine: Machine) -> None:
    machine.stack.append(_decimal(machine.line().removesuffix(b"L")))


def _long1(machine: Machine) -> None:
    machine.stack.append(int.from_bytes(machine.take(machine.number(1)), "little", signed=True))


def _long4(machine: Machine) -> None:
    length = int.from_bytes(machine.take(4), "little", signed=True)
    data = machine.take(length)
    if length > LARGEST_INT:
        machine.stack.append(HugeInt(f"integer of about {length * 8:,} bits"))
    else:
        machine.stack.append(int.from_bytes(data, "little", signed=True))


def _binint(machine: Machine) -> None:
    machine.stack.append(int.from_bytes(machine.take(4), "little", signed=True))


def _float(machine: Machine) -> None:
    try:
        machine.stack.append(float(machine.line()))
    except ValueError:
        raise PickleFault("holds a number that is none") from None


def _binfloat(machine: Machine) -> None:
    machine.stack.append(struct.unpack(">d", machine.take(8))[0])


def _empty(kind: str) -> Callable[[Machine], None]:
    def push(machine: Machine) -> None:
        machine.stack.append(Collection(kind, []))

    return push


def _extension(length: int) -> Callable[[Machine], None]:
    def push(machine: Machine) -> None:
        machine.stack.append(Foreign("extension code", machine.number(length)))

    return push


def _persistent_line(machine: Machine) -> None:
    machine.stack.append(Foreign("persistent id", machine.line().decode("utf-8", "surrogateescape")))


def _next_buffer(machine: Machine) -> None:
    machine.stack.append(Foreign("buffer kept elsewhere", None))


LITERALS: dict[bytes, Callable[[Machine], None]] = {
    b"N": _constant(None),
    b"\x88": _constant(True),
    b"\x89": _constant(False),
    b"I": _int,
    b"J": _binint,
    b"K": _unsigned(1),
    b"M": _unsigned(2),
    b"L": _long,
    b"\x8a": _long1,
    b"\x8b": _long4,
    b"F": _float,
    b"G": _binfloat,
    b"S": _string,
    b"T": _binstring,
    b"U": _short_binstring,
    b"V": _unicode,
    b"\x8c": _text(1),
    b"X": _text(4),
    b"\x8d": _text(8),
    b"C": _bytes(1),
    b"B": _bytes(4),
    b"\x8e": _bytes(8),
    b"\x96": _bytearray,
    b"]": _empty("list"),
    b")": _empty("tuple"),
    b"}": _empty("dict"),
    b"\x8f": _empty("set"),
    b"\x82": _extension(1),
    b"\x83": _extension(2),
    b"\x84": _extension(4),
    b"P": _persistent_line,
    b"\x97": _next_buffer,
}
"""What each opcode does, by its byte."""
