"""zlib, gzip and bare deflate, never more than is shown; what is beyond is only counted, and that not for ever."""

import time
import zlib
from dataclasses import dataclass

MOST_KEPT = 16_000_000
MOST_COUNTED = 256_000_000
LONGEST_COUNT = 1.5
"""Seconds: the decoder of what is inside needs the rest of its time."""
_STEP = 1_000_000
_PIECE = 65_536
_WINDOW = {"zlib": 15, "gzip": 31, "deflate": -15}


@dataclass(frozen=True, slots=True)
class Unpacked:
    """`data` is the beginning of what was packed, `total` how long it is (if `stopped`, at least that)."""

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


def looks_raw(data: bytes) -> bool:
    """Whether the data can be read as a deflate stream without a header, as some servers send it."""
    try:
        return bool(zlib.decompressobj(-15).decompress(data[:1000], 64))
    except zlib.error:
        return False


def unpack(data: bytes, kind: str, seconds: float = LONGEST_COUNT) -> Unpacked:
    """Unpack `kind` data up to MOST_KEPT, count on to MOST_COUNTED or for so many seconds; never raises."""
    run = _Run(kind, data, time.monotonic() + seconds)
    problem = ""
    try:
        run.member()
        while kind == "gzip" and not run.stopped and data[run.at : run.at + 2] == b"\x1f\x8b":  # one more member
            run.member()
    except zlib.error as error:
        problem = f"Near byte {run.at:,}: the {kind} data is broken ({_reason(error)})."
    if not (run.whole or run.stopped or problem):
        problem = f"At byte {len(data):,}: the {kind} data ends too early."
    trailing = len(data) - run.at if run.whole and not problem else 0
    return Unpacked(b"".join(run.kept), run.total, run.stopped, problem, trailing)


class _Run:
    """What was unpacked so far, over all members; `at` is where the packed data was read to."""

    def __init__(self, kind: str, data: bytes, end: float) -> None:
        self.kind = kind
        self.data = data
        self.at = 0
        self.kept: list[bytes] = []
        self.total = 0
        self.stopped = False
        self.whole = False
        self.end = end

    def member(self) -> None:
        """Unpack one stream; it is fed in pieces, for what is not consumed is copied at each step."""
        machine = zlib.decompressobj(_WINDOW[self.kind])
        self.whole = False
        while not machine.eof and not self.stopped:
            piece = machine.unconsumed_tail
            if not piece:
                piece = self.data[self.at : self.at + _PIECE]
                self.at += len(piece)
            part = machine.decompress(piece, _STEP)
            if not part and not piece:
                return
            if self.total < MOST_KEPT:
                self.kept.append(part[: MOST_KEPT - self.total])
            self.total += len(part)
            late = time.monotonic() > self.end and self.total >= MOST_KEPT
            self.stopped = not machine.eof and (late or self.total >= MOST_COUNTED)
        self.whole = machine.eof
        self.at -= len(machine.unused_data)


def _reason(error: zlib.error) -> str:
    return str(error).rpartition(": ")[2]
