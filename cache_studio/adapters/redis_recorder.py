"""The recorder in Redis: one hash a process, and one that names them and holds what ended processes counted.

All lie beside the entries (`recording.places`) and live for a day after the last write. A hash of a process
has its counts (`recording.counts`); the one called "whole" has those of ended processes, the epoch, and a field
`process|name` for each hash that counts: pid, its begin, machine, and when it wrote last.
"""

import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from redis.exceptions import NoScriptError

from cache_studio.adapters.redis_calls import Command, unavailable
from cache_studio.adapters.redis_cluster_calls import open_calls
from cache_studio.adapters.redis_link import Script
from cache_studio.adapters.redis_options import Place, bytes_of, text_of
from cache_studio.recording.counts import Tally, from_fields, to_fields
from cache_studio.recording.places import redis_recorder_prefix
from cache_studio.recording.processes import Mark, is_alive, own_mark
from cache_studio.recording.reader import Recorded, combine

if TYPE_CHECKING:
    from cache_studio.adapters.redis_link import Link

DAY_MS = 86_400_000
"""How long a recorder stays after the last write."""
TIDY_SECONDS = 3_600.0
"""How often a process that counts nothing writes all the same, and looks for ended ones."""
ENDED_SECONDS = 4 * TIDY_SECONDS
"""A process that wrote nothing for so long has ended, or will find that its counts were folded."""
LONGEST_WAIT = 1.0
"""Seconds: an application that ends does not wait longer for a server that hangs."""
_TRIES = 10
_WHOLE, _EPOCH, _PROCESS = "whole", "epoch", "process|"
# Nothing that looks a key up for reading: that would count in the server's own hits and misses.
_UPDATE = Script("""\
if redis.call('PEXPIRE', KEYS[1], ARGV[1]) == 0 or redis.call('PEXPIRE', KEYS[2], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
return 1
""")


class RecorderHash:
    """The hash of this process in one recorder. Not for two threads at once; connects when it first writes."""

    def __init__(self, place: Place, prefix: str, now: float) -> None:
        """Prepare; `prefix` is that of the entries, `now` when the counting began (epoch seconds)."""
        self._calls = open_calls(replace(place, timeout=min(place.timeout, LONGEST_WAIT)), most=1)
        self._head = recorder_head(prefix, place)
        self._started_at = now
        self._written = Tally()
        self._begin()

    def write(self, tally: Tally, now: float) -> None:
        """Write all that was counted since the beginning; CacheUnavailable where it cannot, to be tried again."""
        if self._joined and not self._wrote(tally, now):
            self._begin()  # folded by somebody, or gone with the server's data: only what is new counts here
        if not self._joined:
            self._join(tally, now)
        self._written = tally
        if now - self._tidied > TIDY_SECONDS:
            self._tidy(now)

    def leave(self) -> None:
        """Hand the counts over to the hash of ended processes."""
        if self._joined:
            self._fold(self._name)
            self._begin()

    def close(self) -> None:
        """Let go of the connection."""
        self._calls.close()

    def _begin(self) -> None:
        self._name = secrets.token_hex(8)
        self._joined = False
        self._tidied = 0.0
        self._earlier = self._written

    def _wrote(self, tally: Tally, now: float) -> bool:
        keys = (self._key(self._name), self._key(_WHOLE))
        arguments = (DAY_MS, *self._presence(now), *_flat(self._counts(tally)))
        answer = self._calls.exchange([_UPDATE.by_name(keys, arguments)])[0]
        if isinstance(answer, NoScriptError):
            answer = self._calls.exchange([_UPDATE.in_full(keys, arguments)])[0]
        if isinstance(answer, Exception):
            raise unavailable(answer, self._calls.place) from answer
        return bool(answer)

    def _join(self, tally: Tally, now: float) -> None:
        own, whole = self._key(self._name), self._key(_WHOLE)
        self._calls.together(
            [
                ("HSETNX", whole, "started_at", repr(now)),
                ("HSETNX", whole, _EPOCH, secrets.token_hex(8)),
                ("HSET", whole, *self._presence(now)),
                ("PEXPIRE", whole, DAY_MS),
                ("HSET", own, *_flat(self._counts(tally))),
                ("PEXPIRE", own, DAY_MS),
            ]
        )
        self._joined = True

    def _presence(self, now: float) -> tuple[str, str]:
        return _PROCESS + self._name, _mark_text(own_mark(), now)

    def _counts(self, tally: Tally) -> dict[bytes, bytes]:
        return _encoded(to_fields(tally.without(self._earlier), self._started_at))

    def _tidy(self, now: float) -> None:
        """Fold what ended processes counted before their hashes expire."""
        whole = _fields(self._calls.answers([("HGETALL", self._key(_WHOLE))])[0])
        for name, (mark, wrote_at) in _processes(whole).items():
            if name != self._name and not _counts_on(mark, wrote_at, now):
                self._fold(name)
        self._tidied = now

    def _fold(self, name: str) -> None:
        own, whole = self._key(name), self._key(_WHOLE)
        with self._calls.line(whole) as exchange:
            for _ in range(_TRIES):
                watching, *told = exchange([("WATCH", own, whole), ("HGETALL", whole), ("HGETALL", own)])
                if isinstance(watching, Exception):
                    raise unavailable(watching, self._calls.place) from watching
                base, part = map(_fields, told)
                if _PROCESS + name not in base:
                    exchange([("UNWATCH",)])
                    return
                folding: list[Command] = [
                    ("HDEL", whole, _PROCESS + name),
                    ("HSET", whole, *_flat(_encoded(_folded(base, part)))),
                    ("DEL", own),
                ]
                done = exchange([("MULTI",), *folding, ("EXEC",)])[-1]
                if isinstance(done, Exception):
                    raise unavailable(done, self._calls.place) from done
                if done is not None:  # else somebody wrote meanwhile: look again
                    return

    def _key(self, name: str) -> bytes:
        return bytes_of(self._head + name)


