"""Key names and what the server knows of them, page by page, without touching what the server ranks keys by.

Type, expiry and memory are asked, not the length: asking for a length resets the access time of the key
on servers before 7.2 and so changes what they evict; `MEMORY USAGE` neither counts nor touches, and costs
the same. A page is one script call (its answer one packed string), or plain commands where scripts are
not allowed.
"""

import re
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import cast

import msgpack
from redis.exceptions import AskError

from cache_studio.adapters.base import Reaches
from cache_studio.adapters.redis_errors import explain
from cache_studio.adapters.redis_link import Link, Script, one_argument
from cache_studio.adapters.redis_options import bytes_of, glob_of, text_of
from cache_studio.model.columns import Reach

PAGE_KEYS = 200
"""Keys of one page; about 1 ms of the server's time."""
SAMPLES = 5
"""Elements that MEMORY USAGE looks at in a collection."""

NEVER, NOT_TOLD = -1, -3
"""Expiries that are no moment."""
ELSEWHERE = "!"
"""The kind of a key that another node of the cluster serves."""
MOST_TIMES, SPARE_CALLS = 4, 1_000
"""A listing ends, incomplete, after so many times the calls that the keys of its beginning need, and some more.

SCAN promises to end only where keys are not added faster than they are listed.
"""
LRU_RANGE = 1 << 24
"""The server keeps the second of a key's last use modulo this."""

EXPIRY_EXACT = "local function expiry(key) return redis.call('PEXPIRETIME', key) end\n"
EXPIRY_DERIVED = """\
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local function expiry(key)
  local left = redis.call('PTTL', key)
  if left < 0 then return left end
  return now_ms + left
end
"""
# The clock that idle times are told by lags behind TIME; with its own reading the last use comes out exact.
CLOCK = """\
local clock = tonumber(string.match(redis.call('INFO', 'server'), 'lru_clock:(%d+)'))
local seconds = tonumber(redis.call('TIME')[1])
local function last_use(key)
  local idle = redis.call('OBJECT', 'IDLETIME', key)
  if not idle or not clock then return -1 end
  return seconds - (seconds - clock + idle) % 16777216
end
local function idle_since(moment)
  if moment < 0 or not clock then return nil end
  return (clock - moment) % 16777216
end
"""
NO_CLOCK = """\
local function last_use(key) return -1 end
local function idle_since(moment) return nil end
"""
_DESCRIBE = """
local kinds, expiries, sizes, accessed = {}, {}, {}, {}
for i, name in ipairs(names) do
  local kind = redis.pcall('TYPE', name)
  if kind.err and string.find(kind.err, 'cluster is down') then return kind end
  local elsewhere = kind.err and string.find(kind.err, 'non local key') and '!'
  kinds[i], expiries[i], sizes[i], accessed[i] = kind.ok or elsewhere or '?', -3, -1, -1
  if kind.ok and kind.ok ~= 'none' then
    expiries[i] = expiry(name)
    sizes[i] = redis.call('MEMORY', 'USAGE', name, 'SAMPLES', 5) or -1
    accessed[i] = last_use(name)
  end
end
return cmsgpack.pack({cursor, names, kinds, expiries, sizes, accessed})
"""
# A thin prefix would need many empty answers: the page goes on until it has found something.
_PAGE = """
local cursor, names, rounds = ARGV[1], {}, 0
repeat
  local page = redis.call('SCAN', cursor, 'MATCH', ARGV[2], 'COUNT', ARGV[3])
  cursor, rounds = page[1], rounds + 1
  for _, name in ipairs(page[2]) do names[#names + 1] = name end
until cursor == '0' or #names >= 100 or rounds == 10
"""
# Names as arguments, not as keys: one key outside the user's patterns would have the whole call refused.
_GIVEN = "local cursor, names = '0', cmsgpack.unpack(ARGV[1])\n"


