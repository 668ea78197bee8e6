"""Redis servers that speak TLS, with certificates made for the run; the plain port stays open beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from servers import RedisServer, free_port


@dataclass(frozen=True)
class Certificates:
    """Files: an authority, what it signed for a server (its name is localhost) and a client, and a stranger's."""

    ca: Path
    server_cert: Path
    server_key: Path
    client_cert: Path
    client_key: Path
    other_ca: Path
    other_cert: Path
    other_key: Path


def certificates_in(folder: Path) -> Certificates:
    """Make them below a folder."""
    ours, other = trustme.CA(), trustme.CA()
    server, client = ours.issue_cert("localhost"), ours.issue_cert("client.example")
    stranger = other.issue_cert("client.example")
    made = Certificates(*(folder / f"{name}.pem" for name in Certificates.__dataclass_fields__))
    ours.cert_pem.write_to_path(str(made.ca))
    other.cert_pem.write_to_path(str(made.other_ca))
    for issued, cert, key in (
        (server, made.server_cert, made.server_key),
        (client, made.client_cert, made.client_key),
        (stranger, made.other_cert, made.other_key),
    ):
        issued.cert_chain_pems[0].write_to_path(str(cert))
        issued.private_key_pem.write_to_path(str(key))
    return made


class TlsServer(RedisServer):
    """A RedisServer with TLS at `tls_port`; `clients`: whether it wants a certificate of the client ("yes", "no")."""

    def __init__(self, files: Certificates, clients: str = "no", options: Sequence[str] = ()) -> None:
        self.tls_port = free_port()
        tls = ["--tls-port", self.tls_port, "--tls-auth-clients", clients, "--tls-ca-cert-file", files.ca]
        tls += ["--tls-cert-file", files.server_cert, "--tls-key-file", files.server_key]
        super().__init__([*map(str, tls), *options])

    @property
    def tls_url(self) -> str:
        """Target URL of database 0 by TLS, for the name that the certificate holds."""
        return f"rediss://localhost:{self.tls_port}/0"

    def start(self) -> None:
        """Start, or skip the test where the program was built without TLS."""
        try:
            super().start()
        except RuntimeError as error:
            if "tls" not in str(error).lower():
                raise
            self.close()
            pytest.skip(f"this redis-server speaks no TLS: {error}")
