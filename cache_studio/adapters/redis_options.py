"""How a Redis target and its options are read, without the driver: both faces need it before anything connects."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from cache_studio.model.errors import BadRequest, CacheUnavailable
from cache_studio.model.options import Option, OptionKind, OptionValue
from cache_studio.model.targets import Target

SCHEMES = ("redis", "rediss", "unix")
"""URL schemes that can be opened."""
KEYS_FORMAT = "redis"
RESPONSE_FORMAT = "redis-response"
RESPONSE_META = ":meta"
"""What the name of a response's twin adds; with the digest before it the signature of S5."""
_LATER = {"redis+cluster": "Redis Cluster", "redis+sentinel": "Redis Sentinel"}

DB_OPTION = Option("db", OptionKind.NUMBER, "Database", "Number of the database, where the URL does not say it.")
TIMEOUT_OPTION = Option("timeout", OptionKind.DURATION, "Longest wait", "How long one answer may take.", "5s")
CA_OPTION = Option("ca", OptionKind.TEXT, "Certificate authority", "File with the certificates to trust (rediss://).")
LINK_OPTIONS = (DB_OPTION, TIMEOUT_OPTION, CA_OPTION)
"""Options of the connection, the same in every format that is kept in Redis."""
CONNECT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server listens and how to come in."""

    scheme: str
    host: str
    port: int
    path: str
    """The socket of unix://, else ""."""
    db: int
    user: str
    password: str
    timeout: float
    ca: str

    def __str__(self) -> str:
        """The place as sentences name it; never with user or password."""
        return self.path or f"{self.host}:{self.port}"


def place_of(target: Target, options: Mapping[str, OptionValue]) -> Place:
    """Read the place; BadRequest for a wrong database number, CacheUnavailable for what is not there yet."""
    parts = urlsplit(target.location)
    if parts.scheme in _LATER:
        raise CacheUnavailable(
            f"{_LATER[parts.scheme]} cannot be attached yet.", "Attach one server by redis://host:port/0."
        )
    if parts.scheme not in SCHEMES:
        raise BadRequest("This is no Redis URL.", "Write it like redis://host:6379/0.")
    is_socket = parts.scheme == "unix"
    return Place(
        scheme=parts.scheme,
        host="" if is_socket else parts.hostname or "localhost",
        port=parts.port or 6379,
        path=unquote(parts.path) if is_socket else "",
        db=_database("" if is_socket else parts.path.strip("/"), options.get("db")),
        user=unquote(parts.username or ""),
        password=target.password,
        timeout=_seconds(options.get("timeout")),
        ca=str(options.get("ca") or ""),
    )


def _database(text: str, option: OptionValue) -> int:
    if not text and isinstance(option, int | float):
        return int(option)
    if text and not text.isdecimal():
        raise BadRequest(f"“{text}” is no database number.", "Write the URL like redis://host:6379/0.")
    return int(text or 0)


def _seconds(option: OptionValue) -> float:
    return max(0.05, float(option)) if isinstance(option, int | float) and option < 3600 else 5.0


def root_of(prefix: str, separator: str = ":") -> str:
    """What stands before the last part of a prefix: metrics of `app:cache:` lie under `app`."""
    trimmed = prefix.removesuffix(separator)
    return trimmed.rpartition(separator)[0] or trimmed


def text_of(name: bytes) -> str:
    """A key as the studio shows and identifies it: every byte survives."""
    return name.decode("utf-8", "surrogateescape")


def bytes_of(name: str) -> bytes:
    """The key that `text_of` made this of."""
    return name.encode("utf-8", "surrogateescape")


def glob_of(prefix: str) -> bytes:
    """The SCAN pattern of all keys with this literal prefix."""
    return bytes_of("".join("\\" + letter if letter in "*?[]\\^-" else letter for letter in prefix)) + b"*"
