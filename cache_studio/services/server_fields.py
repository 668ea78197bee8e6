"""A Redis server as the fields of a form, and as a target: one is made from the other, both ways. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from urllib.parse import quote, unquote, urlsplit

from cache_studio.adapters.redis_options import REDIS_PORT, SENTINEL_PORT, hosts_of
from cache_studio.model.errors import BadRequest
from cache_studio.model.targets import Target, parse_target


class Kind(StrEnum):
    """How a server is reached."""

    SERVER = "server"
    SOCKET = "socket"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


_SCHEMES = {Kind.SERVER: "redis", Kind.SENTINEL: "redis+sentinel", Kind.CLUSTER: "redis+cluster"}
_OWN_OPTIONS = ("db", "ca", "cert", "key", "verify", "ssh", "prefix")
_NO_HOST = re.compile(r"[/@?#\s]")


@dataclass(frozen=True, slots=True)
class ServerFields:
    """What the form shows. A field that its kind has no use for keeps its default."""

    kind: Kind = Kind.SERVER
    hosts: str = "localhost"
    """One host; of Sentinels and cluster nodes several, each perhaps with a port of its own, divided by commas."""
    port: int | None = None
    """Of every host that has none of its own; None for the usual one."""
    path: str = ""
    """The file of a Unix socket."""
    db: int = 0
    service: str = ""
    """What the Sentinels call the server."""
    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    ca: str = ""
    cert: str = ""
    key: str = ""
    verified: bool = True
    ssh: str = ""
    prefix: str = ""
    format: str = ""
    others: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    """Options that the form does not show, kept as they were."""


def usual_port(kind: Kind) -> int:
    """The port of a host that names none."""
    return SENTINEL_PORT if kind is Kind.SENTINEL else REDIS_PORT


def target_of(fields: ServerFields) -> Target:
    """The target that these fields describe; BadRequest with the field that makes no sense."""
    if fields.kind is Kind.SOCKET:
        text = _socket_text(fields)
    else:
        scheme = _SCHEMES[fields.kind].replace("redis", "rediss", 1) if fields.tls else _SCHEMES[fields.kind]
        text = f"{scheme}://{_user_text(fields)}{_hosts_text(fields)}{_path_text(fields)}"
    target = parse_target(text)
    return replace(target, format=fields.format, options=_options(fields), password=fields.password)


def fields_of(target: Target) -> ServerFields:
    """The fields that describe a target; those of a server on this machine for a target that is no URL."""
    if not target.is_url:
        return ServerFields()
    parts = urlsplit(target.location)
    options = target.options
    fields = ServerFields(
        kind=_kind_of(parts.scheme),
        user=unquote(parts.username or ""),
        password=target.password,
        tls=parts.scheme.startswith("rediss"),
        verified=options.get("verify") != "off",
        ca=options.get("ca", ""),
        cert=options.get("cert", ""),
        key=options.get("key", ""),
        ssh=options.get("ssh", ""),
        prefix=options.get("prefix", ""),
        format=target.format,
        others=MappingProxyType({name: text for name, text in options.items() if name not in _OWN_OPTIONS}),
    )
    service, _slash, number = parts.path.strip("/").partition("/")
    if fields.kind is not Kind.SENTINEL:
        service, number = "", parts.path.strip("/")
    written = options.get("db", "") if fields.kind is Kind.SOCKET or not number else number
    database = int(written) if written.isdecimal() else 0
    match fields.kind:
        case Kind.SOCKET:
            return replace(fields, path=unquote(parts.path), hosts="", db=database)
        case Kind.CLUSTER:
            database = 0
    hosts, port = _hosts_and_port(parts.netloc, fields.kind)
    return replace(fields, hosts=hosts, port=port, service=unquote(service), db=database)


def _kind_of(scheme: str) -> Kind:
    if scheme == "unix":
        return Kind.SOCKET
    return next((kind for kind, name in _SCHEMES.items() if scheme.replace("rediss", "redis") == name), Kind.SERVER)


def _hosts_and_port(netloc: str, kind: Kind) -> tuple[str, int | None]:
    """The hosts as the form shows them; a port that all of them share stands in its own field."""
    found = hosts_of(netloc, 0)
    ports = {port for _host, port in found}
    if len(ports) == 1:
        shared = ports.pop()
        return ", ".join(_bracketed(host, alone=len(found) == 1) for host, _port in found), shared or None
    usual = usual_port(kind)
    return ", ".join(f"{_bracketed(host, alone=False)}:{port or usual}" for host, port in found), None


def _bracketed(host: str, *, alone: bool) -> str:
    return f"[{host}]" if ":" in host and not alone else host


def _hosts_text(fields: ServerFields) -> str:
    """Hosts and ports as a URL writes them."""
    named = [text.strip() for text in fields.hosts.split(",") if text.strip()]
    if not named:
        raise BadRequest("The host is missing.", "Write a name such as db.example.com, or localhost.")
    if len(named) > 1 and fields.kind is Kind.SERVER:
        raise BadRequest("One server has one host.", "Choose Sentinel or Cluster for several.")
    return ",".join(_host_text(text, fields.port) for text in named)


def _host_text(text: str, port: int | None) -> str:
    if text.count(":") > 1 and not text.startswith("["):
        text = f"[{text}]"
    try:
        parts = urlsplit(f"//{text}")
        own, name = parts.port, parts.hostname
    except ValueError:
        own, name = None, None
    if not name or _NO_HOST.search(text):
        raise BadRequest(f"“{text}” is no host.", "Write a name such as db.example.com, or name:port.")
    return text if own or not port else f"{text.rstrip(':')}:{port}"


def _path_text(fields: ServerFields) -> str:
    if fields.kind is Kind.CLUSTER:
        return ""
    if fields.kind is not Kind.SENTINEL:
        return f"/{fields.db}"
    if not fields.service.strip():
        raise BadRequest("The name of the service is missing.", "It is what the Sentinels call the server: mymaster.")
    return f"/{quote(fields.service.strip(), safe='')}/{fields.db}"


def _socket_text(fields: ServerFields) -> str:
    if not fields.path.startswith("/"):
        raise BadRequest("The path of the socket is missing.", "Write it from the root on: /run/redis/redis.sock.")
    return f"unix://{_user_text(fields)}{quote(fields.path, safe='/')}"


def _user_text(fields: ServerFields) -> str:
    return f"{quote(fields.user, safe='')}@" if fields.user else ""


def _options(fields: ServerFields) -> Mapping[str, str]:
    is_socket = fields.kind is Kind.SOCKET
    chosen = {"prefix": fields.prefix, "ssh": "" if is_socket else fields.ssh}
    if is_socket and fields.db:
        chosen["db"] = str(fields.db)
    if fields.tls and not is_socket:
        chosen |= {"ca": fields.ca, "cert": fields.cert, "key": fields.key, "verify": "" if fields.verified else "off"}
    return MappingProxyType(dict(fields.others) | {name: text for name, text in chosen.items() if text})
