"""One look at a server for who wants to know whether it can be attached: who answers, how fast, and what it allows."""

import re
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass

from cache_studio.adapters.redis_keys.adapter import RedisKeysAdapter
from cache_studio.adapters.redis_link import Link
from cache_studio.adapters.redis_opening import open_link
from cache_studio.adapters.redis_options import CONNECT_SECONDS, LINK_OPTIONS, Place, bytes_of, place_of
from cache_studio.model.capabilities import Capabilities
from cache_studio.model.errors import CacheUnavailable
from cache_studio.model.options import read_options
from cache_studio.model.targets import Target

PINGS = 3
"""The quickest of so many counts: the first one pays for caches of the network."""
_UNCLEAR = re.compile(r"^The connection to|does not answer|^What answers")
_SPEAKS_REDIS = (b"+PONG", b"-NOAUTH", b"-NOPERM", b"-ERR", b"-LOADING", b"-MASTERDOWN", b"-DENIED")
_OTHERS = ((b"HTTP/", "a web server"), (b"<", "a web server"), (b"SSH-", "an SSH server"))


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found. What a server does not tell is ""."""

    server: str
    """Name and version: "Redis 7.0.15"."""
    mode: str
    """standalone, replica or cluster."""
    user: str
    tls: bool
    verified: bool
    """Whether TLS checked who answers."""
    ping_ms: float
    """Milliseconds of one round trip, the quickest of PINGS."""
    capabilities: Capabilities
    """What the user may do where changes are allowed."""


def probe(target: Target) -> Probe:
    """Connect as attaching does, look and leave; nothing is changed and nothing counts as a lookup.

    BadRequest for options that make no sense, CacheUnavailable with one sentence for each way in which it can fail.
    """
    names = {option.name for option in LINK_OPTIONS}
    options = read_options(LINK_OPTIONS, {name: text for name, text in target.options.items() if name in names})
    place, prefix = place_of(target, options), target.options.get("prefix", "")
    try:
        with closing(open_link(target, options, bytes_of(f"{prefix}cache-studio-probe"))) as link, link.call():
            greeting = _greeting(link)
            return Probe(
                server=_server(greeting, link.facts),
                mode=_mode(place, greeting),
                user=_user(link, place),
                tls=place.is_tls,
                verified=place.is_tls and place.verified,
                ping_ms=_ping_ms(link),
                capabilities=RedisKeysAdapter(link, {"prefix": prefix}, writable=True).capabilities,
            )
    except CacheUnavailable as error:
        raise _clearer(error, place) from error


def _greeting(link: Link) -> dict[str, str]:
    answer = link.exchange([("HELLO", 2)])[0]
    if not isinstance(answer, list):
        return {}
    words = [part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part) for part in answer]
    return dict(zip(words[::2], words[1::2], strict=False))


def _server(greeting: Mapping[str, str], facts: Mapping[str, str]) -> str:
    name = facts.get("server_name") or greeting.get("server", "")
    version = facts.get(f"{name}_version") or greeting.get("version") or facts.get("redis_version", "")
    return f"{(name or 'redis').capitalize()} {version}".strip() if version else ""


def _mode(place: Place, greeting: Mapping[str, str]) -> str:
    if place.is_cluster or greeting.get("mode") == "cluster":
        return "cluster"
    return "replica" if greeting.get("role") in ("slave", "replica") else "standalone"


def _user(link: Link, place: Place) -> str:
    answer = link.exchange([("ACL", "WHOAMI")])[0]
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else place.user or "default"


def _ping_ms(link: Link) -> float:
    taken = []
    for _turn in range(PINGS):
        began = time.perf_counter()
        link.exchange([("ECHO", b"cache-studio")])
        taken.append(time.perf_counter() - began)
    return round(min(taken) * 1000, 3)


def _clearer(error: CacheUnavailable, place: Place) -> CacheUnavailable:
    """The same error, or what a second, plain look at the port says; it carries neither user nor password."""
    if place.path or place.ssh or place.service or not _UNCLEAR.search(error.message):
        return error
    seconds = min(CONNECT_SECONDS, place.timeout)
    answer = _plain_answer(place, seconds)
    if answer is None:
        return error
    if answer.startswith(_SPEAKS_REDIS):
        if not place.is_tls:
            return error
        return CacheUnavailable(
            f"The server at {place} speaks no TLS at this port.", "Give its port for TLS, or switch TLS off (redis://)."
        )
    if not answer:
        if place.is_tls or not _speaks_tls(place, seconds):
            return error
        return CacheUnavailable(f"What answers at {place} wants TLS.", "Switch TLS on (rediss://).")
    what = next((words for head, words in _OTHERS if answer.startswith(head)), "another kind of server")
    return CacheUnavailable(f"What answers at {place} is no Redis: it looks like {what}.", "Check host and port.")


def _plain_answer(place: Place, seconds: float) -> bytes | None:
    """What comes back to a PING in the clear; b"" when the connection is closed on it, None when nothing comes."""
    try:
        with socket.create_connection((place.host, place.port), seconds) as plain:
            plain.settimeout(seconds)
            plain.sendall(b"PING\r\n")
            return plain.recv(64)
    except ConnectionError:
        return b""
    except OSError:
        return None


def _speaks_tls(place: Place, seconds: float) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # only whether there is TLS; nothing is sent
    with (
        suppress(OSError),
        socket.create_connection((place.host, place.port), seconds) as plain,
        context.wrap_socket(plain),
    ):
        return True
    return False
