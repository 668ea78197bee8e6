"""Five small applications in one process, each with its cache: the demo's workload. Runs in a child.

Each looks keys up with a few favourites and many rare ones, stores what it misses, and lets entries
expire, so that every figure of the studio moves within seconds.
"""

import hashlib
import itertools
import math
import random
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cache_studio.runtime.cache import Cache
from cache_studio.runtime.serializers import Raw
from cache_studio.services.demo import PREFIX

TURN = 0.05
"""Seconds between two turns of the workload; in each every application does one lookup or two."""
FIRST = 12
"""Lookups of each application before the demo says that it is ready."""
WARM_UP = 60
"""Turns without a pause after that, so that there is soon something to see."""
WORDS = (
    "river", "stone", "quiet", "copper", "morning", "letter", "garden", "signal", "bridge", "violet", "engine",
    "harbour", "paper", "winter",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """What an application asks its cache for, and what it stores when it misses."""

    key: str
    make: Callable[[], Any]
    namespace: str = ""
    ttl: float | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Application:
    """One of the applications: its cache and what it asks next."""

    cache: Cache
    request: Callable[[random.Random], Request]

    def work(self, chance: random.Random) -> None:
        """One lookup, and on a miss one `put`."""
        wanted = self.request(chance)
        if self.cache.get(wanted.key, namespace=wanted.namespace) is None:
            self.cache.put(
                wanted.key,
                wanted.make(),
                ttl=wanted.ttl,
                tags=wanted.tags,
                namespace=wanted.namespace,
                metadata=wanted.metadata,
            )


def run(folder: str, redis_url: str, seed: int) -> Iterator[str]:
    """Work until the reader goes away; yields "ready" once every cache holds something, then a beat now and then."""
    chance = random.Random(seed)
    applications = list(_applications(Path(folder), redis_url))
    try:
        for application in applications:
            for _ in range(FIRST):
                application.work(chance)
            application.cache.flush()
        yield "ready"
        for turn in itertools.count():
            began = time.monotonic()
            for application in applications:
                for _ in range(chance.choice((1, 1, 2))):
                    application.work(chance)
            yield "beat"
            if turn > WARM_UP:
                time.sleep(max(0.0, TURN - (time.monotonic() - began)))
    finally:
        for application in applications:
            application.cache.close()


def _applications(folder: Path, redis_url: str) -> Iterator[Application]:
    yield Application(
        Cache(f"json-directory:{folder}/image comparisons/cache?ttl=10m", ttl=600, capacity=600, memory=100),
        _comparison,
    )
    yield Application(
        Cache(f"json-file:{folder}/AI responses/ai_responses.json?ttl=10m", ttl=600, capacity=100), _answer
    )
    operations = f"multi-level:{folder}/AI operations"
    yield Application(Cache(operations, ttl=14_400, capacity=800, memory=60, compressed=200), _operation)
    yield Application(Cache(f"asset-cache:{folder}/media assets?ttl=12h", capacity=300, serializer=Raw()), _asset)
    if redis_url:
        yield Application(Cache(f"{redis_url}?format=redis-response&prefix={PREFIX}", ttl=300), _response)


def _favourite(chance: random.Random, most: int) -> int:
    """A number below `most`, small ones far more often (Zipf-like)."""
    return min(most - 1, int(math.exp(chance.random() * math.log(most))) - 1)


def _digest(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


def _sentence(number: int, words: int) -> str:
    source = random.Random(number)
    return " ".join(source.choice(WORDS) for _ in range(words)).capitalize() + "."


def _comparison(chance: random.Random) -> Request:
    number = _favourite(chance, 1200)

    def make() -> dict[str, object]:
        changed = number * 37 % 4000
        return {
            "before_path": f"shots/{number:04d}/before.png",
            "after_path": f"shots/{number:04d}/after.png",
            "threshold": 5,
            "changed_pixels": changed,
            "total_pixels": 921_600,
            "changed_percentage": round(changed / 9216, 3),
            "passed": changed < 2000,
            "failure_reason": None if changed < 2000 else "too many pixels changed",
            "intended_changes": [{"description": _sentence(number, 4), "bbox": [4, 8, 120, 60], "confidence": 0.92}],
            "unintended_changes": [],
        }

    return Request(_digest("comparison", number), make)


def _answer(chance: random.Random) -> Request:
    number = _favourite(chance, 260)
    return Request(_digest("model-large", "prompt", number), lambda: _sentence(number, 40))


OPERATIONS = {
    "summarize": 14_400.0,
    "extract": 28_800.0,
    "analyze": 21_600.0,
    "translate": 86_400.0,
    "classify": 43_200.0,
}
"""Operation to TTL in seconds, as systems.md has them for S3."""
SHORT_LIVED = 0.25
"""The share of entries that get a TTL of seconds, so that something expires before one's eyes."""


def _ttl(chance: random.Random, usual: float) -> float:
    return chance.uniform(8, 90) if chance.random() < SHORT_LIVED else usual * chance.uniform(0.3, 1.0)


def _operation(chance: random.Random) -> Request:
    operation = chance.choice(tuple(OPERATIONS))
    number = _favourite(chance, 700)
    model = chance.choice(("model:small", "model:large"))
    return Request(
        key=f"{operation}:{_digest(operation, number)[:32]}",
        make=lambda: {"operation": operation, "result": _sentence(number, 20), "confidence": 0.5 + number % 50 / 100},
        namespace="ai_operations" if operation != "translate" else "translations",
        ttl=_ttl(chance, OPERATIONS[operation]),
        tags=(operation, model),
    )


def _asset(chance: random.Random) -> Request:
    number = _favourite(chance, 500)
    kind = chance.choice(("image", "tts", "tts"))
    text = _sentence(number, 8)
    return Request(
        key=_digest(kind, text),
        make=(lambda: _picture(number)) if kind == "image" else (lambda: _sound(number)),
        namespace=kind,
        metadata={"prompt_text": text, "engine": "demo", "tags": [chance.choice(("en", "de", "fr"))]},
    )


def _response(chance: random.Random) -> Request:
    number = _favourite(chance, 900)
    provider = ("north", "south", "west")[number % 3]
    request = _digest("request", number)
    return Request(
        key=request,
        make=lambda: {
            "content": _sentence(number, 60),
            "request_id": request[:12],
            "provider_used": provider,
            "processing_time_ms": 200 + number % 900,
            "cost_usd": round(0.0004 * (1 + number % 9), 6),
        },
        ttl=_ttl(chance, 3600),
        metadata={"request_id": request[:12], "provider_used": provider},
    )


def _picture(number: int) -> bytes:
    """A PNG of 48 x 48 with a gradient of its own colour (RGB, one filter byte a row)."""
    red, green, blue = (number * factor % 200 for factor in (53, 97, 151))
    rows = b"".join(
        b"\x00" + b"".join(bytes(((red + x) % 256, (green + y) % 256, blue)) for x in range(48)) for y in range(48)
    )
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", 48, 48, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _sound(number: int) -> bytes:
    """A WAV of a quarter of a second: a tone that fades, 8 kHz, 16 bit, mono."""
    pitch = 220 + number * 7 % 660
    samples = [int(12_000 * math.sin(math.tau * pitch * at / 8000) * (1 - at / 2000)) for at in range(2000)]
    data = struct.pack(f"<{len(samples)}h", *samples)
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + len(data),
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        8000,
        16_000,
        2,
        16,
        b"data",
        len(data),
    )
    return header + data
