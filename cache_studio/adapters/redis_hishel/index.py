"""The index of hishel in Redis: where an entry stands in it, and how it leaves and comes back with its keys."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import msgpack

from cache_studio.adapters.redis_link import Link, Script
from cache_studio.adapters.redis_listing import PAGE_KEYS, Listing
from cache_studio.adapters.redis_options import bytes_of, text_of
from cache_studio.adapters.redis_removal import BATCH_BYTES, BATCH_KEYS, COMPARE_BYTES, Proven, Remover, portions
from cache_studio.adapters.redis_rights import Command
from cache_studio.adapters.redis_scripts import COMPARING
from cache_studio.model.seeing import Fate

DONE_BYTES = 4_096
ID_LETTERS = 32
_KEYS = 3
"""Of one entry."""
MOST_OTHERS = 1_000
# KEYS: those of the entry, last its index. The entry leaves the index first, as when the library removes it.
_REMOVE = (
    COMPARING
    + f"""
local last = #KEYS
if redis.call('EXISTS', unpack(KEYS, 1, last - 1)) == 0 then return -1 end
for i = 1, last - 1 do
  local seen = ARGV[2 + 2 * i]
  if proof(KEYS[i]) ~= seen or (seen ~= '' and not near(KEYS[i], tonumber(ARGV[3 + 2 * i]))) then return 0 end
end
redis.call('ZREM', KEYS[last], string.sub(KEYS[1], -{ID_LETTERS}))
return redis.call('UNLINK', unpack(KEYS, 1, last - 1))
"""
)
# The index must live as long as its longest-living entry; -1 is for ever.
_RETURN = Script(
    """
local before = redis.call('EXISTS', KEYS[1]) == 1 and redis.call('PEXPIRETIME', KEYS[1]) or -2
redis.call('ZADD', KEYS[1], 'NX', ARGV[2], ARGV[1])
local wanted = tonumber(ARGV[3])
if wanted == -1 then
  redis.call('PERSIST', KEYS[1])
elseif before == -2 or (before >= 0 and before < wanted) then
  redis.call('PEXPIREAT', KEYS[1], ARGV[3])
end
return 1
"""
)


@dataclass(frozen=True, slots=True)
class Standing:
    """An entry in the index of its URL."""

    index: bytes
    """Name of the sorted set."""
    score: bytes
    """Epoch seconds as the server writes them; "inf" is for ever."""
    until: int
    """When the server drops the index: epoch ms, -1 never."""
    others: tuple[bytes, ...] = ()
    """The other entries of the same URL (it may vary by headers) when this one was removed."""


def standings(link: Link, prefix: str, ids: Sequence[str]) -> dict[str, Standing]:
    """The entries of these ids that are served or stale; without those that are unfinished or were removed."""
    found: dict[str, Standing] = {}
    for start in range(0, len(ids), PAGE_KEYS // 2):
        part = ids[start : start + PAGE_KEYS // 2]
        names = [bytes_of(f"{prefix}stream_done:{one}") for one in part]
        done = link.bracketed([("GETRANGE", name, 0, DONE_BYTES - 1) for name in names])
        indexed = [(one, index) for one, told in zip(part, done, strict=True) if (index := _index_of(prefix, told))]
        commands = [
            words for one, index in indexed for words in (("ZSCORE", index, bytes_of(one)), ("PEXPIRETIME", index))
        ]
        answers = link.bracketed(commands)
        for at, (one, index) in enumerate(indexed):
            score, until = answers[2 * at], answers[2 * at + 1]
            if isinstance(score, bytes) and isinstance(until, int):
                found[one] = Standing(index, score, until)
    return found


def ids_at(link: Link, prefix: str, digests: Sequence[bytes]) -> list[str]:
    """The ids in the indexes of these hashes of a method and URL, a hundred of each at most."""
    commands = [("ZRANGE", bytes_of(f"{prefix}idx:") + digest, 0, 99) for digest in digests]
    answers = [answer for answer in link.bracketed(commands) if isinstance(answer, list)]
    return [text_of(cast(bytes, one)) for answer in answers for one in answer]


def with_others(link: Link, found: Mapping[str, Standing]) -> dict[str, Standing]:
    """The same with the ids that stand in the same index."""
    answers = link.bracketed([_all_of(standing) for standing in found.values()])
    return {
        one: replace(standing, others=tuple(cast(list[bytes], members)))
        for (one, standing), members in zip(found.items(), answers, strict=True)
    }


def is_replaced(link: Link, one: bytes, standing: Standing) -> bool:
    """Whether the application stored an entry of that URL since this one was removed."""
    members = link.bracketed([_all_of(standing)])[0]
    return isinstance(members, list) and bool(set(members) - {one, *standing.others})


def _all_of(standing: Standing) -> Command:
    return ("ZRANGE", standing.index, 0, MOST_OTHERS - 1)


def bring_back(link: Link, one: bytes, standing: Standing) -> None:
    """Let an entry whose keys are back be served again, until when it was before."""
    if link.rights.scripts:
        link.run_script(_RETURN, [((standing.index,), (one, standing.score, standing.until))])
    else:
        link.exchange([("ZADD", standing.index, "NX", standing.score, one)])


class IndexedRemover(Remover):
    """Removes the keys of an entry and its place in the index in one step."""

    def __init__(self, link: Link, listing: Listing, index_of: Callable[[bytes], bytes]) -> None:
        """`index_of` knows the index by the name of an entry's first key."""
        super().__init__(link, listing)
        self._remove = Script(listing.functions + _REMOVE)
        self._index_of = index_of

    def _leaving(self, names: Sequence[bytes]) -> list[Command]:
        return [("ZREM", self._index_of(names[0]), names[0][-ID_LETTERS:]), *super()._leaving(names)]

    def remove_proven(self, entries: Sequence[Proven], sizes: Sequence[int], how: str) -> list[Fate | str]:
        """The same, with the place in the index."""
        if not self._link.rights.scripts:
            return super().remove_proven(entries, sizes, how)
        settings = (self._listing.tolerance, COMPARE_BYTES, how)
        fates: list[Fate | str] = []
        for portion in portions(sizes, BATCH_BYTES, BATCH_KEYS // _KEYS):
            calls = [
                ([*names, self._index_of(names[0])], (*settings, *(part for proof in proofs for part in proof)))
                for names, proofs in (entries[place] for place in portion)
            ]
            fates += [self._fate(answer) for answer in self._link.run_script(self._remove, calls)]
        return fates


def _index_of(prefix: str, done: object) -> bytes:
    """The index that an entry's last key names, or nothing where it is not written yet."""
    try:
        _count, _deadline, _tti, key = msgpack.unpackb(cast(bytes, done))
    except (ValueError, TypeError, msgpack.UnpackException):
        return b""
    return bytes_of(f"{prefix}idx:") + key if isinstance(key, bytes) else b""
