"""Functions that the isolation tests run in a child; reached by the prefix the tests start it with."""

import gc
import os
import time
from collections.abc import Iterator

from cache_studio import heap
from cache_studio.model.errors import EntryNotFound


def echo(value: object) -> object:
    return value


def process_id() -> int:
    return os.getpid()


def rarely_looks_for_rings() -> bool:
    return gc.get_threshold() == heap.COLLECT_AFTER and gc.get_freeze_count() > 0


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def hold(megabytes: int) -> int:
    return len(bytearray(megabytes * 1_000_000))


def spin() -> None:
    while True:
        pass


def chatter(text: str) -> str:
    print(text)
    os.write(1, b"raw")
    return text


def refuse(message: str, hint: str) -> None:
    raise EntryNotFound(message, hint)


def fail() -> None:
    raise KeyError("our own mistake")


def die(status: int) -> None:
    os._exit(status)


def count(up_to: int) -> Iterator[int]:
    yield from range(up_to)


def count_then_sleep() -> Iterator[int]:
    yield os.getpid()
    time.sleep(60)


def count_then_refuse() -> Iterator[int]:
    yield 1
    raise EntryNotFound("gone", "")
