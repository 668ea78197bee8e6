"""Changes and misses as the server announces them (keyspace notifications); nothing is switched on here."""

import time
from collections.abc import Callable
from typing import TypeAlias, cast

from redis.exceptions import RedisError, ResponseError

from cache_studio.adapters.redis_errors import explain
from cache_studio.adapters.redis_flags import FLAGS, Flags
from cache_studio.adapters.redis_options import Place, glob_of, text_of
from cache_studio.adapters.redis_own_reads import LOOKS_CHANNEL
from cache_studio.adapters.redis_stream import ChangeStream
from cache_studio.insights.misses import MISS
from cache_studio.model.errors import UnsupportedAction

Witness: TypeAlias = Callable[[str, str, float], None]
"""Told each event with its key and when it came, epoch seconds, in the order of the server."""


class KeyEvents(ChangeStream):
    """What one server announces of the keys under a prefix. Misses of our own looks are left out.

    Each transaction of a studio begins and ends with a mark on a channel; a transaction is atomic, so what is
    announced between two marks of this server is the studio's own doing, whichever process it runs in.
    """

    def __init__(
        self, place: Place, prefix: str, run_id: str = "", witness: Witness = lambda event, key, at: None
    ) -> None:
        """`run_id`: the server's own, as its marks have it; without it no look can be told from the application's."""
        self._run = run_id.encode()
        self._witness = witness
        self._looking = False
        self._early: list[list[bytes]] = []
        super().__init__(place, prefix)

    def _begin(self) -> None:
        flags = self._flags()
        if not flags.speak:
            raise UnsupportedAction("This server announces no changes.", f"Its {FLAGS} is not set.")
        self.complete = flags.tell_changes
        self.hears_misses = bool(self._run) and flags.tell_misses and self._subscribe("SUBSCRIBE", LOOKS_CHANNEL)
        # By key where that is possible: then the server sorts out what lies elsewhere.
        self._by_key = flags.by_key and (bool(self._prefix) or not flags.by_event)
        pattern = b"*" if not self._by_key else glob_of(self._prefix)
        kind = b"__keyspace@" if self._by_key else b"__keyevent@"
        channel = kind + str(self._place.db).encode() + b"__:" + pattern
        if not self._subscribe("PSUBSCRIBE", channel):
            raise UnsupportedAction("The user may not listen to what this server announces.", "It is a right by ACL.")

    def _flags(self) -> Flags:
        try:
            answer = self._send("CONFIG", "GET", FLAGS)
        except ResponseError as error:
            raise UnsupportedAction(explain(error, self._place).message) from error
        words = cast(list[bytes], answer)
        return Flags(text_of(words[1]) if len(words) > 1 else "")

    def _subscribe(self, command: str, channel: bytes) -> bool:
        """Whether the server agreed; what it tells meanwhile is kept for later."""
        try:
            message = self._send(command, channel)
            while isinstance(message, list) and message[0] != command.lower().encode():
                self._early.append(message)
                message = self._read()
        except ResponseError:
            return False
        return True

    def _send(self, *command: object) -> object:
        try:
            self._connection.send_command(*command, check_health=False)
            return self._read()
        except ResponseError:
            raise
        except (RedisError, OSError) as error:
            raise explain(error, self._place) from error

    def _read(self) -> object:
        return self._connection.read_response(disable_decoding=True)

    def _has_more(self) -> bool:
        return bool(self._early) or super()._has_more()

    def _drain(self) -> set[str] | None:
        early, self._early = self._early, []
        names = {name for message in early for name in self._names(message)}
        return names | (super()._drain() or set())

    def _names(self, message: object) -> set[str]:
        words = cast(list[bytes], message)
        if words[0] == b"message":
            if words[2].startswith(self._run):
                self._looking = words[2].endswith(b"+")
            return set()
        if words[0] != b"pmessage":
            return set()
        about = words[2].partition(b"__:")[2]
        key, event = (about, words[3]) if self._by_key else (words[3], about)
        name, what = text_of(key), text_of(event)
        if not name.startswith(self._prefix):
            return set()
        if what != MISS or (self.hears_misses and not self._looking):
            self._witness(what, name, time.time())
        return set() if what == MISS else {name}
