"""How an attached Redis is followed: announced changes and misses, else client tracking, else polling; what it told.

The adapter's thread asks and reads figures; whoever iterates the stream tells events from a thread of its own.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import cast

from cache_studio.adapters.redis_cluster import ClusterLink
from cache_studio.adapters.redis_cluster_events import ClusterEvents
from cache_studio.adapters.redis_events import KeyEvents
from cache_studio.adapters.redis_flags import FLAGS, Flags, by_hand
from cache_studio.adapters.redis_link import Link
from cache_studio.adapters.redis_listing import NEVER, Described
from cache_studio.adapters.redis_options import text_of
from cache_studio.adapters.redis_server_link import ServerLink
from cache_studio.adapters.redis_stream import ChangeStream
from cache_studio.adapters.redis_tracked_changes import TrackedChanges, can_track
from cache_studio.insights.misses import MissLedger
from cache_studio.model.errors import UnsupportedAction
from cache_studio.model.times import format_iso

ANNOUNCED, TRACKED, POLLED = "announced", "tracked", "polled"
"""How changes come, as `details` say it."""
_KEYS = 10
_REMOVED = {"expired_keys": "server_expired_per_second", "evicted_keys": "server_evicted_per_second"}
"""Counters of INFO -> figures of `details`."""
_RATE_SECONDS = 1.0
"""A rate is taken over so long at least."""


def servers_of(link: Link) -> list[ServerLink]:
    """The server behind a link, or the nodes of a cluster that can be reached."""
    return list(link.nodes()) if isinstance(link, ClusterLink) else [cast(ServerLink, link)]


class Live:
    """Following what lies behind one link, under one prefix."""

    def __init__(self, link: Link, prefix: str, is_looked_up: Callable[[str], bool] = lambda key: True) -> None:
        """`is_looked_up`: whether the misses of a key are those of an entry."""
        self._link = link
        self._prefix = prefix
        self._is_looked_up = is_looked_up
        self._flags = self._asked_flags()
        self._tracks = all(can_track(server) for server in servers_of(link))
        self._lock = Lock()
        self._ledger: MissLedger | None = None
        self._stream: ChangeStream | ClusterEvents | None = None
        self._way = POLLED
        self._complete = self._told_misses = False
        self._removed: _Removed | None = None
        self._rates: tuple[float | None, float | None] = (None, None)

    @property
    def heard(self) -> int:
        """How many events were heard; `learn` wants it."""
        with self._lock:
            return self._ledger.heard if self._ledger is not None else 0

    def check(self) -> None:
        """Ask anew what is announced; a stream that rests on less, or hears less than it could now, is ended."""
        self._flags = flags = self._asked_flags()
        if self._stream is None or flags is None:
            return
        hears = self._stream.hears_misses
        if self._way == ANNOUNCED:
            as_before = flags.speak and flags.tell_changes >= self._complete and flags.tell_misses >= hears
            as_could_be = self._told_misses or not (flags.tell_misses and self._may_mark())
            if not (as_before and as_could_be):
                self.renew()
        elif flags.tell_changes:
            self.renew()

    def renew(self) -> None:
        """End the stream: whoever iterates it asks for another."""
        if self._stream is not None:
            self._stream.stop()

    def why_silent(self) -> str:
        """Why nothing tells of changes, and what would help; "" where something does."""
        if self._tracks or (self._flags is not None and self._flags.speak):
            return ""
        return f"This server tells nothing of changes; it is asked from time to time. {self._by_hand()}"

    def stream(self) -> ChangeStream | ClusterEvents | None:
        """Subscribe in the best way there is; None: there is none."""
        self._stream, self._way, flags = None, POLLED, self._flags
        if flags is not None and (flags.tell_changes or (flags.speak and not self._tracks)):
            self._stream = self._joined(self._announced)
            self._way, self._complete, self._told_misses = ANNOUNCED, flags.tell_changes, flags.tell_misses
            if self._stream.hears_misses:
                self._begin_ledger()
        elif self._tracks:
            self._stream = self._joined(lambda server: TrackedChanges(server.place, self._prefix))
            self._way = TRACKED
        return self._stream

    def _joined(self, subscribe: Callable[[ServerLink], ChangeStream]) -> ChangeStream | ClusterEvents:
        streams: list[ChangeStream] = []
        try:
            for server in servers_of(self._link):
                streams.append(subscribe(server))
        except BaseException:
            for stream in streams:
                stream.close()
            raise
        return ClusterEvents(streams) if isinstance(self._link, ClusterLink) else streams[0]

    def _announced(self, server: ServerLink) -> ChangeStream:
        run = server.facts.get("run_id", "") if _marks(server) else ""
        return KeyEvents(server.place, self._prefix, run, self._witness)

    def learn(self, found: Described, as_of: int) -> None:
        """Keys that were seen there, by a look that began after `as_of` events were heard."""
        with self._lock:
            if self._ledger is None:
                return
            for name, kind, expiry in zip(found.names, found.kinds, found.expiries, strict=True):
                if kind not in ("none", "?"):
                    expires = expiry / 1000 if expiry >= 0 else float("inf") if expiry == NEVER else float("nan")
                    self._ledger.learn(name, expires, as_of)

    def details(self, stats: Mapping[str, str]) -> dict[str, object]:
        """How changes come, the misses that were heard, what the server removes a second (from INFO stats)."""
        hears = self._stream is not None and self._stream.hears_misses
        note = "" if hears else f"Misses are not announced. {self._by_hand()}"
        live = {"changes": self._way, "misses": hears, "note": note}
        return {"live": live, **self._removed_a_second(stats), "misses": self._misses()}

    # Announcing.

    def announcing(self) -> tuple[str, str]:
        """What the server's setting is now, and what it has to be; UnsupportedAction where it may not be asked."""
        self._flags = self._asked_flags()
        if self._flags is None:
            raise UnsupportedAction("The settings of this server may not be asked.", self._by_hand())
        return self._flags.text, self._flags.completed().text

    def announce(self, before: str, after: str) -> bool:
        """Change the setting to `after` where it still means `before`; whether it does so now."""
        flags = self._asked_flags()
        if flags is None or flags.letters not in (Flags(before).letters, Flags(after).letters):
            return False
        if flags.letters != Flags(after).letters:
            for server in servers_of(self._link):
                if isinstance(server.exchange([("CONFIG", "SET", FLAGS, after)])[0], Exception):
                    raise UnsupportedAction("This user may not change the settings of this server.", self._by_hand())
        self._flags = self._asked_flags()
        self.renew()
        return True

    def _asked_flags(self) -> Flags | None:
        """What all servers announce; None where it may not be asked."""
        found = []
        for server in servers_of(self._link):
            answer = server.exchange([("CONFIG", "GET", FLAGS)])[0]
            if not isinstance(answer, list) or len(answer) < 2:
                return None
            found.append(Flags(text_of(answer[1])))
        shared = found[0].letters.intersection(*(flags.letters for flags in found))
        return found[0] if shared == found[0].letters else Flags("".join(sorted(shared)))

    def _by_hand(self) -> str:
        if self._flags is not None and self._flags.tell_misses and self._may_mark():
            return "The server announces them now; they are heard in a moment."
        if self._flags is not None and self._flags.tell_misses:
            return "The user of this connection may not mark its own looks (PUBLISH, INFO and MULTI)."
        return f"An administrator may enter: {by_hand(self._flags)}"

    def _may_mark(self) -> bool:
        return all(_marks(server) for server in servers_of(self._link))

    # Misses.

    def _begin_ledger(self) -> None:
        with self._lock:
            if self._ledger is None:
                self._ledger = MissLedger(time.time())
            else:
                self._ledger.gap()

    def _witness(self, event: str, key: str, at: float) -> None:
        if self._is_looked_up(key):
            with self._lock:
                if self._ledger is not None:
                    self._ledger.hear(event, key, at)

    def _misses(self) -> dict[str, object] | None:
        with self._lock:
            if self._ledger is None:
                return None
            found = self._ledger.figures(_KEYS)
        return {
            "since": format_iso(found.since),
            "count": found.misses,
            "reasons": {reason.value: count for reason, count in found.by_reason.items()},
            "seconds_per_miss": found.seconds_per_miss,
            "fills": found.fills,
            "keys": [{"key": row.key, "misses": row.misses, "reason": row.reason.value} for row in found.keys],
        }

    def _removed_a_second(self, stats: Mapping[str, str]) -> dict[str, object]:
        counts = [stats.get(name, "") for name in _REMOVED]
        if all(count.isdecimal() for count in counts):
            now = _Removed(time.monotonic(), self._link.facts.get("run_id", ""), *map(int, counts))
            if self._removed is None or not self._removed.goes_on_in(now):
                self._removed, self._rates = now, (None, None)
            elif now.at - self._removed.at >= _RATE_SECONDS:
                self._rates = now.since(self._removed)
                self._removed = now
        return dict(zip(_REMOVED.values(), self._rates, strict=True))


@dataclass(frozen=True, slots=True)
class _Removed:
    """What a server had removed by itself at one moment."""

    at: float
    run: str
    expired: int
    evicted: int

    def goes_on_in(self, later: "_Removed") -> bool:
        return self.run == later.run and self.expired <= later.expired and self.evicted <= later.evicted

    def since(self, before: "_Removed") -> tuple[float, float]:
        seconds = self.at - before.at
        return (self.expired - before.expired) / seconds, (self.evicted - before.evicted) / seconds


def _marks(server: ServerLink) -> bool:
    """Whether our own looks can be told from the application's."""
    return server.marks and server.rights.brackets
