"""Trying a connection, against real servers and what is none: one sentence for each way in which it can fail."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from servers import HOST, RedisServer, free_port
from ssh_server import SshServer
from tls_servers import Certificates, TlsServer, certificates_in

from cache_studio.model.errors import BadRequest, CacheUnavailable
from cache_studio.model.targets import parse_target
from cache_studio.services.connection_test import Report, report_lines, try_connection

pytestmark = pytest.mark.redis
PASSWORD = "c4nary.Sq7"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates_in(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def tls(files: Certificates, redis_server: RedisServer) -> Iterator[TlsServer]:
    with TlsServer(files) as server:
        yield server


@pytest.fixture(scope="module")
def locked(redis_server: RedisServer) -> Iterator[RedisServer]:
    """A server with a password, and a user who may only look."""
    viewer = ["--user", "viewer", "on", f">{PASSWORD}", "~*", "+@read", "+@connection"]
    with RedisServer(["--requirepass", PASSWORD, *viewer]) as server:
        yield server


@pytest.fixture
def web() -> Iterator[str]:
    """The URL of a web server, with the scheme of Redis."""

    class Quiet(BaseHTTPRequestHandler):
        def log_message(self, *_words: object) -> None:
            """Nothing."""

    with HTTPServer((HOST, 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"redis://{HOST}:{server.server_port}/0?timeout=500ms"
        server.shutdown()
        thread.join()


def tried(text: str) -> Report:
    return try_connection(parse_target(text))


def failed(text: str) -> str:
    """The sentence of a connection that does not work; it has a hint and no password."""
    with pytest.raises(CacheUnavailable) as raised:
        tried(text)
    assert raised.value.hint
    told = f"{raised.value.message} {raised.value.hint} {raised.value.__cause__}"
    assert PASSWORD not in told
    return raised.value.message


def test_a_server_that_stands_alone(redis_server: RedisServer) -> None:
    report = tried(redis_server.url)
    assert re.fullmatch(r"Redis \d+\.\d+\.\d+", report.server)
    assert (report.mode, report.user, report.tls, report.verified) == ("standalone", "default", False, False)
    assert 0 < report.ping_ms < 1000
    assert {one.what for one in report.abilities if one.allowed} >= {"read", "remove", "undo", "TTL", "hit rate"}
    assert report.where == f"{HOST}:{redis_server.port}, database 0"


def test_looking_leaves_nothing_and_counts_nothing(redis_url: str, redis_server: RedisServer) -> None:
    tried(redis_url)
    assert redis_server.command("DBSIZE") == ":0"


def test_a_user_who_may_only_look_is_told_why(locked: RedisServer) -> None:
    report = tried(locked.url.replace("://", f"://viewer:{PASSWORD}@"))
    assert (report.user, report.server.split(" ")[0]) == ("viewer", "Redis")
    refused = {one.what: one.reason for one in report.abilities if not one.allowed}
    assert "“viewer”" in refused["remove"]
    assert "INFO" in refused["hit rate"]
    lines = report_lines(report)
    assert "as user “viewer”" in lines[0]
    assert any(line.startswith("Not remove: ") for line in lines)


def test_a_replica_says_so(redis_server: RedisServer) -> None:
    with RedisServer(["--replicaof", HOST, str(redis_server.port)]) as replica:
        report = tried(replica.url)
    assert report.mode == "replica"
    assert "It is a replica and takes no changes." in report_lines(report)


def test_tls_says_whether_the_server_was_checked(tls: TlsServer, files: Certificates) -> None:
    checked, believed = tried(f"{tls.tls_url}?ca={files.ca}"), tried(f"{tls.tls_url}?verify=off")
    assert (checked.tls, checked.verified, believed.tls, believed.verified) == (True, True, True, False)
    assert any("NOT checked" in line for line in report_lines(believed))
    assert not any("NOT" in line for line in report_lines(checked))


def test_what_is_wrong_with_host_port_password_and_database(locked: RedisServer, redis_server: RedisServer) -> None:
    assert "host of no-such-host.invalid:6379 is not known" in failed("redis://no-such-host.invalid")
    assert "No server answers" in failed(f"redis://{HOST}:{free_port()}")
    assert "wants a password" in failed(locked.url)
    assert "does not accept this user or password" in failed(locked.url.replace("://", f"://:{PASSWORD}x@"))
    assert "no database of this number" in failed(f"redis://{HOST}:{redis_server.port}/99")


def test_what_is_wrong_with_tls(tls: TlsServer, files: Certificates) -> None:
    assert "not signed by the authority in" in failed(f"{tls.tls_url}?ca={files.other_ca}")
    assert "is for another name" in failed(f"rediss://{HOST}:{tls.tls_port}/0?ca={files.ca}")
    assert "speaks no TLS at this port" in failed(f"rediss://{HOST}:{tls.port}/0?ca={files.ca}&timeout=500ms")
    assert "wants TLS" in failed(f"redis://:{PASSWORD}@localhost:{tls.tls_port}/0")


def test_what_is_no_redis(web: str) -> None:
    assert "is no Redis: it looks like a web server" in failed(web.replace("://", f"://:{PASSWORD}@"))
    assert "is no Redis: it looks like a web server" in failed(web.replace("redis:", "rediss:"))


def test_a_frozen_server(redis_server: RedisServer) -> None:
    with RedisServer() as server:
        server.pause()
        assert "does not answer" in failed(f"{server.url}?timeout=300ms")


def test_sentinels_that_are_not_there_or_know_nothing(redis_server: RedisServer, tmp_path: Path) -> None:
    nobody = failed(f"redis+sentinel://:{PASSWORD}@{HOST}:{free_port()}/mymaster")
    assert "mymaster" in nobody
    assert "answers" in nobody
    unknown = failed(f"redis+sentinel://{HOST}:{redis_server.port}/mymaster")
    assert "mymaster" in unknown
    with pytest.raises(BadRequest, match="name the service"):
        tried(f"redis+sentinel://{HOST}:{free_port()}")


def test_the_way_through_ssh(
    redis_server: RedisServer, tls: TlsServer, files: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SshServer() as sshd:
        monkeypatch.setenv("PATH", sshd.path)
        report = tried(f"{redis_server.url}?ssh={sshd.place}")
        assert report.where.endswith(f"through ssh {sshd.place}")
        assert tried(f"{tls.tls_url}?ca={files.ca}&ssh={sshd.place}").verified
        sshd.use_key("stranger")
        assert "ssh is not let in" in failed(f"{redis_server.url}?ssh={sshd.place}")
        monkeypatch.setenv("PATH", "/nowhere")
        assert "no ssh program" in failed(f"{redis_server.url}?ssh={sshd.place}")


def test_a_path_has_no_connection(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="Only a server"):
        tried(str(tmp_path))
