"""A password that is easily found again goes in by every door of both faces: it comes out by none."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import keyring
import pytest
import redis
from keyring.backends.fail import Keyring as NoKeyring
from keyrings_in_memory import FakeKeyring
from PySide6.QtCore import QEvent
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QInputDialog, QLineEdit
from pytestqt.qtbot import QtBot
from servers import RedisServer
from ssh_server import SshServer
from tls_servers import TlsServer, certificates_in

from cache_studio.cli.main import run
from cache_studio.gui.attach_dialog import AttachDialog
from cache_studio.gui.main_window import MainWindow
from cache_studio.gui.server_dialog import ServerDialog
from cache_studio.services import act
from cache_studio.services.standing import Phase

pytestmark = pytest.mark.redis
CANARY = "c4nary.Sq7"
SECRET_KEY = f"app:sk-{'a' * 20}"


@pytest.fixture(autouse=True)
def _no_keyring() -> None:
    """No test sees the keyring of whoever runs it."""
    keyring.set_keyring(NoKeyring())


@pytest.fixture
def locked_server(redis_server: RedisServer) -> Iterator[RedisServer]:
    """A server that wants the canary, with three entries."""
    with RedisServer(["--requirepass", CANARY]) as server:
        with redis.Redis.from_url(server.url, password=CANARY, protocol=2) as client:
            client.mset({"app:1": "value", "app:2": "value", SECRET_KEY: "value"})
        yield server


_argument_lists: list[str] = []


def _note_arguments(event: str, arguments: tuple[object, ...]) -> None:
    if event == "subprocess.Popen":
        _argument_lists.append(repr(arguments))


_installed: list[object] = []


@pytest.fixture
def argument_lists() -> list[str]:
    """What processes are started with, during this test."""
    if _note_arguments not in _installed:
        _installed.append(_note_arguments)
        sys.addaudithook(_note_arguments)
    _argument_lists.clear()
    return _argument_lists


def files_with(text: str, folder: Path) -> list[str]:
    """Every file below a folder that holds a text, in any of the ways a program writes one."""
    wanted = [text.encode(), text.encode("utf-16-le"), text.encode("utf-32-le")]
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and any(part in path.read_bytes() + str(path).encode() for part in wanted)
    ]


def command(monkeypatch: pytest.MonkeyPatch, *words: object) -> tuple[int, str]:
    """Run a command in this process; its exit code and all it printed."""
    out, err = TextIOWrapper(BytesIO(), "utf-8"), TextIOWrapper(BytesIO(), "utf-8")
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdin", StringIO())
        patched.setattr(sys, "stdout", out)
        patched.setattr(sys, "stderr", err)
        code = run([str(word) for word in words])
    assert isinstance(code, int)
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())  # type: ignore[attr-defined]
    return code, "".join(texts)


def test_r11_no_command_prints_or_writes_the_password(
    locked_server: RedisServer,
    empty_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    argument_lists: list[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(act, "LOOK_AGAIN_SECONDS", 0.0)
    at = locked_server.url.removeprefix("redis://")
    good, bare = f"redis://:{CANARY}@{at}?prefix=app:&format=redis", f"redis://{at}"
    asked = f"redis://{at}?prefix=app:&format=redis&password={CANARY}"
    runs: list[tuple[int, tuple[object, ...]]] = [
        (0, ("list", good)), (0, ("list", asked, "--format", "json")), (0, ("show", good, "app:1")),
        (0, ("stats", good)), (0, ("stats", good, "--format", "json")), (0, ("watch", good, "--count", "1")),
        (0, ("export", good, tmp_path / "out.csv")), (0, ("snapshot", good, tmp_path / "out.html")),
        (0, ("snapshot", good, tmp_path / "out.json")), (0, ("doctor",)), (0, ("discover", tmp_path)),
        (0, ("invalidate", good, "app:1", "--yes")), (0, ("undo", "--yes", "--target", good)),
        (0, ("clear", good, "--yes")), (0, ("trash", "list")), (3, ("undo", "--yes")), (0, ("compact", good, "--yes")),
        (3, ("list", f"redis://:{CANARY}x@{at}")), (3, ("list", bare)),
        (2, ("list", good, good)), (2, ("list", good, "--where", "(")), (2, ("list", f"redis://:{CANARY}/x@{at}")),
        (2, ("list", good + "&nonsense=1")), (3, ("stats", f"redis://:{CANARY}@127.0.0.1:1/0")),
        (2, ("undo", "--yes", "--target", f"redis://:{CANARY}@127.0.0.1:1/0")),
    ]  # fmt: skip
    printed = [(code, words, command(monkeypatch, *words)) for code, words in runs]
    assert [(words[0], got) for _code, words, (got, _text) in printed] == [(words[0], code) for code, words in runs]
    leaks = [words for _code, words, (_got, text) in printed if CANARY in text]
    assert leaks == []
    assert CANARY not in caplog.text
    assert CANARY not in "".join(argument_lists)
    assert files_with(CANARY, empty_home) == []
    assert files_with(CANARY, tmp_path) == []
    assert files_with("app:1", empty_home), "the trash should hold what was removed"


@pytest.fixture
def locked_tls(tmp_path: Path, redis_server: RedisServer) -> Iterator[TlsServer]:
    """A server with TLS and at a socket that wants the canary, with three entries."""
    files = certificates_in(tmp_path)
    with TlsServer(files, options=["--requirepass", CANARY, "--unixsocket", str(tmp_path / "s")]) as server:
        with redis.Redis.from_url(server.url, password=CANARY, protocol=2) as client:
            client.mset({"app:1": "value", "app:2": "value", SECRET_KEY: "value"})
        yield server


def test_r11_no_way_to_a_server_tells_the_password(
    locked_tls: TlsServer,
    empty_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    argument_lists: list[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    port, ca, what = locked_tls.tls_port, tmp_path / "ca.pem", "prefix=app:&format=redis"
    tls = f"rediss://:{CANARY}@localhost:{port}/0?{what}&ca={ca}"
    runs: list[tuple[int, tuple[object, ...]]] = [
        (0, ("doctor", tls)), (0, ("doctor", tls, "--format", "json")), (0, ("list", tls)),
        (0, ("stats", tls.replace(f"ca={ca}", "verify=off"))),
        (0, ("list", f"unix://:{CANARY}@{tmp_path / 's'}?{what}")),
        (3, ("doctor", tls.replace("localhost", "127.0.0.1"))), (3, ("doctor", tls.replace(CANARY, f"{CANARY}x"))),
        (3, ("doctor", tls.replace("rediss", "redis"))), (3, ("list", tls + "&cert=/nowhere")),
        (3, ("doctor", f"redis+sentinel://:{CANARY}@127.0.0.1:{locked_tls.port},127.0.0.1:1/mymaster/0")),
        (3, ("doctor", f"redis+cluster://me:{CANARY}@127.0.0.1:{locked_tls.port},127.0.0.1:1")),
        (3, ("doctor", f"redis://:{CANARY}@127.0.0.1:{locked_tls.port}/0?ssh=me@127.0.0.1:1")),
        (2, ("doctor", f"redis://:{CANARY}@127.0.0.1/0?ssh=-oProxyCommand=x")),
        (3, ("invalidate", f"{tls}&ssh=me@127.0.0.1:1", "app:1", "--yes")),
    ]  # fmt: skip
    with SshServer() as sshd:
        monkeypatch.setenv("PATH", sshd.path)
        runs.append((0, ("list", f"{tls}&ssh={sshd.place}")))
        printed = [(words, command(monkeypatch, *words)) for _code, words in runs]
    assert [(words[:2], got) for words, (got, _text) in printed] == [(words[:2], code) for code, words in runs]
    assert [words for words, (_got, text) in printed if CANARY in text] == []
    assert CANARY not in caplog.text
    assert any("ssh" in words for words in argument_lists)
    assert CANARY not in "".join(argument_lists)
    assert files_with(CANARY, empty_home) == []


def test_r11_at_a_terminal_the_password_is_asked_for_and_not_shown(
    locked_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import click

    asked: list[dict[str, object]] = []

    def prompt(_text: str, **how: object) -> str:
        asked.append(how)
        return CANARY

    typed = StringIO()
    monkeypatch.setattr(typed, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(click, "prompt", prompt)
    monkeypatch.setattr("sys.stdin", typed)
    code, text = 0, ""
    with monkeypatch.context() as patched:
        out = TextIOWrapper(BytesIO(), "utf-8")
        patched.setattr(sys, "stdout", out)
        code = run(["list", f"{locked_server.url}?prefix=app:&format=redis", "--format", "json"])  # type: ignore[assignment]
        out.flush()
        text = out.buffer.getvalue().decode()  # type: ignore[attr-defined]
    assert (code, len(json.loads(text)), len(asked)) == (0, 3, 1)
    assert asked[0]["hide_input"] is True
    assert CANARY not in text


@pytest.fixture
def window(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    monkeypatch.setattr("cache_studio.gui.main_window.LOOK_AFTER_MS", 3_600_000)
    made = MainWindow()
    made.dock.set_wanted(False)
    made.show()
    with qtbot.waitSignal(made.controller.ready):
        made.begin([])
    yield made
    with qtbot.waitSignal(made.closed, timeout=10_000):
        made.close()
    assert made.controller.wait_closed(10)
    made.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def shown_words() -> str:
    """All that any widget shows or tells, but for what is typed into a field that hides it."""
    words = [QGuiApplication.clipboard().text()]
    for widget in QApplication.allWidgets():
        words += [
            widget.windowTitle(),
            widget.toolTip(),
            widget.statusTip(),
            widget.accessibleName(),
            widget.objectName(),
        ]
        hidden = isinstance(widget, QLineEdit) and widget.echoMode() is QLineEdit.EchoMode.Password
        told = (getattr(widget, name, None) for name in ("text", "toPlainText", "placeholderText", "title"))
        words += [str(method()) for method in told if not hidden and callable(method)]
    return "\n".join(words)


def test_r11_the_window_shows_and_writes_no_password(
    window: MainWindow,
    qtbot: QtBot,
    locked_server: RedisServer,
    empty_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    argument_lists: list[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    at = locked_server.url.removeprefix("redis://")
    seen: list[str] = []
    asked: list[str] = []

    def ask(_parent: object, _title: str, words: str, *_how: object) -> tuple[str, bool]:
        asked.append(words)
        return CANARY, True

    monkeypatch.setattr(QInputDialog, "getText", ask)
    # A wrong password in a URL that was named at the start: it is asked for anew.
    window.controller.attach(f"redis://:{CANARY}-wrong@{at}?prefix=app:&format=redis")
    qtbot.waitUntil(
        lambda: any(one.standing.phase is Phase.LIVE for one in window.controller.attachments), timeout=15_000
    )
    seen.append(shown_words())
    attachment = window.controller.attachments[0]
    window.controller.detach(attachment)
    qtbot.waitUntil(lambda: not window.controller.attachments)

    # A URL with its password in the dialog: the password moves to the field that hides it.
    dialog = AttachDialog(window, window.controller, f"redis://:{CANARY}@{at}?prefix=app:")
    dialog.decided.connect(window.controller.attach_remembered)
    dialog.open()
    qtbot.waitUntil(dialog.attach.isEnabled, timeout=15_000)
    assert dialog.password.text() == CANARY
    assert not dialog.keep_password.isVisible(), "there is no keyring"
    seen.append(shown_words())
    dialog.attach.click()
    qtbot.waitUntil(
        lambda: any(one.standing.phase is Phase.LIVE for one in window.controller.attachments), timeout=15_000
    )
    qtbot.waitUntil(lambda: window.current_page() is not None)
    seen.append(shown_words())

    assert len(asked) == 1
    assert [text for text in (*seen, *asked) if CANARY in text] == []
    assert any("app:" in text for text in seen)
    assert CANARY not in caplog.text
    assert CANARY not in "".join(argument_lists)
    assert files_with(CANARY, empty_home) == []
    assert files_with("prefix=app", empty_home), "the cache should be remembered"


def test_r11_the_form_of_a_server_shows_no_password(
    window: MainWindow, qtbot: QtBot, locked_server: RedisServer, empty_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    dialog = AttachDialog(window, window.controller)
    dialog.decided.connect(window.controller.attach_remembered)
    dialog.open()
    dialog.server.click()
    form = QApplication.activeModalWidget()
    assert isinstance(form, ServerDialog)
    form.form.hosts.setText("127.0.0.1")
    form.form.port.setValue(locked_server.port)
    form.form.prefix.setText("app:")
    seen = []
    for password, part in ((f"{CANARY}x", "does not accept"), (CANARY, "Connected to")):
        form.form.password.setText(password)
        form.test.click()
        qtbot.waitUntil(lambda part=part: part in form.words(), timeout=30_000)  # type: ignore[misc]
        seen.append(shown_words())
    form.use.click()
    qtbot.waitUntil(dialog.attach.isEnabled, timeout=30_000)
    seen.append(shown_words())
    dialog.attach.click()
    qtbot.waitUntil(
        lambda: any(one.standing.phase is Phase.LIVE for one in window.controller.attachments), timeout=30_000
    )
    seen.append(shown_words())
    assert [text for text in seen if CANARY in text] == []
    assert CANARY not in caplog.text
    assert files_with(CANARY, empty_home) == []
    assert files_with("prefix=app", empty_home), "the cache should be remembered"


def test_r12_the_dialog_offers_the_keyring_where_one_works(
    window: MainWindow, qtbot: QtBot, locked_server: RedisServer, empty_home: Path
) -> None:
    fake = FakeKeyring()
    keyring.set_keyring(fake)
    url = f"redis://:{CANARY}@{locked_server.url.removeprefix('redis://')}?prefix=app:"
    dialog = AttachDialog(window, window.controller, url)
    dialog.decided.connect(window.controller.attach_remembered)
    dialog.open()
    qtbot.waitUntil(dialog.attach.isEnabled, timeout=15_000)
    assert dialog.keep_password.isVisible()
    assert not dialog.keep_password.isChecked()
    dialog.keep_password.setChecked(True)
    dialog.attach.click()
    qtbot.waitUntil(
        lambda: any(one.standing.phase is Phase.LIVE for one in window.controller.attachments), timeout=15_000
    )
    assert list(fake.kept.values()) == [CANARY]
    assert files_with(CANARY, empty_home) == []

    again = AttachDialog(window, window.controller, url.replace(f":{CANARY}@", ""))
    again.open()
    qtbot.waitUntil(again.attach.isEnabled, timeout=15_000)
    assert again.keep_password.isChecked()
    again.reject()


def test_r11_reports_mask_what_looks_like_a_credential(
    locked_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = f"redis://:{CANARY}@{locked_server.url.removeprefix('redis://')}?prefix=app:&format=redis"
    for name in ("out.json", "out.csv", "out.ndjson"):
        code, text = command(monkeypatch, "export", target, tmp_path / name)
        assert (code, "Masked: 1 text that looks" in text, "--show-secrets" in text) == (0, True, True)
        written = (tmp_path / name).read_text()
        assert SECRET_KEY not in written
        assert "app:***" in written
    code, text = command(monkeypatch, "export", target, tmp_path / "plain.json", "--show-secrets", "--format", "json")
    assert (code, "Masked" in text) == (0, False)
    assert SECRET_KEY in (tmp_path / "plain.json").read_text()
