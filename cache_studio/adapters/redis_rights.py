"""What this user may do on this server, found out without doing it.

Commands are queued in a transaction that is then discarded: the server checks name, arity, ACL and
replica while queueing, and nothing runs, nothing is counted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from redis.exceptions import NoPermissionError, ReadOnlyError

from cache_studio.adapters.redis_errors import missing_right
from cache_studio.model.capabilities import Ability, Capabilities

Command: TypeAlias = tuple[object, ...]
Exchange: TypeAlias = Callable[[Sequence[Command]], list[object]]
"""Sends commands, returns their answers; an answer that is an error is an exception object in the list."""


def _probes(key: bytes) -> dict[str, Command]:
    return {
        "SCAN": ("SCAN", 0, "COUNT", 1),
        "DBSIZE": ("DBSIZE",),
        "TYPE": ("TYPE", key),
        "PEXPIRETIME": ("PEXPIRETIME", key),
        "PTTL": ("PTTL", key),
        "MEMORY USAGE": ("MEMORY", "USAGE", key),
        "OBJECT IDLETIME": ("OBJECT", "IDLETIME", key),
        "GETRANGE": ("GETRANGE", key, 0, 0),
        "STRLEN": ("STRLEN", key),
        "GET": ("GET", key),
        "TIME": ("TIME",),
        "DUMP": ("DUMP", key),
        "EXISTS": ("EXISTS", key),
        "EVAL": ("EVAL", "return 1", 0),
        "EVALSHA": ("EVALSHA", "0" * 40, 0),
        "INFO": ("INFO", "stats"),
        "CONFIG GET": ("CONFIG", "GET", "notify-keyspace-events"),
        "UNLINK": ("UNLINK", key),
        "RESTORE": ("RESTORE", key, 0, b"x"),
        "PEXPIREAT": ("PEXPIREAT", key, 1),
        "PERSIST": ("PERSIST", key),
        "MEMORY PURGE": ("MEMORY", "PURGE"),
        "TTL": ("TTL", key),
        "LLEN": ("LLEN", key),
        "LRANGE": ("LRANGE", key, 0, 0),
        "HLEN": ("HLEN", key),
        "HSCAN": ("HSCAN", key, 0),
        "HPEXPIRETIME": ("HPEXPIRETIME", key, "FIELDS", 1, "f"),
        "SCARD": ("SCARD", key),
        "SSCAN": ("SSCAN", key, 0),
        "ZCARD": ("ZCARD", key),
        "ZRANGE": ("ZRANGE", key, 0, 0, "WITHSCORES"),
        "XLEN": ("XLEN", key),
        "XRANGE": ("XRANGE", key, "-", "+", "COUNT", 1),
        "XINFO STREAM": ("XINFO", "STREAM", key),
        "APPEND": ("APPEND", key, b"x"),
        "RPUSH": ("RPUSH", key, b"x"),
        "HSET": ("HSET", key, b"f", b"x"),
        "SADD": ("SADD", key, b"x"),
        "ZADD": ("ZADD", key, 0, b"x"),
        "XADD": ("XADD", key, "*", b"f", b"x"),
        "XSETID": ("XSETID", key, "0-1"),
        "RENAMENX": ("RENAMENX", key, key + b":2"),
    }


_ONLY_QUEUED = frozenset(
    {"MEMORY PURGE", "APPEND", "RPUSH", "HSET", "SADD", "ZADD", "XADD", "XSETID", "RENAMENX", "XINFO STREAM"}
)
"""What would change something, or fails, where it is not queued but run."""
TYPED_RIGHTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "string": ("STRLEN", "GETRANGE", "APPEND"),
        "list": ("LLEN", "LRANGE", "RPUSH"),
        "set": ("SCARD", "SSCAN", "SADD"),
        "hash": ("HLEN", "HSCAN", "HSET"),
        "zset": ("ZCARD", "ZRANGE", "ZADD"),
        "stream": ("XLEN", "XRANGE", "XINFO STREAM", "XADD", "XSETID"),
    }
)
"""What is needed to copy a value of a type by what is in it, beside WATCH and MULTI."""
LOOK_RULES = (
    "+ping +select +client|setname +client|tracking +info +dbsize +time +scan +type +exists +pexpiretime +pttl"
    " +memory|usage +object|idletime +get +getrange +strlen +llen +lrange +lindex +hlen +hscan +hget +hgetall +hexists"
    " +scard +sscan +zcard +zrange +zrevrange +zrangebyscore +zscore +xlen +xrange +xinfo|stream +multi +exec +discard"
    " +eval +evalsha +config|get +publish +subscribe +psubscribe"
)
"""The commands of an ACL user who looks; beside them it needs its key patterns, and channels for the announcements."""
ACT_RULES = (
    "+unlink +dump +restore +pexpireat +persist +watch +unwatch +renamenx +memory|purge +append +rpush +hset +hsetnx"
    " +hdel +sadd +zadd +zrem +xadd +xsetid"
)
"""What a user who removes, restores and sets expiries needs beside LOOK_RULES."""
CLUSTER_RULES = "+cluster|slots +cluster|nodes +asking +role"
"""What both need more on a cluster or behind a Sentinel."""


@dataclass(frozen=True, slots=True)
class Rights:
    """The commands that may run, and a sentence for each that may not."""

    allowed: frozenset[str]
    refused: Mapping[str, str]
    transactions: bool
    """Whether MULTI and EXEC may be used; without them own reads cannot be told from the application's."""
    watch: bool
    replica: bool

    def may(self, *commands: str) -> bool:
        """Whether all of these may run."""
        return self.allowed.issuperset(commands)

    def why_not(self, *commands: str) -> str:
        """The sentence for the first of these that may not run, else ""."""
        return next((self.refused[name] for name in commands if name in self.refused), "")

    @property
    def brackets(self) -> bool:
        """Whether own reads can be counted exactly."""
        return self.transactions and self.may("INFO")

    @property
    def dumps(self) -> bool:
        """Whether values can be copied and brought back whole."""
        return self.may("DUMP", "RESTORE")

    def why_not_typed(self, kind: str) -> str:
        """Why values of this type cannot be copied by what is in them, or ""."""
        if not (self.transactions and self.watch):
            return "WATCH and MULTI are not allowed, so a newer value could be lost."
        if kind not in TYPED_RIGHTS:
            return f"Values of the type “{kind}” can only be copied whole."
        needed = (*TYPED_RIGHTS[kind], "UNLINK", "PEXPIREAT")
        if kind == "hash" and "not known" not in self.why_not("HPEXPIRETIME"):
            needed = (*needed, "HPEXPIRETIME")
        return self.why_not(*needed)

    @property
    def scripts(self) -> bool:
        """Whether scripts may run."""
        return self.may("EVAL", "EVALSHA")


