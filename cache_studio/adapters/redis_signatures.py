"""Which libraries' caches a database holds: names like theirs, and a few values that begin like theirs."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cache_studio.adapters import redis_specs as specs
from cache_studio.adapters.base import Certainty
from cache_studio.adapters.redis_options import bytes_of

_HEAD = 256
_VALUES = 5
"""Values that are looked at for one prefix of one library."""
_PREFIXES = 3
_SPREAD = 20
"""Keys that are looked at whatever they are called."""
_PICKLE = rb"\x80[\x02-\x05]"
_PACKED = rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08|\x28\xb5\x2f\xfd|\xfd7zXZ|\x04\x22\x4d\x18"
_OF_DJANGO = re.compile(r":\d+:|.*?:\d+:(?:views\.decorators\.cache\.|django\.contrib\.|template\.cache\.)")
_RESULT = "(celery-task-meta-)[0-9a-f-]{36}"


class Asking(Protocol):
    """The part of a link that is needed here."""

    def bracketed(self, commands: Sequence[tuple[object, ...]]) -> list[object]:
        """Answers of reads that are not to falsify the hit rate."""


@dataclass(frozen=True, slots=True)
class Signature:
    """How entries of a library are told. The first group of `name` is the prefix to attach with."""

    format: str
    name: re.Pattern[str]
    head: re.Pattern[bytes]
    """What a text begins with; of a hash, what `command` answers."""
    kind: str = "string"
    command: Callable[[bytes], tuple[object, ...]] | None = None
    sure: Callable[[str], object] = bool
    """Whether a name of a fitting value leaves no doubt."""
    spread: bool = False
    """Whether names tell nothing: a few keys of all are looked at."""


@dataclass(slots=True)
class _Group:
    signature: Signature
    prefix: str
    keys: list[str]


def _name(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.DOTALL)


def _head(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.DOTALL)


def _never(_name: str) -> bool:
    return False


SIGNATURES = (
    Signature(specs.DJANGO.name, _name(r"(.*?:\d+:).+"), _head(_PICKLE + b"|" + _PACKED), sure=_OF_DJANGO.match),
    Signature(specs.FLASK.name, _name("(flask_cache_).+"), _head(b"!" + _PICKLE)),
    Signature(
        specs.FLASK.name, _name("(?!flask_cache_)((?:[^:]*:)?).+"), _head(b"!" + _PICKLE), sure=_never, spread=True
    ),
    Signature(specs.FASTAPI.name, _name("(fastapi-cache:).+"), _head(rb'["{\[\d]|null|' + _PICKLE)),
    Signature(
        specs.FASTAPI.name,
        _name("((?!fastapi-cache:|hishel:)[^:]*:)(?:.*:)?[0-9a-f]{32}"),
        _head(rb'["{\[\d]|null|' + _PICKLE),
        sure=_never,
    ),
    Signature(
        specs.REQUESTS.name,
        _name("(.+:)(?:[0-9a-f]{16}|[0-9a-f]{64})"),
        _head(
            _PICKLE + rb"(?:.{0,60}_content|.{0,40}created_at)" + rb'|\{\s*"(?:_content|_decoded_content|created_at)"'
        ),
    ),
    Signature(specs.DOGPILE.name, _name("()(?!_lock).+"), _head(rb'\{"ct": ?[0-9.]+, ?"v": ?\d+\}\|'), spread=True),
    Signature(specs.CACHECONTROL.name, _name("()https?://.+"), _head(b"cc=[1-4],")),
    Signature(specs.BEAKER.name, _name("(beaker_cache:).+"), _head(_PICKLE)),
    Signature(
        specs.LANGCHAIN.name,
        _name("()[0-9a-f]{32}"),
        _head(rb'\{"lc": ?1'),
        "hash",
        lambda key: ("HGET", key, "0"),
    ),
    Signature(specs.HISHEL.name, _name("(.+:)entry:[0-9a-f]{32}"), _head(rb"\x82\xa7request")),
    Signature(
        "redis-aiohttp-cache",
        _name("(.+):responses"),
        _head(b"[0-9a-f]{64}$"),
        "hash",
        lambda key: ("HRANDFIELD", key),
    ),
    Signature(specs.CELERY.name, _name(_RESULT), _head(rb'\{"status"|\{"task_id"'), sure=_never),
    Signature(
        specs.RQ.name,
        _name("(rq:)job:.+"),
        _head(b"created_at|data|origin|status|enqueued_at|description|timeout|worker_name|success|started_at"),
        "hash",
        lambda key: ("HSCAN", key, 0),
        _never,
    ),
)


def library_answers(link: Asking, keys: Sequence[str]) -> list[dict[str, object]]:
    """A proposal for each prefix of each library that holds a value like its own, most keys first."""
    groups = [group for signature in SIGNATURES for group in _groups(signature, keys)]
    answers: dict[tuple[str, str], tuple[int, dict[str, object]]] = {}
    for group in groups:
        fitting = _fitting(link, group)
        if not fitting:
            continue
        signature, count = group.signature, len(group.keys)
        sure = any(signature.sure(name) for name in fitting)
        note = f"{count} of {len(keys)} keys looked at are named like its own, and values begin like its own."
        if signature.spread:
            note = f"{len(fitting)} of a few values looked at begin like its own."
        answer: dict[str, object] = {
            "format": signature.format,
            "certainty": (Certainty.SURE if sure else Certainty.LOOK).value,
            "options": {"prefix": group.prefix},
            "note": note,
            "places": [],
        }
        answers.setdefault((signature.format, group.prefix), (count, answer))
    return [answer for _count, answer in sorted(answers.values(), key=lambda found: -found[0])]


def _groups(signature: Signature, keys: Sequence[str]) -> list[_Group]:
    found: dict[str, list[str]] = {}
    for key in _every(keys, _SPREAD) if signature.spread else keys:
        match = signature.name.fullmatch(key)
        if match:
            found.setdefault(match[1], []).append(key)
    largest = sorted(found.items(), key=lambda group: -len(group[1]))
    return [_Group(signature, prefix, members) for prefix, members in largest[:_PREFIXES]]


def _fitting(link: Asking, group: _Group) -> list[str]:
    signature, chosen = group.signature, _every(group.keys, _SPREAD if group.signature.spread else _VALUES)
    kinds = link.bracketed([("TYPE", bytes_of(name)) for name in chosen])
    names = [name for name, kind in zip(chosen, kinds, strict=True) if kind == signature.kind.encode()]
    command = signature.command or _first_bytes
    heads = link.bracketed([command(bytes_of(name)) for name in names])
    return [name for name, head in zip(names, heads, strict=True) if signature.head.match(_bytes(head))]


def _first_bytes(key: bytes) -> tuple[object, ...]:
    return ("GETRANGE", key, 0, _HEAD - 1)


def _bytes(answer: object) -> bytes:
    """The first text in an answer."""
    while isinstance(answer, list):
        answer = answer[-1] if len(answer) > 1 and isinstance(answer[-1], list) else answer[0] if answer else b""
    return answer if isinstance(answer, bytes) else b""


def _every(keys: Sequence[str], most: int) -> Sequence[str]:
    """So many of them, from the beginning to the end."""
    step = max(1, len(keys) // most)
    return list(_limited(keys[::step], most))


def _limited(keys: Iterable[str], most: int) -> Iterable[str]:
    return (key for _at, key in zip(range(most), keys, strict=False))
