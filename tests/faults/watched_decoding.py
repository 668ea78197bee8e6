"""Decodes hostile values in a process of its own and prints what that did: audit events, errors, times.

`python watched_decoding.py WHAT SEED COUNT CANARY` prints one JSON object. An audit hook cannot be taken off again, so
this is a child. WHAT is `attacks` (every hostile pickle at every place where a cache holds one; COUNT is ignored),
`mutants` (COUNT changed pickles), or `control`: the attacks are given to the real unpickler, which runs them.
"""

from __future__ import annotations

import base64
import codecs
import json
import pickle
import random
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path
from uuid import UUID

from cache_studio.decoding.decode import HINTS, decode
from cache_studio.decoding.pickled.header import pickle_header
from tests.decoding.pickled import hostile_pickles

HARMLESS = frozenset({"builtins.id", "object.__getattr__"})
"""Events of looking at an object; any other one is an import, a call, a file or a connection."""
TEXTS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "latin-1", "ascii")
OPCODES = bytes(range(0x80, 0x99)) + b"(.012FGIJKLMNPQRSTUVX]abcdeghijlopqrstu})"


def attacks(canary: str) -> Iterator[tuple[str, bytes, str]]:
    """Name, bytes and hint of each hostile pickle: as a value, packed, as a second part, and below a base64."""
    everything = {
        **hostile_pickles.attacks(canary),
        **hostile_pickles.lies(),
        **hostile_pickles.harmless(),
        **hostile_pickles.bombs(5_000),
    }
    for name, data in everything.items():
        yield f"{name} as value", data, ""
        yield f"{name} as pickle", data, "pickle"
        yield f"{name} packed", zlib.compress(data), ""
        yield f"{name} as second part", pickle.dumps(1.5) + zlib.compress(data), ""
        yield f"{name} as base64", base64.b64encode(data), ""


def headers(canary: str) -> Iterator[tuple[str, bytes]]:
    """Each attack as an expiry before a packed value, and as key, expiry, tags and namespace of a pickled entry."""
    for name, data in hostile_pickles.attacks(canary).items():
        yield f"{name} as expiry header", data + zlib.compress(pickle.dumps("value"))
        body = data.removesuffix(b".")
        body = body[2:] if body[:1] == b"\x80" else body
        for field in ("created_at", "ttl", "tags", "namespace"):
            title = b"\x8c" + bytes([len(field)]) + field.encode()
            yield f"{name} as {field}", b"\x80\x04}" + title + body + b"s."
        yield f"{name} as key", b"\x80\x04}" + body + b"Ns."


def real() -> list[bytes]:
    """Pickles as applications write them, in every protocol."""
    entry = {
        "value": {"text": "ja", "scores": [0.5, None, True], "raw": b"\x00\xff" * 20, "n": 2**70},
        "created_at": datetime(2026, 11, 20, 18, 52, tzinfo=UTC),
        "ttl": timedelta(hours=6),
        "tags": {"a", "b"},
        "more": (Decimal("1.5"), Fraction(1, 3), UUID(int=7), bytearray(b"abc"), frozenset({1}), 1 + 2j),
    }
    return [pickle.dumps(entry, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]


def mutants(seed: str, count: int, canary: str) -> Iterator[bytes]:
    """Real and hostile pickles with bytes changed, opcodes put in, pieces cut, doubled and exchanged."""
    chance = random.Random(seed)
    hostile = list(hostile_pickles.attacks(canary).values())
    hostile += [data for data in (hostile_pickles.lies() | hostile_pickles.bombs(200)).values() if len(data) < 4_000]
    sources = real() + [data for data in hostile if data]
    for _ in range(count):
        data = bytearray(chance.choice(sources))
        for _ in range(chance.randint(1, 6)):
            _change(data, chance, sources)
        yield bytes(data)


def _change(data: bytearray, chance: random.Random, sources: list[bytes]) -> None:
    at = chance.randrange(len(data) + 1)
    end = min(len(data), at + chance.randint(1, 12))
    match chance.randrange(6):
        case 0:
            data[at:end] = chance.randbytes(end - at)
        case 1:
            data[at:at] = bytes([chance.choice(OPCODES)])
        case 2:
            del data[at:end]
        case 3:
            data[at:at] = data[at:end] * chance.randint(1, 20)
        case 4:
            other = chance.choice(sources)
            start = chance.randrange(len(other))
            data[at:end] = other[start : start + chance.randint(1, 60)]
        case 5:
            data[at:end] = chance.choice((b"\xff" * 4, b"\x00" * 8, b"\x7f\xff\xff\xff", b"(" * 9, b"h\x00" * 9))


class Watch:
    """What happened while something was decoded."""

    def __init__(self) -> None:
        self.on = False
        self.events: list[str] = []
        self.errors: list[str] = []
        self.count = 0
        self.worst = (0.0, "")

    def hook(self, event: str, arguments: tuple[object, ...]) -> None:
        """The audit hook."""
        if self.on and event not in HARMLESS:
            self.events.append(f"{event} {str(arguments)[:200]}")

    def run(self, name: str, work: Callable[[], object]) -> None:
        """Do the work; everything that happens is noted."""
        began = time.process_time()
        self.on = True
        try:
            work()
        except Exception as error:  # this is what is looked for
            self.errors.append(f"{name}: {error!r}")
        self.on = False
        self.count += 1
        self.worst = max(self.worst, (time.process_time() - began, name))


def look(data: bytes, hint: str = "") -> None:
    """All that is done to a value: decoded, made into rows for the wire, and read as the head of an entry."""
    decode(data, hint).to_list()
    pickle_header(data)


def warm_up() -> None:
    """Load what our own code loads when it is first needed."""
    samples = (b"{}", b"(l.", b"\x81\xa1a\x01", zlib.compress(b"abcdefgh"), b"\x1f\x8b\x08", b"\xff\xfea\x00", *real())
    for data in samples:
        for hint in HINTS:
            decode(data, hint).to_list()
    decode(b'["\\ud800", NaN')
    for encoding in TEXTS:
        codecs.lookup(encoding)


def works(what: str, seed: str, count: int, canary: str) -> Iterator[tuple[str, Callable[[], object]]]:
    """Everything to do, by name."""
    if what == "attacks":
        yield from ((name, partial(look, data, hint)) for name, data, hint in attacks(canary))
        yield from ((name, partial(look, data)) for name, data in headers(canary))
    elif what == "mutants":
        yield from ((data[:300].hex(), partial(look, data, "pickle")) for data in mutants(seed, count, canary))
    else:
        yield from ((name, partial(pickle.loads, data)) for name, data in hostile_pickles.attacks(canary).items())


def main(what: str, seed: str, count: str, canary: str) -> None:
    """Do it and print the figures."""
    warm_up()
    watch = Watch()
    sys.addaudithook(watch.hook)
    for name, work in works(what, seed, int(count), canary):
        watch.run(name, work)
    seconds, slowest = watch.worst
    answer = {
        "count": watch.count,
        "events": watch.events[:20],
        "errors": watch.errors[:20],
        "seconds": seconds,
        "slowest": slowest,
        "ran": Path(canary).exists(),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