def find_rights(exchange: Exchange, key: bytes, user: str) -> Rights:
    """Ask the server; `key` is one under the attached prefix that nothing uses."""
    probes = _probes(key)
    opened = exchange([("MULTI",)])[0]
    transactions = not isinstance(opened, Exception)
    if transactions:
        *answers, _discarded = exchange([*probes.values(), ("DISCARD",)])
    else:
        # The looks run for real here (on a key that is not there) and of the rest only what changes nothing.
        tried = {name: command for name, command in probes.items() if name not in _ONLY_QUEUED}
        probes, answers = tried, exchange(list(tried.values()))
    told = dict(zip(probes, answers, strict=True))
    # Where even the type of the key may not be asked, the key lies outside the user's patterns; others may not.
    elsewhere = _is_about_key(told["TYPE"])
    refused = {
        name: sentence
        for name, answer in told.items()
        if not (elsewhere and _is_about_key(answer)) and (sentence := _refusal(name, answer, user))
    }
    watched = exchange([("WATCH", key), ("UNWATCH",)])
    return Rights(
        allowed=frozenset(set(probes) - set(refused)),
        refused=refused,
        transactions=transactions,
        watch=not any(isinstance(a, Exception) and not (elsewhere and _is_about_key(a)) for a in watched),
        replica=any(isinstance(answer, ReadOnlyError) for answer in answers),
    )


def _is_about_key(answer: object) -> bool:
    return isinstance(answer, NoPermissionError) and missing_right(answer) == "key"


def _refusal(name: str, answer: object, user: str) -> str:
    if isinstance(answer, NoPermissionError):
        of_whom = f"the user “{user or 'default'}”"
        if _is_about_key(answer):
            return f"{name} is not allowed: {of_whom} may not use the keys under this prefix that way."
        return f"{name} is not allowed: {of_whom} has no right to run it."
    if isinstance(answer, ReadOnlyError):
        return "This server is a replica and takes no changes."
    if isinstance(answer, Exception) and "unknown" in str(answer).lower():
        return f"{name} is not known to this server."
    return ""


def capabilities_of(rights: Rights, *, writable: bool, announces: str) -> Capabilities:
    """The abilities that these rights give; `announces` is why keyspace notifications do not come, "" if they do."""
    found = Capabilities.of(Ability)
    if announces:
        found = found.without([Ability.WATCH], announces)
    if not rights.brackets:
        reason = rights.why_not("INFO") or "MULTI is not allowed, so own reads cannot be told from the application's."
        found = found.without([Ability.HIT_RATE], reason)
    if not rights.may("OBJECT IDLETIME", "TIME"):
        found = found.without([Ability.ACCESS_TIMES], rights.why_not("OBJECT IDLETIME", "TIME"))
    changing = [Ability.REMOVE, Ability.UNDO, Ability.COMPACT, Ability.SET_EXPIRY]
    if not writable:
        return found.without(changing, "Attached read-only.")
    if rights.replica:
        return found.without(changing, "This server is a replica and takes no changes.")
    if "MEMORY PURGE" not in rights.allowed:
        found = found.without([Ability.COMPACT], rights.why_not("MEMORY PURGE") or "MULTI is not allowed.")
    if setting := _why_not_set_expiry(rights):
        found = found.without([Ability.SET_EXPIRY], setting)
    if removing := why_not_remove(rights):
        return found.without([Ability.REMOVE, Ability.UNDO], removing)
    if reason := _why_not_undo(rights):
        found = found.without([Ability.UNDO], f"{reason} Removing has no undo.")
    return found


def why_not_remove(rights: Rights) -> str:
    """Why nothing can be removed safely, or ""."""
    if reason := rights.why_not("UNLINK", "TYPE"):
        return reason
    if not rights.scripts and not (rights.transactions and rights.watch):
        return "Neither scripts nor WATCH are allowed, so a newer value could be lost."
    return ""


def _why_not_undo(rights: Rights) -> str:
    if not rights.may("PEXPIRETIME") and not rights.may("PTTL"):
        return rights.why_not("PTTL")
    if rights.dumps or not rights.why_not_typed("string"):
        return ""
    return rights.why_not("DUMP", "RESTORE")


def _why_not_set_expiry(rights: Rights) -> str:
    if not rights.scripts and not (rights.transactions and rights.watch):
        return "Neither scripts nor WATCH are allowed, so the expiry of a newer value could be replaced."
    return rights.why_not("PEXPIREAT", "PERSIST", "TYPE")