@dataclass(slots=True)
class Described:
    """Keys as columns. Keys that are gone have the kind "none"."""

    names: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    """The type as Redis calls it; "?" where the user may not look."""
    expiries: list[int] = field(default_factory=list)
    """Epoch milliseconds, else NEVER or NOT_TOLD."""
    sizes: list[int] = field(default_factory=list)
    """Bytes of memory, -1 where not told."""
    accessed: list[int] = field(default_factory=list)
    """Epoch seconds of the last use, -1 where not told."""

    def rows(self) -> Iterator[tuple[str, str, int, int, int]]:
        """Name, kind, expiry, size and last use of each."""
        return zip(self.names, self.kinds, self.expiries, self.sizes, self.accessed, strict=True)

    def only(self, rows: Sequence[int]) -> "Described":
        """These rows."""
        columns = (self.names, self.kinds, self.expiries, self.sizes, self.accessed)
        return Described(*([column[row] for row in rows] for column in columns))  # type: ignore[arg-type]

    def extend(self, other: "Described") -> None:
        """Add the rows of another."""
        self.names += other.names
        self.kinds += other.kinds
        self.expiries += other.expiries
        self.sizes += other.sizes
        self.accessed += other.accessed


class Listing:
    """Reads names and columns over one link."""

    def __init__(self, link: Link, *, with_access: bool) -> None:
        """`with_access`: also ask when each key was last used, where the server knows."""
        rights = link.rights
        self.partial = ""
        self.reach: Reach | None = None
        """How far the listing under way goes; None where the user may not ask for that."""
        self._link = link
        self._exact = rights.may("PEXPIRETIME")
        milliseconds = "PEXPIRETIME" if self._exact else "PTTL"
        self.expiry_command = milliseconds if rights.may(milliseconds) else "TTL"
        self.clock_commands = [("TIME",), ("INFO", "server")] if rights.may("TIME", "INFO") else []
        """What goes before looks that are told relative to now; `read_now` reads the answers."""
        self.with_access = with_access and rights.may("OBJECT IDLETIME", "TIME", "INFO") and _ranks_by_time(link)
        self.functions = (EXPIRY_EXACT if self._exact else EXPIRY_DERIVED) + (CLOCK if self.with_access else NO_CLOCK)
        """Lua functions `expiry(key)`, `last_use(key)` and `idle_since(moment)` as this server can tell them."""
        self._page = Script(self.functions + _PAGE + _DESCRIBE)
        self._given = Script(self.functions + _GIVEN + _DESCRIBE)
        needed = ("SCAN", "TYPE", "MEMORY USAGE", milliseconds)
        self._scripted = rights.scripts and rights.may(*needed)

    @property
    def tolerance(self) -> int:
        """By how many milliseconds two looks at one expiry may differ: the server's clock is part of older ones."""
        return 0 if self._exact else 20 if self.expiry_command == "PTTL" else 1_000

    def pages(self, prefix: str) -> Iterator[Described]:
        """All keys with this prefix, page by page; a key may come twice, some pages are empty. Then see `partial`."""
        self.partial = ""
        pattern = glob_of(prefix)
        keys = self.count_keys()
        self.reach = None if keys is None else Reach(keys)
        most = sys.maxsize if keys is None else MOST_TIMES * keys // PAGE_KEYS + SPARE_CALLS
        with closing(self._scripted_pages(pattern) if self._scripted else self._asked_pages(pattern)) as found:
            for cursor, page in islice(found, most):
                yield page
                if cursor == b"0":
                    return
        self.partial = "Keys are added faster than they can be listed."

    def _scripted_pages(self, pattern: bytes) -> Generator[tuple[bytes, Described], None, None]:
        """Cursor and keys of each page; the server is at work on the next one while somebody looks at this one."""
        cursor = b"0"
        try:
            with self._link.call():
                answer = self._link.run_ahead(self._page, ((), (cursor, pattern, PAGE_KEYS)))
            while True:
                with self._link.call():
                    cursor, page = self._page_of(answer())
                    if cursor != b"0":
                        answer = self._link.run_ahead(self._page, ((), (cursor, pattern, PAGE_KEYS)))
                yield cursor, page
        finally:
            self._link.settle_ahead()

    def _asked_pages(self, pattern: bytes) -> Generator[tuple[bytes, Described], None, None]:
        cursor = b"0"
        while True:
            with self._link.call():
                answer = cast(list[object], self._link.ask("SCAN", cursor, "MATCH", pattern, "COUNT", PAGE_KEYS))
                page = self._ask([text_of(name) for name in cast(list[bytes], answer[1])])
            cursor = cast(bytes, answer[0])
            yield cursor, page

    def count_keys(self) -> int | None:
        """How many keys the database has now; None where that may not be asked."""
        if not self._link.rights.may("DBSIZE"):
            return None
        with self._link.call():
            return cast(int, self._link.ask("DBSIZE"))

    def describe(self, names: Sequence[str]) -> Described:
        """These keys, in this order."""
        found = Described()
        parts = [names[start : start + PAGE_KEYS] for start in range(0, len(names), PAGE_KEYS)]
        with self._link.call():
            if not self._scripted:
                for part in parts:
                    found.extend(self._ask(part))
                return found
            for answer in self._link.run_each(self._given, [((), (one_argument(part),)) for part in parts]):
                found.extend(self._page_of(answer)[1])
        return found

    def _page_of(self, answer: object) -> tuple[bytes, Described]:
        if isinstance(answer, Exception):
            raise explain(answer, self._link.place) from answer
        cursor, *columns = msgpack.unpackb(cast(bytes, answer), raw=False, unicode_errors="surrogateescape")
        return bytes_of(cursor), Described(*columns)

    def _ask(self, names: Sequence[str]) -> Described:
        may = self._link.rights.may
        asked: dict[str, tuple[object, ...]] = {}
        if may("TYPE"):
            asked["kind"] = ("TYPE",)
        if may(self.expiry_command):
            asked["expiry"] = (self.expiry_command,)
        if may("MEMORY USAGE"):
            asked["size"] = ("MEMORY", "USAGE")
        if self.with_access:
            asked["idle"] = ("OBJECT", "IDLETIME")
        found = Described()
        step = PAGE_KEYS // max(1, len(asked))
        for start in range(0, len(names), step):
            found.extend(self._ask_some(names[start : start + step], asked))
        return found

    def _ask_some(self, names: Sequence[str], asked: dict[str, tuple[object, ...]]) -> Described:
        commands = [(*words, bytes_of(name)) for name in names for words in asked.values()]
        answers = self._link.bracketed([*self.clock_commands, *commands])
        now_ms = self.read_now(answers)
        clock = _lru_clock(answers[1]) if self.with_access else None
        rest = iter(answers[len(self.clock_commands) :])
        found = Described()
        for name in names:
            told = {part: next(rest) for part in asked}
            kind = told.get("kind", b"")
            idle = told.get("idle")
            found.names.append(name)
            found.kinds.append(_kind(kind))
            found.expiries.append(self.absolute(told.get("expiry"), now_ms))
            found.sizes.append(_whole(told.get("size")))
            seconds = now_ms // 1000
            known = isinstance(idle, int) and clock is not None
            found.accessed.append(seconds - (seconds - clock + idle) % LRU_RANGE if known else -1)  # type: ignore[operator]
        return found

    def read_now(self, answers: Sequence[object]) -> int:
        """The server's epoch milliseconds from answers that begin with those of `clock_commands`; else our own."""
        if not self.clock_commands:
            return int(time.time() * 1000)
        seconds, micros = cast(list[bytes], answers[0])
        return int(seconds) * 1000 + int(micros) // 1000

    def absolute(self, answer: object, now_ms: int) -> int:
        """Epoch milliseconds of an answer to `expiry_command`; else NEVER or NOT_TOLD."""
        if not isinstance(answer, int):
            return NOT_TOLD
        if answer < 0:
            return NEVER
        if self.expiry_command == "TTL":
            answer *= 1_000
        return answer if self._exact else now_ms + answer


class ReachesKeys(Reaches):
    """What an adapter says that lists by a `Listing`."""

    _listing: Listing

    def reach(self) -> Reach | None:
        """The keys of the database, or of all primaries of a cluster, as they were counted when the scan began."""
        return self._listing.reach


def _kind(answer: object) -> str:
    if isinstance(answer, Exception):
        return ELSEWHERE if isinstance(answer, AskError) else "?"
    return text_of(cast(bytes, answer))


def _whole(answer: object) -> int:
    return answer if isinstance(answer, int) else -1


def _lru_clock(server: object) -> int | None:
    found = re.search(rb"lru_clock:(\d+)", cast(bytes, server))
    return int(found.group(1)) if found else None


def _ranks_by_time(link: Link) -> bool:
    """Whether the server keeps times of last use: under an LFU policy it keeps frequencies in their place."""
    return "lfu" not in link.info("memory").get("maxmemory_policy", "lfu")
