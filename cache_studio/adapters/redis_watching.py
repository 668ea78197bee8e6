"""Comparing keys before something is done to them, between WATCH and EXEC: where scripts are not allowed."""

import hashlib
from collections.abc import Sequence
from typing import cast

from redis.exceptions import WatchError

from cache_studio.adapters.redis_errors import explain
from cache_studio.adapters.redis_link import Link
from cache_studio.adapters.redis_listing import Listing
from cache_studio.adapters.redis_options import text_of
from cache_studio.adapters.redis_rights import Command
from cache_studio.model.seeing import Fate


class Watching:
    """Looks at keys over one link and does what depends on it. `how`: "equal" is content, "seen" type and memory."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing

    def do_if_same(
        self, names: list[bytes], proofs: Sequence[tuple[str, int]], how: str, commands: Sequence[Command]
    ) -> Fate | str:
        """Run the commands if each key still has its proof and expiry ("" where it was not there); REMOVED if so."""
        now = self.look(names, how)
        if not any(proof for proof, _expiry in now):
            self._link.exchange([("UNWATCH",)])
            return Fate.GONE
        tolerance = self._listing.tolerance
        for (proof, expiry), (seen, seen_expiry) in zip(now, proofs, strict=True):
            if proof != seen or (seen and abs(expiry - seen_expiry) > tolerance):
                self._link.exchange([("UNWATCH",)])
                return Fate.CHANGED
        answer = self._link.exchange([("MULTI",), *commands, ("EXEC",)])[-1]
        if isinstance(answer, Exception) and not isinstance(answer, WatchError):
            return explain(answer, self._link.place).message
        return Fate.REMOVED if isinstance(answer, list) else Fate.CHANGED

    def look(self, names: Sequence[bytes], how: str) -> list[tuple[str, int]]:
        """Proof and expiry of each key; what follows in MULTI and EXEC is done only if none of them changes meanwhile.

        Between WATCH and EXEC there is no room for a bracket; what these looks count is known: two for each key.
        """
        self._link.exchange([("WATCH", *names)])
        expiry = self._listing.expiry_command
        asked = [("DUMP",)] if how == "equal" else [("TYPE",), ("MEMORY", "USAGE")]
        commands: list[Command] = [(*words, name) for name in names for words in (*asked, (expiry,))]
        clock = self._listing.clock_commands
        answers = self._link.exchange([*clock, *commands])
        now_ms = self._listing.read_now(answers)
        width, told = len(asked) + 1, []
        for start in range(len(clock), len(answers), width):
            looked = answers[start : start + width]
            told.append((_proof(looked[:-1]), self._listing.absolute(looked[-1], now_ms)))
        there = sum(bool(proof) for proof, _expiry in told)
        self._link.looked_up(2 * there, 2 * (len(told) - there))
        return told


def _proof(looked: Sequence[object]) -> str:
    if len(looked) == 1:
        return hashlib.sha1(looked[0], usedforsecurity=False).hexdigest() if isinstance(looked[0], bytes) else ""
    kind, size = looked
    return "" if kind == b"none" else f"{text_of(cast(bytes, kind))}:{size if isinstance(size, int) else -1}"
