"""A real sshd for tests: own process, own port, own host key, the user's own key; never the system's service."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from servers import HOST, free_port

START_SECONDS = 10.0
_SEPARATION = Path("/run/sshd")
"""sshd wants it empty and there when root starts it."""
_LAUNCH = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[1], sys.argv[1:])"


def find_sshd() -> str:
    """The sshd program; skips where there is none, or none that a test may start."""
    found = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    if found is None or shutil.which("ssh") is None or shutil.which("ssh-keygen") is None:
        pytest.skip("no sshd: install openssh-server")
    if os.geteuid() == 0 and not _SEPARATION.is_dir():
        try:
            _SEPARATION.mkdir(mode=0o755)
        except OSError as error:
            pytest.skip(f"sshd wants {_SEPARATION}, which cannot be made: {error}")
    return found


class SshServer:
    """An sshd that lets this user in by one key; `folder/bin/ssh` is the system's ssh with the settings for it."""

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="cache-studio-ssh-"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def place(self) -> str:
        """What the option `ssh` of a target is to say."""
        return f"{getpass.getuser()}@{HOST}:{self.port}"

    @property
    def path(self) -> str:
        """A PATH whose ssh is the one that knows key and host key."""
        return f"{self.folder / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"

    def __enter__(self) -> SshServer:
        program = find_sshd()
        for name in ("host", "mine", "stranger"):
            words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)]
            subprocess.run(words, check=True, capture_output=True)
        (self.folder / "authorized").write_text((self.folder / "mine.pub").read_text())
        known = (self.folder / "host.pub").read_text().split()[:2]
        (self.folder / "known_hosts").write_text(f"[{HOST}]:{self.port} {' '.join(known)}\n")
        self.use_key("mine")
        self._write_ssh()
        settings = self.folder / "sshd_config"
        settings.write_text(
            f"ListenAddress {HOST}\nPort {self.port}\nHostKey {self.folder / 'host'}\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {self.folder / 'authorized'}\nStrictModes no\nPasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n"
        )
        launch = [sys.executable, "-ISc", _LAUNCH] if sys.platform == "linux" else []
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*launch, program, "-D", "-e", "-f", str(settings)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._wait()
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def use_key(self, name: str) -> None:
        """Let ssh show this key: "mine", which is let in, or "stranger"."""
        (self.folder / "ssh_config").write_text(
            f"IdentityFile {self.folder / name}\nIdentitiesOnly yes\nStrictHostKeyChecking yes\n"
            f"UserKnownHostsFile {self.folder / 'known_hosts'}\nGlobalKnownHostsFile /dev/null\n"
        )

    def _write_ssh(self) -> None:
        program = self.folder / "bin" / "ssh"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {self.folder / "ssh_config"} "$@"\n')
        program.chmod(0o755)

    def _wait(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with socket.create_connection((HOST, self.port), timeout=1) as probe:
                    probe.recv(4)
                    return
            except OSError:
                continue
        said = (self.folder / "log").read_text(errors="replace")[-1000:]
        self.__exit__()
        pytest.skip(f"sshd does not start here: {said}")
