"""zlib and gzip, never more than is shown; what is beyond is only counted, and that not for ever."""

import zlib
from dataclasses import dataclass

MOST_KEPT = 16_000_000
MOST_COUNTED = 256_000_000
_STEP = 1_000_000
_WINDOW = {"zlib": 15, "gzip": 31}


@dataclass(frozen=True, slots=True)
class Unpacked:
    """`data` is the beginning of what was packed, `total` how long it is (at least, if `stopped`)."""

    data: bytes
    total: int
    stopped: bool
    problem: str
    trailing: int


def looks_packed(data: bytes) -> str:
    """ "zlib" or "gzip" if the data begins like it and its first block can be read; else empty."""
    if data[:3] == b"\x1f\x8b\x08":
        return "gzip"
    if len(data) < 8 or data[0] & 15 != 8 or data[0] > 0x78 or int.from_bytes(data[:2], "big") % 31:
        return ""
    try:
        return "zlib" if zlib.decompressobj().decompress(data, 64) else ""
    except zlib.error:
        return ""


def unpack(data: bytes, kind: str) -> Unpacked:
    """Unpack `kind` data up to MOST_KEPT, count on to MOST_COUNTED; never raises."""
    kept: list[bytes] = []
    total, rest, problem = 0, data, ""
    while True:  # a gzip file may have several members
        machine = zlib.decompressobj(_WINDOW[kind])
        try:
            while not machine.eof and total < MOST_COUNTED:
                part = machine.decompress(rest, _STEP)
                rest = machine.unconsumed_tail
                if not part and not rest:
                    break
                if total < MOST_KEPT:
                    kept.append(part[: MOST_KEPT - total])
                total += len(part)
        except zlib.error as error:
            problem = f"Near byte {len(data) - len(rest):,}: {kind} data is broken ({_reason(error)})."
            break
        if not machine.eof:
            if total < MOST_COUNTED:
                problem = f"At byte {len(data):,}: the {kind} data ends too early."
            break
        rest = machine.unused_data
        if kind != "gzip" or rest[:2] != b"\x1f\x8b":
            break
    stopped = total >= MOST_COUNTED
    return Unpacked(b"".join(kept), total, stopped, problem, 0 if stopped or problem else len(rest))


def _reason(error: zlib.error) -> str:
    return str(error).rpartition(": ")[2]
