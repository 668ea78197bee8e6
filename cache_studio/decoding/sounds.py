"""WAV: facts and a waveform, by the standard library's arrays alone."""

import struct
import sys
from array import array
from dataclasses import dataclass
from itertools import pairwise

from cache_studio.decoding.decoded import Audio, Decoded

PAIRS = 600
_MOST_LOOKED_AT = 4_000_000
_MOST_CHUNKS = 10_000
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_NAMES = {_PCM: "PCM", _FLOAT: "float", 6: "A-law", 7: "µ-law"}


def looks_like_wav(data: bytes) -> bool:
    """Whether the first bytes are those of a WAV."""
    return data[:4] in (b"RIFF", b"RIFX") and data[8:12] == b"WAVE"


@dataclass(slots=True)
class _Header:
    coding: int = 0
    channels: int = 0
    rate: int = 0
    bits: int = 0
    begin: int = 0
    length: int = 0


def decode_wav(data: bytes, total: int) -> Decoded:
    """The facts of a WAV. `total` is its whole length: a head is enough for the facts and the start of the waveform."""
    header = _read_header(data)
    if header is None or not header.channels or not header.rate or not header.bits:
        problem = f"At byte {min(len(data), 12):,}: the header of the WAV is broken."
        return Decoded(("wav",), audio=Audio("wav", 0, 0, 0, 0.0, (), "no facts"), problem=problem)
    frame = header.channels * ((header.bits + 7) // 8)
    # A stream of unknown length says 0 or 4 GB: what is there counts.
    length = min(header.length or total, max(0, total - header.begin))
    sound = data[header.begin : header.begin + length]
    missing = header.length > length and header.length < 0x7FFFFFFF
    return Decoded(
        ("wav",),
        audio=Audio(
            "wav",
            header.channels,
            header.rate,
            header.bits,
            length / frame / header.rate,
            _waveform(sound, header),
            _NAMES.get(header.coding, f"coding {header.coding}"),
        ),
        problem=f"At byte {total:,}: the sound ends {header.length - length:,} bytes too early." if missing else "",
    )


def _read_header(data: bytes) -> _Header | None:
    header, at = _Header(), 12
    order = ">" if data[:4] == b"RIFX" else "<"
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(data):
            break
        kind, length = struct.unpack_from(f"{order}4sI", data, at)
        at += 8
        if kind == b"fmt " and len(data) - at >= 16:
            header.coding, header.channels, header.rate, _, _, header.bits = struct.unpack_from(
                f"{order}HHIIHH", data, at
            )
            if header.coding == _EXTENSIBLE and len(data) - at >= 26:
                header.coding = struct.unpack_from(f"{order}H", data, at + 24)[0]
        elif kind == b"data":
            header.begin, header.length = at, length
            return header if order == "<" else None
        at += length + length % 2
    return None


def _waveform(sound: bytes, header: _Header) -> tuple[tuple[float, float], ...]:
    samples = _samples(sound, header)
    if not samples:
        return ()
    scale, middle = _SCALES[samples.typecode]
    step = max(1, len(samples) // _MOST_LOOKED_AT)
    pairs = min(PAIRS, len(samples))
    edges = [len(samples) * number // pairs for number in range(pairs + 1)]
    waveform = []
    for begin, end in pairwise(edges):
        part = samples[begin:end:step]
        low, high = ((sample - middle) / scale for sample in (min(part), max(part)))
        waveform.append((_bounded(low), _bounded(high)))
    return tuple(waveform)


_SCALES = {"B": (128.0, 128.0), "h": (32768.0, 0.0), "i": (2147483648.0, 0.0), "f": (1.0, 0.0), "d": (1.0, 0.0)}


def _samples(sound: bytes, header: _Header) -> "array[int] | array[float] | None":
    """All channels one after another, as numbers of the machine."""
    if header.coding == _PCM and header.bits == 24:
        upper = bytearray(len(sound) // 3 * 2)  # the lowest byte is not seen in a waveform
        whole = len(sound) // 3 * 3
        upper[::2], upper[1::2] = sound[1:whole:3], sound[2:whole:3]
        return _numbers("h", bytes(upper))
    code = {(_PCM, 8): "B", (_PCM, 16): "h", (_PCM, 32): "i", (_FLOAT, 32): "f", (_FLOAT, 64): "d"}.get(
        (header.coding, header.bits)
    )
    return _numbers(code, sound) if code else None


def _numbers(code: str, sound: bytes) -> "array[int] | array[float]":
    samples: array[int] = array(code)
    samples.frombytes(sound[: len(sound) // samples.itemsize * samples.itemsize])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _bounded(value: float) -> float:
    return max(-1.0, min(1.0, value)) if value == value else 0.0
