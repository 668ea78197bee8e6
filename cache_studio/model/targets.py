"""Targets: where a cache is, as a path, a path with a format, or a URL. Parsing does no I/O."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from cache_studio.model.errors import BadRequest

URL_SCHEMES = (
    "redis",
    "rediss",
    "redis+cluster",
    "rediss+cluster",
    "redis+sentinel",
    "rediss+sentinel",
    "unix",
)
"""Schemes that make a target a URL; every other target is a path."""

_QUERY = re.compile(r"\?([^?/\\=]+=.*)$", re.DOTALL)
_WRITTEN_PASSWORD = re.compile(r"(\w://[^:@/\s]*):[^\s]*@|\bpassword=[^&\s]*")
LOOPBACK = ("localhost", "127.0.0.1", "::1", "")
"""Hosts that are this machine."""


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed target. `location` is the path, or the URL without options and password."""

    location: str
    format: str = ""
    """Name of the format where the target says it, else ""."""
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    password: str = field(default="", repr=False, compare=False)

    @property
    def is_url(self) -> bool:
        """Whether the cache is reached over a connection."""
        return urlsplit(self.location).scheme in URL_SCHEMES and "://" in self.location

    @property
    def is_local(self) -> bool:
        """Whether the cache is on this machine: a path, a socket, or a loopback address."""
        parts = urlsplit(self.location)
        if not self.is_url or parts.scheme == "unix":
            return True
        return "ssh" not in self.options and all(host in LOOPBACK for host in _host_names(parts.netloc))

    def __str__(self) -> str:
        """The target as it is shown and remembered: never with a password."""
        named = {"format": self.format} if self.format and self.is_url else {}
        head = f"{self.format}:" if self.format and not self.is_url else ""
        query = urlencode(dict(self.options) | named, safe=":/*,", quote_via=quote)
        return f"{head}{self.location}" + (f"?{query}" if query else "")

    def with_options(self, options: Mapping[str, str], format_name: str = "") -> "Target":
        """The same place with other options (and, where given, another format)."""
        return Target(self.location, format_name or self.format, MappingProxyType(dict(options)), self.password)


def parse_target(text: str, formats: Collection[str] = ()) -> Target:
    """Read what a user wrote; `formats` are the known names that may stand before a colon.

    Raises BadRequest when it is empty or a URL cannot be read. A word before `:` that is no format
    belongs to the path (`C:\\cache`).
    """
    text = text.strip()
    if not text:
        raise BadRequest("The target is empty.", "Give a path such as ./cache, or a URL such as redis://localhost.")
    format_name = ""
    head, colon, rest = text.partition(":")
    if colon and head in formats and not rest.startswith("//"):
        format_name, text = head, rest
    if "://" in text and text.partition("://")[0] in URL_SCHEMES:
        return _parse_url(text, format_name)
    match = _QUERY.search(text)
    if match is None:
        return Target(text, format_name)
    return Target(text[: match.start()], format_name, _options(match.group(1)))


def _parse_url(text: str, format_name: str) -> Target:
    try:
        parts = urlsplit(text)
        hosts = ",".join(map(_host, parts.netloc.rpartition("@")[2].split(",")))
    except ValueError:  # its words repeat a part of the text, which may be one of a password
        raise _unreadable() from None
    if _is_cut_in_a_password(parts) or ("," in hosts and "+" not in parts.scheme):
        raise _unreadable()
    user = f"{parts.username}@" if parts.username else ""
    options = dict(_options(parts.query))
    format_name = options.pop("format", "") or format_name
    written = options.pop("password", "")
    password = unquote(parts.password or "") or written
    location = urlunsplit((parts.scheme, f"{user}{hosts}", parts.path.rstrip("/"), "", ""))
    if parts.scheme == "unix":
        location = f"unix://{user}{parts.path}"
    return Target(location, format_name, MappingProxyType(options), password)


def _host(text: str) -> str:
    """One host of a URL and its port, written the one way in which it is remembered; ValueError for what is none."""
    parts = urlsplit(f"//{text}")
    name = parts.hostname or ""
    return (f"[{name}]" if ":" in name else name) + (f":{parts.port}" if parts.port else "")


def _host_names(netloc: str) -> list[str]:
    return [urlsplit(f"//{text}").hostname or "" for text in netloc.rpartition("@")[2].split(",")]


def _is_cut_in_a_password(parts: SplitResult) -> bool:
    """Whether a `/`, `?` or `#` that nobody escaped ended the host within a password: the rest would be shown."""
    if parts.scheme == "unix" or "@" in parts.netloc:
        return False
    return any("@" in text for text in (parts.path, parts.query.partition("=")[0], parts.fragment))


def _unreadable() -> BadRequest:
    hint = "Write it like redis://host:6379/0; in a password write / as %2F, ? as %3F, # as %23 and @ as %40."
    return BadRequest("The URL cannot be read.", hint)


def shown_target(text: str) -> str:
    """What a user wrote as a target, without a password in it; to be shown, and to be read again."""
    try:
        return str(parse_target(text)) if "://" in text else text
    except BadRequest:
        return without_passwords(text)


def without_passwords(text: str) -> str:
    """A text that may quote what a user wrote (a traceback, words of a library) without the passwords of URLs in it."""
    return _WRITTEN_PASSWORD.sub(lambda found: f"{found[1]}:***@" if found[1] else "password=***", text)


def _options(query: str) -> Mapping[str, str]:
    return MappingProxyType(dict(parse_qsl(query, keep_blank_values=True)))