def recorder_head(prefix: str, place: Place) -> str:
    """What the names of all its hashes begin with; on a cluster they share a slot: `app:recorder:{cache}:`."""
    head = redis_recorder_prefix(prefix)
    if not place.is_cluster or "{" in head:
        return head
    root, last = head.rstrip(":").rpartition(":")[::2]
    return f"{root}:{{{last}}}:"


def read_recorder(link: "Link", prefix: str, now: float) -> Recorded | None:
    """What all processes counted for the entries below `prefix`; None where nothing is recorded or may be read."""
    head = recorder_head(prefix, link.place)
    names: list[str] = []
    for _ in range(_TRIES):
        answers = link.bracketed([("HGETALL", bytes_of(head + name)) for name in (_WHOLE, *names)])
        whole, *parts = map(_fields, answers)
        if _EPOCH not in whole:
            return None
        processes = _processes(whole)
        if sorted(processes) == names:
            return _recorded(whole, dict(zip(names, parts, strict=True)), now)
        names = sorted(processes)
    return None


def _recorded(whole: Mapping[str, str], parts: Mapping[str, Mapping[str, str]], now: float) -> Recorded:
    base, started_at = from_fields(whole)
    tallies, alive = [base], []
    for name, (mark, wrote_at) in _processes(whole).items():
        tally, _ = from_fields(parts[name])
        if _counts_on(mark, wrote_at, now):
            alive.append(mark.pid)
            tallies.append(tally)
        else:
            tallies.append(_lasting(tally))
    # A hash that is named and gone took its counts along: no difference across that is true.
    lost = [name for name, part in parts.items() if not part]
    return combine(tallies, started_at or now, "-".join((whole[_EPOCH], *lost)), tuple(sorted(alive)))


def _folded(base: Mapping[str, str], part: Mapping[str, str]) -> dict[str, str]:
    tally, started_at = from_fields(base)
    if not part:
        return {_EPOCH: secrets.token_hex(8)}
    tally.add(_lasting(from_fields(part)[0]))
    return to_fields(tally, started_at or time.time())


def _lasting(tally: Tally) -> Tally:
    """What stays true of a process that has ended."""
    return Tally(tally.rows, {level: fill for level, fill in tally.fills.items() if fill.shared})


def _counts_on(mark: Mark, wrote_at: float, now: float) -> bool:
    return now - wrote_at < ENDED_SECONDS and is_alive(mark, wrote_at, now)


def _mark_text(mark: Mark, now: float) -> str:
    return f"{mark.pid} {mark.began} {mark.machine} {now!r}"


def _processes(whole: Mapping[str, str]) -> dict[str, tuple[Mark, float]]:
    """The processes that are named, with the time of their last write; what cannot be read counts as ended."""
    found = {}
    for field, text in whole.items():
        if field.startswith(_PROCESS):
            mark, wrote_at = Mark(0, 0, 0), 0.0
            with suppress(ValueError):
                *numbers, written = text.split(" ")
                mark, wrote_at = Mark(*map(int, numbers[:3])), float(written)
            found[field.removeprefix(_PROCESS)] = (mark, wrote_at)
    return found


def _fields(answer: object) -> dict[str, str]:
    # The answer to HGETALL on the bare connection: names and values in turn, or an error.
    if not isinstance(answer, list):
        return {}
    words = cast(list[bytes], answer)
    return _decoded(dict(zip(words[::2], words[1::2], strict=True)))


def _decoded(fields: Mapping[bytes, bytes]) -> dict[str, str]:
    return {text_of(name): text_of(value) for name, value in fields.items()}


def _encoded(fields: Mapping[str, str]) -> dict[bytes, bytes]:
    return {bytes_of(name): bytes_of(value) for name, value in fields.items()}


def _flat(fields: Mapping[bytes, bytes]) -> list[bytes]:
    return [word for field in fields.items() for word in field]
