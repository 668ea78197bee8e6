"""The form of a server: what it shows, what a test of the connection says, and what it leads to; on real servers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QSpinBox, QWidget
from pytestqt.qtbot import QtBot
from servers import HOST, RedisServer, free_port
from tls_servers import TlsServer, certificates_in

from cache_studio.gui.attach_dialog import AttachDialog
from cache_studio.gui.cache_rows import cache_row
from cache_studio.gui.dialogs.allow_changes_dialog import AllowChangesDialog
from cache_studio.gui.dialogs.plan_dialog import PlanDialog
from cache_studio.gui.main_window import MainWindow
from cache_studio.gui.server_dialog import ServerDialog
from cache_studio.gui.server_form import ENVIRONMENTS, KINDS, ServerForm
from cache_studio.gui.widgets.cache_list import spoken
from cache_studio.gui.widgets.place_marks import PlaceLine
from cache_studio.model.environments import Environment
from cache_studio.model.targets import parse_target
from cache_studio.services.server_fields import Kind, ServerFields, fields_of

EXAMPLES = (
    ServerFields(hosts="db.example", port=7000, db=3, user="me", password="secret", prefix="app:"),
    ServerFields(Kind.SOCKET, hosts="", path="/run/r.sock", db=2),
    ServerFields(Kind.SENTINEL, hosts="a:26379, b:2", service="orders", ssh="me@hop:22"),
    ServerFields(Kind.CLUSTER, hosts="a, b", tls=True, ca="/ca.pem", cert="/c.pem", key="/k.pem", verified=False),
)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> Iterator[TlsServer]:
    files = certificates_in(tmp_path_factory.mktemp("certificates"))
    with TlsServer(files) as server:
        for number in range(3):
            server.command("SET", f"app:{number}", "value")
        yield server


@pytest.mark.parametrize("fields", EXAMPLES, ids=lambda fields: fields.kind.value)
def test_the_form_says_what_it_was_filled_with(qtbot: QtBot, fields: ServerFields) -> None:
    form = ServerForm(fields)
    qtbot.addWidget(form)
    assert form.fields() == fields
    assert fields_of(form.target()) == fields


def test_each_kind_shows_what_it_has_use_for(qtbot: QtBot) -> None:
    form = ServerForm(ServerFields())
    qtbot.addWidget(form)
    form.show()
    seen = {}
    for at, (kind, _words) in enumerate(KINDS):
        form.kind.setCurrentIndex(at)
        fields = {"hosts": form.hosts, "socket": form.socket, "service": form.service, "db": form.db, "tls": form.tls}
        seen[kind] = {name for name, field in fields.items() if field.isVisible()}
    assert seen == {
        Kind.SERVER: {"hosts", "db", "tls"},
        Kind.SOCKET: {"socket", "db"},
        Kind.SENTINEL: {"hosts", "service", "db", "tls"},
        Kind.CLUSTER: {"hosts", "tls"},
    }


def test_every_field_has_a_name_and_a_way_by_keyboard(qtbot: QtBot) -> None:
    form = ServerForm(EXAMPLES[3])
    qtbot.addWidget(form)
    for field in form.findChildren(QWidget):
        if isinstance(field, QLineEdit | QComboBox | QSpinBox) and field.objectName() != "qt_spinbox_lineedit":
            assert field.accessibleName(), field
    assert form.files["ca"].browse.accessibleName() == "Browse for: Authority"


def test_a_server_that_is_not_checked_is_loud(qtbot: QtBot) -> None:
    form = ServerForm(ServerFields(tls=True))
    qtbot.addWidget(form)
    form.show()
    assert not form.unchecked.isVisible()
    form.verified.setChecked(False)
    assert form.unchecked.isVisible()
    form.tls.setChecked(False)
    assert not form.unchecked.isVisible()
    assert form.fields().verified, "without TLS there is nothing that could be looked away from"


def test_the_environment_is_guessed_until_somebody_says_it(qtbot: QtBot) -> None:
    form = ServerForm(ServerFields())
    qtbot.addWidget(form)
    assert form.chosen_environment() is Environment.DEVELOPMENT
    form.hosts.setText("db.example.com")
    assert form.chosen_environment() is Environment.NONE
    form.environment.setCurrentIndex([mark for mark, _words in ENVIRONMENTS].index(Environment.STAGING))
    form.environment.activated.emit(2)
    form.hosts.setText("localhost")
    assert form.chosen_environment() is Environment.STAGING


@pytest.mark.redis
def test_the_test_says_what_works_and_what_is_wrong(qtbot: QtBot, window: MainWindow, tls: TlsServer) -> None:
    dialog = ServerDialog(window, window.controller, parse_target(f"redis://{HOST}:{free_port()}/0"))
    dialog.open()

    def words_after(part: str) -> str:
        dialog.test.click()
        qtbot.waitUntil(lambda: part in dialog.words(), timeout=30_000)
        return dialog.outcome.accessibleDescription()

    assert "Start redis-server" in words_after("No server answers")
    dialog.form.port.setValue(tls.tls_port)
    assert not dialog.outcome.isVisible(), "what was said is not of this port"
    words_after("wants TLS")
    dialog.form.tls.setChecked(True)
    words_after("not signed by an authority that this machine knows")
    dialog.form.verified.setChecked(False)
    assert "who answers is NOT checked" in words_after("Connected to Redis")
    dialog.form.hosts.setText("a b")
    dialog.use.click()
    assert dialog.isVisible()
    assert "“a b” is no host" in dialog.words()
    dialog.reject()


@pytest.mark.redis
def test_a_server_goes_from_the_form_into_the_window_with_its_marks(
    qtbot: QtBot, window: MainWindow, tls: TlsServer
) -> None:
    window.action_set["connect_redis"].trigger()
    form = QApplication.activeModalWidget()
    assert isinstance(form, ServerDialog)
    form.form.port.setValue(tls.tls_port)
    form.form.tls.setChecked(True)
    form.form.verified.setChecked(False)
    form.form.prefix.setText("app:")
    form.form.environment.setCurrentIndex([mark for mark, _words in ENVIRONMENTS].index(Environment.PRODUCTION))
    form.use.click()
    qtbot.waitUntil(lambda: isinstance(QApplication.activeModalWidget(), AttachDialog), timeout=5_000)
    attach = QApplication.activeModalWidget()
    assert isinstance(attach, AttachDialog)
    qtbot.waitUntil(attach.attach.isEnabled, timeout=30_000)
    assert attach.unchecked.isVisible()
    assert attach.read_only.isChecked()
    attach.attach.click()
    qtbot.waitUntil(lambda: _rows(window) == 3, timeout=30_000)

    page = window.current_page()
    assert page is not None
    place = page.attachment.place
    assert (place.environment, place.writable) == (Environment.PRODUCTION, False)
    assert page.header.environment.isVisible()
    assert page.header.unchecked.isVisible()
    for width in (1000, 1440):  # badges leave room for the target, and the window its width
        window.resize(width, 650)
        qtbot.waitUntil(lambda: bool(page.header._target.text()), timeout=5_000)
        assert window.width() == width
        assert page.header._read_only.isVisible()
    assert "production, server not checked" in spoken(cache_row(page.attachment, ()))

    window.action_set["allow_changes"].trigger()
    question = QApplication.activeModalWidget()
    assert isinstance(question, AllowChangesDialog)
    line = question.findChild(PlaceLine)
    assert line is not None
    assert line.accessibleName() == f"production, localhost:{tls.tls_port}, database 0, server not checked"
    question.reject()
    assert not window.action_set["allow_changes"].isChecked()
    window.action_set["allow_changes"].trigger()
    question = QApplication.activeModalWidget()
    assert isinstance(question, AllowChangesDialog)
    question.accept_button.click()
    qtbot.waitUntil(lambda: window.action_set["clear"].isEnabled() and _rows(window) == 3, timeout=30_000)

    window.commands.clear()
    asked = QApplication.activeModalWidget()
    assert asked is not None
    assert asked.findChild(PlaceLine) is not None
    asked.accept()  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: isinstance(QApplication.activeModalWidget(), PlanDialog), timeout=10_000)
    plan = QApplication.activeModalWidget()
    assert isinstance(plan, PlanDialog)
    qtbot.waitUntil(lambda: plan.findChild(PlaceLine) is not None, timeout=10_000)
    plan.reject()
    assert not window.controller.studio.resolve(place.name).writable, "the next session opens it read-only again"


def _rows(window: MainWindow) -> int:
    page = window.current_page()
    return -1 if page is None else page.entries.table.entries.rowCount()


def test_the_attach_dialog_opens_the_form_on_what_is_written(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    dialog = AttachDialog(window, window.controller, "redis://me:secret@db.example:7000/3?prefix=a:")
    dialog.open()
    dialog.server.click()
    form = QApplication.activeModalWidget()
    assert isinstance(form, ServerDialog)
    wanted = replace(EXAMPLES[0], prefix="a:", hosts="db.example")
    assert form.form.fields() == wanted
    form.reject()
    dialog.reject()
