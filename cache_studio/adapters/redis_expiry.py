"""Changing the moment at which the server drops keys, only while they are the ones that were seen."""

import math
from collections.abc import Mapping, Sequence

from cache_studio.adapters.base import SetsExpiry
from cache_studio.adapters.redis_adapter import RedisAdapter
from cache_studio.adapters.redis_columns import seconds_of
from cache_studio.adapters.redis_errors import explain
from cache_studio.adapters.redis_link import Link, Script
from cache_studio.adapters.redis_listing import NEVER, PAGE_KEYS, Described
from cache_studio.adapters.redis_options import bytes_of
from cache_studio.adapters.redis_removal import BATCH_KEYS
from cache_studio.adapters.redis_rights import Command
from cache_studio.adapters.redis_scripts import EXPIRE
from cache_studio.model.capabilities import Ability
from cache_studio.model.identity import EntryId
from cache_studio.model.options import OptionValue
from cache_studio.model.seeing import Fate, Renewal, Renewed, Seen

PASSED = "That moment has passed: Redis would drop it at once. Remove it instead."
_NO_MOMENT = "That is no moment."
_LATEST_MS = 1 << 52
"""Later moments are no whole milliseconds in a script."""
_RENEWED = {Fate.GONE: Renewed.GONE, Fate.CHANGED: Renewed.CHANGED}


class RedisExpiryAdapter(RedisAdapter, SetsExpiry):
    """A cache whose entries end when the server drops their keys: PEXPIREAT and PERSIST, compared in a script."""

    def __init__(self, link: Link, options: Mapping[str, OptionValue], *, writable: bool) -> None:
        """Take over an open link."""
        super().__init__(link, options, writable=writable)
        self._expire = Script(self._listing.functions + EXPIRE)

    def set_expiry(self, entries: Sequence[Seen], expires: Sequence[float]) -> list[Renewal]:
        """Give the keys of each entry a new end, all of them together; never one that has passed."""
        self.capabilities.require(Ability.SET_EXPIRY)
        answers: dict[int, Renewal] = {}
        calls: list[tuple[int, int, Described]] = []
        with self._link.call():
            found = self._described([seen.id for seen in entries])
            now_ms = self._listing.read_now(self._link.exchange(self._listing.clock_commands))
            for at, (seen, moment, now) in enumerate(zip(entries, expires, found, strict=True)):
                wanted = _milliseconds(moment)
                if (fate := self._first_look(seen, now)) is not None:
                    answers[at] = _refused(seen.id, fate)
                elif wanted is None:
                    answers[at] = Renewal(seen.id, Renewed.FAILED, reason=_NO_MOMENT)
                elif wanted != NEVER and wanted <= now_ms:
                    answers[at] = Renewal(seen.id, Renewed.FAILED, reason=PASSED)
                else:
                    calls.append((at, wanted, now))
            for start in range(0, len(calls), BATCH_KEYS):
                part = calls[start : start + BATCH_KEYS]
                for (at, wanted, _now), answer in zip(part, self._run(part), strict=True):
                    answers[at] = self._answered(entries[at].id, wanted, answer)
        return [answers[at] for at in range(len(entries))]

    def _run(self, calls: Sequence[tuple[int, int, Described]]) -> list[object]:
        if not self._link.rights.scripts:
            return [self._remover.do_if_seen(now, _setting(wanted, now)) for _at, wanted, now in calls]
        told = []
        for _at, wanted, now in calls:
            proofs = [
                part
                for kind, size, expiry in zip(now.kinds, now.sizes, now.expiries, strict=True)
                for part in ("" if kind == "none" else f"{kind}:{size}", expiry)
            ]
            names = [bytes_of(name) for name in now.names]
            told.append((names, (self._listing.tolerance, 0, "seen", wanted, *proofs)))
        pages = [told[start : start + PAGE_KEYS] for start in range(0, len(told), PAGE_KEYS)]
        return [answer for page in pages for answer in self._link.run_script(self._expire, page)]

    def _answered(self, entry_id: EntryId, wanted: int, answer: object) -> Renewal:
        if isinstance(answer, Exception):
            return Renewal(entry_id, Renewed.FAILED, reason=explain(answer, self._link.place).message)
        if isinstance(answer, str) and answer != Fate.REMOVED:
            return _refused(entry_id, answer)
        if answer not in (1, Fate.REMOVED):
            return _refused(entry_id, Fate.GONE if answer == -1 else Fate.CHANGED)
        return Renewal(entry_id, Renewed.SET, float(seconds_of([wanted])[0]))


def _setting(wanted: int, now: Described) -> list[Command]:
    there = [bytes_of(name) for name, kind in zip(now.names, now.kinds, strict=True) if kind != "none"]
    return [("PERSIST", name) if wanted == NEVER else ("PEXPIREAT", name, wanted) for name in there]


def _milliseconds(moment: float) -> int | None:
    if moment == math.inf:
        return NEVER
    return None if math.isnan(moment) or abs(moment) * 1000 >= _LATEST_MS else round(moment * 1000)


def _refused(entry_id: EntryId, fate: Fate | str) -> Renewal:
    if isinstance(fate, Fate):
        return Renewal(entry_id, _RENEWED.get(fate, Renewed.FAILED))
    return Renewal(entry_id, Renewed.FAILED, reason=fate)
