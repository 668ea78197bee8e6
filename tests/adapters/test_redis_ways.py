"""The ways to a server: TLS with its certificates, sockets, users, and ssh through a real sshd."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from contract import listing
from redis_caches import application, attached
from servers import HOST, RedisServer, free_port
from ssh_server import SshServer
from tls_servers import Certificates, TlsServer, certificates_in

from cache_studio.model.errors import CacheUnavailable

pytestmark = pytest.mark.redis


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates_in(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def tls(files: Certificates, redis_server: RedisServer) -> Iterator[TlsServer]:
    """A server with TLS that wants no certificate of a client; a key lies in it."""
    with TlsServer(files) as server:
        with application(server.url) as client:
            client.set("key", "value")
        yield server


@pytest.fixture(scope="module")
def mutual(files: Certificates, redis_server: RedisServer) -> Iterator[TlsServer]:
    """A server that wants the certificate of a client."""
    with TlsServer(files, clients="yes") as server:
        yield server


@pytest.fixture(scope="module")
def sshd() -> Iterator[SshServer]:
    with SshServer() as server:
        yield server


@pytest.fixture
def by_ssh(sshd: SshServer, monkeypatch: pytest.MonkeyPatch) -> SshServer:
    """The sshd, and the ssh of this test knows it and shows the key that is let in."""
    sshd.use_key("mine")
    monkeypatch.setenv("PATH", sshd.path)
    return sshd


def refused(target: str) -> CacheUnavailable:
    """The error of a target that cannot be attached; it has a hint and no password."""
    with pytest.raises(CacheUnavailable) as raised, attached(target):
        pass
    assert raised.value.hint
    return raised.value


# TLS.


def test_r10_a_server_of_our_authority_is_let_in(tls: TlsServer, files: Certificates) -> None:
    with attached(f"{tls.tls_url}?ca={files.ca}") as adapter:
        assert set(listing(adapter)) == {"key"}


def test_r10_the_check_is_on_unless_it_is_switched_off_by_name(tls: TlsServer) -> None:
    refused(tls.tls_url)
    with attached(f"{tls.tls_url}?verify=off") as adapter:
        assert set(listing(adapter)) == {"key"}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("rediss://localhost:{tls}/0", "not signed by an authority that this machine knows"),
        ("rediss://localhost:{tls}/0?ca={other_ca}", "not signed by the authority in"),
        ("rediss://127.0.0.1:{tls}/0?ca={ca}", "certificate of the server at 127.0.0.1:.* is for another name"),
        ("rediss://localhost:{tls}/0?ca=/nowhere/ca.pem", "There is no file /nowhere/ca.pem"),
        ("rediss://localhost:{tls}/0?ca={client_key}", "not readable: .*client_key"),
        ("rediss://localhost:{tls}/0?ca={ca}&cert={client_cert}&key={other_key}", "do not belong together"),
        ("rediss://localhost:{tls}/0?ca={ca}&cert={client_cert}", "not readable: .*client_cert"),
    ],
)
def test_r10_each_wrong_certificate_has_its_sentence(tls: TlsServer, files: Certificates, url: str, said: str) -> None:
    named = {name: getattr(files, name) for name in Certificates.__dataclass_fields__}
    assert_said(refused(url.format(tls=tls.tls_port, **named)), said)


def test_a_client_certificate_opens_the_server_that_wants_one(mutual: TlsServer, files: Certificates) -> None:
    ours = f"{mutual.tls_url}?ca={files.ca}"
    with attached(f"{ours}&cert={files.client_cert}&key={files.client_key}") as adapter:
        assert listing(adapter) == {}
    for wrong in (ours, f"{ours}&cert={files.other_cert}&key={files.other_key}"):
        assert_said(refused(wrong), "wants the certificate of a client")


def test_r10_tls_to_what_speaks_none(tls: TlsServer, files: Certificates) -> None:
    error = refused(f"rediss://localhost:{tls.port}/0?ca={files.ca}&timeout=300ms")
    assert_said(error, "does not answer|speaks no TLS")


# Sockets and users.


def test_a_socket_and_a_user_of_the_acl(redis_server: RedisServer, tmp_path: Path) -> None:
    path = tmp_path / "r ed?is.sock"
    with RedisServer(["--unixsocket", str(path)]) as server:
        server.command("ACL", "SETUSER", "me", "reset", "on", ">sec:ret", "~*", "+@all")
        server.command("SET", "key", "value")
        url = f"unix://me:sec%3Aret@{str(path).replace(' ', '%20').replace('?', '%3F')}"
        with attached(url) as adapter:
            assert set(listing(adapter)) == {"key"}
        assert_said(refused(url.replace("sec%3Aret", "wrong")), "does not accept this user or password")
        assert_said(refused(f"unix://{tmp_path}/nowhere.sock"), "no socket")


# ssh.


def test_ssh_leads_to_a_server_and_ends_with_the_attachment(tls: TlsServer, by_ssh: SshServer) -> None:
    with attached(f"{tls.url}?ssh={by_ssh.place}") as adapter:
        assert set(listing(adapter)) == {"key"}
        assert ssh_processes() != []
    assert ssh_processes() == []


def test_tls_goes_through_ssh_and_still_looks_at_the_name(
    tls: TlsServer, files: Certificates, by_ssh: SshServer
) -> None:
    with attached(f"{tls.tls_url}?ca={files.ca}&ssh={by_ssh.place}") as adapter:
        assert set(listing(adapter)) == {"key"}
    error = refused(f"rediss://127.0.0.1:{tls.tls_port}/0?ca={files.ca}&ssh={by_ssh.place}")
    assert_said(error, "is for another name")
    assert ssh_processes() == []


def test_ssh_that_is_not_let_in_is_said(tls: TlsServer, by_ssh: SshServer) -> None:
    by_ssh.use_key("stranger")
    assert_said(refused(f"{tls.url}?ssh={by_ssh.place}"), "ssh is not let in at")


def test_each_other_failure_of_ssh_has_its_sentence(
    tls: TlsServer, by_ssh: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = free_port()
    assert_said(refused(f"redis://{HOST}:{nobody}/0?ssh={by_ssh.place}"), f"no server is reached at {HOST}:{nobody}")
    assert_said(refused(f"{tls.url}?ssh=me@{HOST}:{nobody}"), "No SSH server answers")
    assert_said(refused(f"{tls.url}?ssh=me@no-such-host.invalid"), "SSH host .* is not known")
    monkeypatch.setenv("PATH", "/nowhere")
    assert_said(refused(f"{tls.url}?ssh={by_ssh.place}"), "no ssh program on this machine")
    assert ssh_processes() == []


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_ssh_ends_when_the_studio_is_killed(tls: TlsServer, by_ssh: SshServer) -> None:
    words = [sys.executable, "-m", "cache_studio", "watch", f"redis:{tls.url}?ssh={by_ssh.place}", "--interval", "60"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as studio:
        assert studio.stdout is not None
        assert studio.stdout.readline()
        children = [one for one in psutil.Process(studio.pid).children(recursive=True) if one.name() == "ssh"]
        assert children
        studio.send_signal(signal.SIGKILL)
    _gone, left = psutil.wait_procs(children, timeout=10)
    assert left == []


def ssh_processes() -> list[psutil.Process]:
    """The ssh programs that this process has started and that still run."""
    return [one for one in psutil.Process().children() if _name(one) == "ssh"]


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.NoSuchProcess:
        return ""


def assert_said(error: CacheUnavailable, pattern: str) -> None:
    """The sentence of an error holds a pattern."""
    assert re.search(pattern, error.message), error.message
