"""How a connection comes to a server: directly, by a socket, by TLS, through ssh, or to where Sentinels say it is."""

import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeAlias, cast

from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.exceptions import ConnectionError as NoConnection

from cache_studio.adapters.redis_options import CONNECT_SECONDS, Place
from cache_studio.adapters.redis_way_errors import SSH_SAID

SSH_SECONDS = 10.0
"""How long ssh may take to come to its host."""
NO_PRIMARY = "No Sentinel knows"
NO_SENTINEL = "No Sentinel answers"
_DOWN = (b"s_down", b"o_down", b"disconnected")
_Address: TypeAlias = tuple[str, int]


def connection_of(place: Place) -> Any:
    """An unopened connection of the driver (which has no types): bytes in and out, no retries, bounded waiting."""
    settings: dict[str, Any] = {
        "db": place.db,
        "username": place.user or None,
        "password": place.password or None,
        "socket_timeout": place.timeout,
        "protocol": 2,
    }
    kind: Any = UnixDomainSocketConnection
    if place.path:
        return kind(path=place.path, **settings)
    settings |= {"host": place.host, "port": place.port, "socket_connect_timeout": min(CONNECT_SECONDS, place.timeout)}
    if place.is_tls:
        settings |= _tls(place)
    if place.ssh or place.service:
        return (_LedTLS if place.is_tls else _Led)(place=place, **settings)
    kind = SSLConnection if place.is_tls else Connection
    return kind(**settings)


def _tls(place: Place) -> dict[str, Any]:
    return {
        "ssl_ca_certs": place.ca or None,
        "ssl_certfile": place.cert or None,
        "ssl_keyfile": place.key or None,
        "ssl_cert_reqs": "required" if place.verified else "none",
        "ssl_check_hostname": place.verified,
    }


class _Led(Connection):
    """A connection that finds its way anew each time it connects."""

    def __init__(self, place: Place, **settings: Any) -> None:
        super().__init__(**settings)  # type: ignore[no-untyped-call]  # the driver has no types
        self._place = place
        self._ssh: _Ssh | None = None
        self._ssh_said = ""
        self._connecting = False

    def connect(self) -> None:
        """Connect; what ssh says in place of the server is the reason of the error."""
        self._ssh_said, self._connecting = "", True
        try:
            super().connect()  # type: ignore[no-untyped-call]  # the driver has no types
        except (RedisError, OSError) as error:
            if self._ssh_said:
                raise NoConnection(f"{SSH_SAID} {self._ssh_said}") from error
            raise
        finally:
            self._connecting = False

    def disconnect(self, *arguments: Any, **named: Any) -> None:
        """Disconnect, and end what led there."""
        super().disconnect(*arguments, **named)  # type: ignore[no-untyped-call]  # the driver has no types
        if self._ssh is not None:
            if self._connecting:  # and it failed
                self._ssh_said = self._ssh.last_words() or self._ssh_said
            self._ssh.end()
            self._ssh = None

    def on_connect(self) -> None:
        """A server that stepped back since the Sentinels knew it is none to work with."""
        super().on_connect()  # type: ignore[no-untyped-call]  # the driver has no types
        if self._place.ssh:
            _answer(self, "PING", default=b"")  # until somebody answers there, ssh may still give up
        if (
            self._place.service
            and not self._place.replica
            and _answer(self, "ROLE", default=[b"master"])[0] != b"master"
        ):
            raise NoConnection(f"{NO_PRIMARY} a primary of {self._place.service} that is one")

    def _connect(self) -> Any:
        # The driver wraps what this gives back in TLS, for the name in `host`.
        if self._place.service:
            self.host, self.port = address_of(self._place)
        if self._place.ssh:
            self._ssh = _Ssh(self._place.ssh, self.host, self.port)
            found = self._ssh.socket
            found.settimeout(max(SSH_SECONDS, self._place.timeout))
        else:
            found = socket.create_connection((self.host, self.port), self.socket_connect_timeout)
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            found.settimeout(self.socket_timeout)
        return found


class _LedTLS(SSLConnection, _Led):
    """The same by TLS."""


class _Ssh:
    """One `ssh -W` for one connection: it ends with the connection, and no port of this machine is opened for it."""

    def __init__(self, place: str, host: str, port: int) -> None:
        self.socket, theirs = socket.socketpair()
        name, colon, number = place.rpartition(":")
        at = ["-p", number] if colon and number.isdecimal() else []
        waiting = ["-o", "BatchMode=yes", "-o", f"ConnectTimeout={SSH_SECONDS:g}"]
        words = ["ssh", *waiting, *at, "-W", f"[{host}]:{port}", "--", name if at else place]
        try:
            self._process = subprocess.Popen(
                words, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.PIPE
            )
        except OSError as error:
            self.socket.close()
            raise NoConnection(f"{SSH_SAID} the program cannot be started ({error.strerror})") from error
        finally:
            theirs.close()

    def last_words(self) -> str:
        """The last line that it said, if it gave up; "" where it went without a word."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        said = self._process.stderr
        if self._process.poll() is None or said is None or said.closed:
            return ""
        lines = said.read(10_000).decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def end(self) -> None:
        """End the program; safe when it ended by itself."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(2.0)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()


def address_of(place: Place) -> _Address:
    """Where the Sentinels say that the server is now; the first that knows is believed.

    ConnectionError of the driver when none of them answers, or none knows.
    """
    problem: Exception | None = None
    asked = False
    for host in place.hosts:
        sentinel = connection_of(_sentinel(place, *host))
        try:
            sentinel.connect()
            if found := _replica(sentinel, place.service) if place.replica else None:
                return found
            told = _answer(sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", place.service, default=None)
            if told:
                return told[0].decode(), int(told[1])
            asked = True
        except (RedisError, OSError) as error:
            problem = error
        finally:
            sentinel.disconnect()
    if problem is not None and not asked:
        if isinstance(problem, AuthenticationError | ResponseError):
            raise problem
        raise NoConnection(f"{NO_SENTINEL}: {problem}") from problem
    raise NoConnection(f"{NO_PRIMARY} the name {place.service}")


def _sentinel(place: Place, host: str, port: int) -> Place:
    return replace(place.node(host, port), db=0)


def _replica(sentinel: Any, service: str) -> _Address | None:
    told = _answer(sentinel, "SENTINEL", "REPLICAS", service, default=[])
    for words in cast(Sequence[Sequence[bytes]], told):
        facts = dict(zip(words[::2], words[1::2], strict=True))
        if not any(flag in facts.get(b"flags", b"") for flag in _DOWN):
            return facts[b"ip"].decode(), int(facts[b"port"])
    return None


def _answer(connection: Any, *command: object, default: Any) -> Any:
    """The answer, or `default` where the server refuses."""
    connection.send_command(*command, check_health=False)
    with suppress(ResponseError):
        return connection.read_response(disable_decoding=True)
    return default
