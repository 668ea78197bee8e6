"""Redis over TLS: a certificate that is not right ends the attaching, unless a user switched the check off."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from servers import RedisServer, free_port

sys.path.insert(0, str(Path(__file__).parents[1] / "adapters"))

from contract import listing
from redis_caches import application, attached

from cache_studio.adapters.redis_options import LINK_OPTIONS
from cache_studio.model.errors import CacheUnavailable

pytestmark = [
    pytest.mark.redis,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates"),
]


@dataclass(frozen=True)
class Tls:
    """A server with TLS at one port, and plain at another."""

    port: int
    plain: RedisServer
    ca: Path
    other_ca: Path


def openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=30)


def authority(folder: Path, name: str) -> Path:
    """A certificate authority; its key lies beside it."""
    made = folder / f"{name}.crt"
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", made.with_suffix(".key")]
    openssl("req", "-x509", *key, "-out", made, "-days", 2, "-subj", f"/CN={name}")
    return made


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> Iterator[Tls]:
    folder = tmp_path_factory.mktemp("tls")
    ca, other = authority(folder, "ours"), authority(folder, "other")
    key, request, signed = folder / "server.key", folder / "server.csr", folder / "server.crt"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", *curve, "-keyout", key, "-out", request, "-subj", "/CN=localhost")
    names = folder / "names"
    names.write_text("subjectAltName=DNS:localhost\n")
    by = ["-CA", ca, "-CAkey", ca.with_suffix(".key"), "-CAcreateserial", "-extfile", names]
    openssl("x509", "-req", "-in", request, *by, "-days", 2, "-out", signed)
    port = free_port()
    files = ["--tls-cert-file", signed, "--tls-key-file", key, "--tls-ca-cert-file", ca, "--tls-auth-clients", "no"]
    server = RedisServer(["--tls-port", str(port), *map(str, files)])
    try:
        server.start()
    except RuntimeError as error:
        server.close()
        pytest.skip(f"this redis-server speaks no TLS: {error}")
    yield Tls(port, server, ca, other)
    server.close()


def test_r10_the_right_authority_and_name_are_let_in(tls: Tls) -> None:
    with application(tls.plain.url) as client:
        client.set("key", "value")
    with attached(f"rediss://localhost:{tls.port}/0?ca={tls.ca}") as adapter:
        assert set(listing(adapter)) == {"key"}


@pytest.mark.parametrize(
    ("host", "ca"),
    [("localhost", "other_ca"), ("localhost", None), ("127.0.0.1", "ca")],
    ids=["wrong authority", "nobody's authority", "wrong name"],
)
def test_r10_another_certificate_is_refused(tls: Tls, host: str, ca: str | None) -> None:
    option = f"?ca={getattr(tls, ca)}" if ca else ""
    with (
        pytest.raises(CacheUnavailable, match="certificate") as raised,
        attached(f"rediss://{host}:{tls.port}/0{option}"),
    ):
        pass
    assert raised.value.hint


def test_r10_the_check_is_on_and_off_only_by_name() -> None:
    switches = [option for option in LINK_OPTIONS if option.name == "verify"]
    assert [(option.default, option.choices) for option in switches] == [("on", ("on", "off"))]
    assert "Anybody on the way" in switches[0].help
    assert not [option.name for option in LINK_OPTIONS if "insecure" in option.name]
