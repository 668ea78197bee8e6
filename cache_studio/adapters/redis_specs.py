"""How each library names its keys in Redis and what it puts before a value: one table, no driver.

A prefix is what an adapter is attached with; `place` reads namespace and key from a whole name as the library's own
application knows them, or None for a key that is no entry of this library.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from cache_studio.adapters.masked_names import masked, without_session
from cache_studio.model.capabilities import Ability

Place: TypeAlias = tuple[str, str]
_VERSIONED = re.compile(r"(.*?:\d+):(.*)", re.DOTALL)
_VERSION_AT_END = re.compile(r".*:\d+:", re.DOTALL)
_REQUEST_HASH = re.compile(r"[0-9a-f]{16}|[0-9a-f]{64}")
_ENTRY = re.compile(r"entry:[0-9a-f]{32}")
_MD5 = re.compile(r"[0-9a-f]{32}")
_DOGPILE_LOCK = "_lock"


@dataclass(frozen=True, slots=True)
class Library:
    """One library's use of Redis keys, an entry in each."""

    name: str
    title: str
    prefix: str
    """The one to attach with when none is given."""
    place: Callable[[str, str], Place | None]
    kind: str = "string"
    """The Redis type of an entry; "" is any."""
    nested: bool = False
    """Whether a key alone, without its namespace, does not tell the name."""
    mark: re.Pattern[bytes] | None = None
    """What stands before the value itself."""
    marks_entries: bool = False
    """Whether only the mark tells an entry from other applications' keys: values are then looked at to list them."""
    own_clock: str = ""
    """Why the expiry cannot be changed: the library judges by something else, too."""
    data: str = ""
    """Why nothing is removed: this is no cache."""

    @property
    def abilities(self) -> frozenset[Ability]:
        """The most that its entries allow; what lacks is for the reason `data` or `own_clock`."""
        if self.data:
            return frozenset(Ability) - {Ability.REMOVE, Ability.UNDO, Ability.SET_EXPIRY}
        return frozenset(Ability) - ({Ability.SET_EXPIRY} if self.own_clock else frozenset())


def _plain(name: str, prefix: str) -> Place | None:
    return ("", name[len(prefix) :]) if name.startswith(prefix) else None


def _django(name: str, prefix: str) -> Place | None:
    """`KEY_PREFIX:version:key`; the key of a session is its secret."""
    if _VERSION_AT_END.fullmatch(prefix) and name.startswith(prefix):
        namespace, key = prefix[:-1], name[len(prefix) :]
    elif found := _VERSIONED.fullmatch(name):
        namespace, key = found[1], found[2]
    else:
        return None
    return namespace, without_session(key)


def _fastapi(name: str, prefix: str) -> Place | None:
    """`prefix:namespace:md5`, or what an application's own key builder puts behind the namespace."""
    rest = name[len(prefix) :]
    head, colon, key = rest.rpartition(":")
    if _MD5.fullmatch(key):
        return (head, key) if colon or prefix else None
    if not prefix:
        return None
    namespace, colon, key = rest.partition(":")
    return (namespace, key) if colon else ("", rest)


def _beaker(name: str, prefix: str) -> Place | None:
    """`beaker_cache:namespace:key`; the namespace of a session is its secret."""
    if not name.startswith("beaker_cache:"):
        return None
    namespace, _colon, key = name.removeprefix("beaker_cache:").rpartition(":")
    return (masked(namespace), key) if key == "session" else (namespace, key)


def _langchain(name: str, prefix: str) -> Place | None:
    return ("", name) if _MD5.fullmatch(name) else None


def _cachecontrol(name: str, prefix: str) -> Place | None:
    return ("", name) if name.startswith(("http://", "https://")) else None


def _dogpile(name: str, prefix: str) -> Place | None:
    return None if name.startswith(_DOGPILE_LOCK) else _plain(name, prefix)


def _requests(name: str, prefix: str) -> Place | None:
    """`namespace:hash`; the prefix ends with the colon."""
    fits = prefix.endswith(":") and name.startswith(prefix) and _REQUEST_HASH.fullmatch(name, len(prefix))
    return ("", name[len(prefix) :]) if fits else None


def _hishel(name: str, prefix: str) -> Place | None:
    """`prefix:entry:id`; the other keys of an entry are no entries of their own."""
    return ("", name[-32:]) if name.startswith(prefix) and _ENTRY.fullmatch(name, len(prefix)) else None


def _rq(name: str, prefix: str) -> Place | None:
    """`rq:job:id`, `rq:results:id`, `rq:finished:queue`, `rq:queues`."""
    namespace, colon, key = name.removeprefix("rq:").partition(":")
    return (namespace, key) if colon else ("", namespace)


DJANGO = Library("redis-django", "Redis: Django's cache, also of django-redis", ":1:", _django)
FLASK = Library(
    "redis-flask", "Redis: Flask-Caching and cachelib", "flask_cache_", _plain, mark=re.compile(rb"!(?=\x80)")
)
FASTAPI = Library("redis-fastapi-cache", "Redis: fastapi-cache2", "fastapi-cache:", _fastapi, nested=True)
AIOCACHE = Library("redis-aiocache", "Redis: aiocache", "", _plain)
LANGCHAIN = Library("redis-langchain", "Redis: LangChain's answers of models", "", _langchain, kind="hash")
DOGPILE = Library(
    "redis-dogpile",
    "Redis: dogpile.cache",
    "",
    _dogpile,
    mark=re.compile(rb'(\{"ct": ?([0-9.e+]+),[^|]{0,200}\})\|'),
    marks_entries=True,
)
CACHECONTROL = Library(
    "redis-cachecontrol",
    "Redis: CacheControl's responses",
    "",
    _cachecontrol,
    mark=re.compile(rb"cc=4,"),
    own_clock="CacheControl judges a response by its headers; Redis only drops it.",
)
BEAKER = Library(
    "redis-beaker",
    "Redis: Beaker",
    "beaker_cache:",
    _beaker,
    nested=True,
    own_clock="Beaker keeps the time of storing and the TTL in the value, too.",
)
CELERY = Library(
    "redis-celery",
    "Redis: results of Celery's tasks (no cache)",
    "celery-task-meta-",
    _plain,
    data="Results of tasks are data: Celery cannot compute them again.",
)
RQ = Library(
    "redis-rq",
    "Redis: jobs and results of RQ (no cache)",
    "rq:",
    _rq,
    kind="",
    nested=True,
    data="Jobs and their results are data: RQ cannot compute them again.",
)
REQUESTS = Library(
    "redis-requests-cache",
    "Redis: responses of requests-cache",
    "http_cache:",
    _requests,
    nested=True,
    own_clock="requests-cache judges a response by the expiry in its value; Redis only drops it an hour later.",
)
HISHEL = Library(
    "redis-hishel",
    "Redis: responses of hishel 2",
    "hishel:",
    _hishel,
    nested=True,
    own_clock="hishel keeps the expiry in its index and beside the body, too.",
)
