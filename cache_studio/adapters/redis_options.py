"""How a Redis target and its options are read, without the driver: both faces need it before anything connects."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import unquote, urlsplit

from cache_studio.model.errors import BadRequest
from cache_studio.model.options import Option, OptionKind, OptionValue
from cache_studio.model.targets import Target

SCHEMES = ("redis", "rediss", "redis+cluster", "rediss+cluster", "redis+sentinel", "rediss+sentinel", "unix")
"""URL schemes that can be opened."""
KEYS_FORMAT = "redis"
RESPONSE_FORMAT = "redis-response"
HASH_FORMAT = "redis-hash"
RESPONSE_META = ":meta"
"""What the name of a response's twin adds; with the digest before it the signature of S5."""
REDIS_PORT, SENTINEL_PORT = 6379, 26379

DB_OPTION = Option("db", OptionKind.NUMBER, "Database", "Number of the database, where the URL does not say it.")
TIMEOUT_OPTION = Option("timeout", OptionKind.DURATION, "Longest wait", "How long one answer may take.", "5s")
CA_OPTION = Option("ca", OptionKind.TEXT, "Certificate authority", "File with the certificates to trust (rediss://).")
CERT_OPTION = Option("cert", OptionKind.TEXT, "Client certificate", "File with our certificate (TLS).")
KEY_OPTION = Option("key", OptionKind.TEXT, "Client key", "File with its key, where it is not in the same file.")
VERIFY_OPTION = Option(
    "verify",
    OptionKind.CHOICE,
    "Check the server",
    "off: TLS with whoever answers. Anybody on the way can then read and change everything.",
    "on",
    ("on", "off"),
)
SSH_OPTION = Option(
    "ssh", OptionKind.TEXT, "Through SSH", "user@host[:port] to reach the server from, by this system's ssh."
)
ROLE_OPTION = Option(
    "role",
    OptionKind.CHOICE,
    "Which server",
    "Of a Sentinel: the primary, or a replica, which takes no changes.",
    "primary",
    ("primary", "replica"),
)
LINK_OPTIONS = (
    DB_OPTION,
    TIMEOUT_OPTION,
    CA_OPTION,
    CERT_OPTION,
    KEY_OPTION,
    VERIFY_OPTION,
    SSH_OPTION,
    ROLE_OPTION,
)
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
    password: str = field(repr=False)
    timeout: float
    """Seconds that one answer may take."""
    ca: str
    cert: str = ""
    key: str = ""
    verified: bool = True
    """Whether TLS checks who answers; without it the connection is open to anybody on the way."""
    ssh: str = ""
    """Where the system's ssh reaches the server from, else ""."""
    hosts: tuple[tuple[str, int], ...] = ()
    """The Sentinels to ask, or the nodes of a cluster to begin with."""
    service: str = ""
    """What the Sentinels call the server; else ""."""
    replica: bool = False

    def __str__(self) -> str:
        """The place as sentences name it; never with user or password."""
        if self.service:
            return f"{self.service} of {', '.join(_written(*host) for host in self.hosts)}"
        return self.path or _written(self.host, self.port)

    @property
    def is_tls(self) -> bool:
        """Whether the connection is encrypted by TLS."""
        return self.scheme.startswith("rediss")

    @property
    def is_cluster(self) -> bool:
        """Whether this stands for all nodes of a cluster."""
        return self.scheme.endswith("+cluster")

    def node(self, host: str, port: int) -> "Place":
        """One server that this place led to, reached the same way."""
        scheme = "rediss" if self.is_tls else "redis"
        return replace(self, scheme=scheme, host=host, port=port, hosts=(), service="")


def place_of(target: Target, options: Mapping[str, OptionValue]) -> Place:
    """Read the place; BadRequest for a wrong database number or a name that no ssh should get."""
    parts = urlsplit(target.location)
    if parts.scheme not in SCHEMES:
        raise BadRequest("This is no Redis URL.", "Write it like redis://host:6379/0.")
    is_socket, is_sentinel = parts.scheme == "unix", parts.scheme.endswith("+sentinel")
    hosts = () if is_socket else hosts_of(parts.netloc, SENTINEL_PORT if is_sentinel else REDIS_PORT)
    is_cluster = parts.scheme.endswith("+cluster")
    service, _slash, number = parts.path.strip("/").partition("/") if is_sentinel else ("", "", parts.path.strip("/"))
    if is_sentinel and not service:
        raise BadRequest("The URL does not name the service.", "Write it like redis+sentinel://host:26379/mymaster/0.")
    db = _database("" if is_socket else number, options.get("db"))
    if is_cluster and db:
        raise BadRequest(f"A cluster has no database {db}.", "Leave the number out: a cluster has database 0 alone.")
    return Place(
        scheme=parts.scheme,
        host="" if is_socket else hosts[0][0],
        port=REDIS_PORT if is_socket else hosts[0][1],
        path=unquote(parts.path) if is_socket else "",
        db=db,
        user=unquote(parts.username or ""),
        password=target.password,
        timeout=_seconds(options.get("timeout")),
        ca=str(options.get("ca") or ""),
        cert=str(options.get("cert") or ""),
        key=str(options.get("key") or ""),
        verified=options.get("verify") != "off",
        ssh=_ssh(str(options.get("ssh") or "")),
        hosts=hosts if is_sentinel or is_cluster else (),
        service=unquote(service),
        replica=is_sentinel and options.get("role") == "replica",
    )


def hosts_of(netloc: str, port: int) -> tuple[tuple[str, int], ...]:
    """The hosts of a URL, divided by commas, each with its port or this one."""
    found = []
    for text in netloc.rpartition("@")[2].split(","):
        parts = urlsplit(f"//{text}")
        found.append((parts.hostname or "localhost", parts.port or port))
    return tuple(found)


def _written(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _ssh(text: str) -> str:
    if text.startswith("-") or any(letter.isspace() for letter in text):
        raise BadRequest(f"“{text}” is no place for ssh.", "Write it like user@host or user@host:2222.")
    return text


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
