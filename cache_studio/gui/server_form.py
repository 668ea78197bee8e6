"""The form of a Redis server: fields for its kind, who comes in, TLS, ssh, and what it is for."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from cache_studio.gui.look.text import plain_label, set_tooltip, tr
from cache_studio.gui.widgets.buttons import SecondaryButton
from cache_studio.gui.widgets.field_label import field_label
from cache_studio.gui.widgets.place_marks import unchecked_badge
from cache_studio.model.environments import Environment, guessed_environment
from cache_studio.model.errors import BadRequest
from cache_studio.model.targets import Target
from cache_studio.services.server_fields import Kind, ServerFields, target_of, usual_port

KINDS = (
    (Kind.SERVER, "One server"),
    (Kind.SOCKET, "Unix socket"),
    (Kind.SENTINEL, "Sentinel"),
    (Kind.CLUSTER, "Cluster"),
)
ENVIRONMENTS = (
    (Environment.NONE, "Not said"),
    (Environment.DEVELOPMENT, "Development"),
    (Environment.STAGING, "Staging"),
    (Environment.PRODUCTION, "Production"),
)
NUMBER_WIDTH = 140
_TLS_FILES = (
    ("ca", "Authority", "Empty: the certificates that this system trusts"),
    ("cert", "Certificate", "Only where the server wants one of its clients"),
    ("key", "Key", "Where it is not in the file of the certificate"),
)


class FileField(QWidget):
    """A path and a button that looks for it."""

    def __init__(self, name: str, hint: str) -> None:
        super().__init__()
        self.line = QLineEdit()
        self.line.setPlaceholderText(hint)
        self.line.setAccessibleName(name)
        self.browse = SecondaryButton(tr("Browse…"), "file")
        self.browse.setAccessibleName(f"{tr('Browse for')}: {name}")
        self.browse.clicked.connect(self._browse)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.line, 1)
        row.addWidget(self.browse)
        self.setFocusProxy(self.line)

    def _browse(self) -> None:
        dialog = QFileDialog(self)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.filesSelected.connect(lambda files: self.line.setText(files[0]))
        dialog.open()


class ServerForm(QWidget):
    """The fields; it knows nothing of connections and asks nobody.

    Signals:
        edited(): some field is another one now.
    """

    edited = Signal()

    def __init__(self, fields: ServerFields, environment: Environment | None = None) -> None:
        """`environment`: the mark that the server has; None where nobody gave it one, so that it is guessed."""
        super().__init__()
        self._before = fields
        self._environment_chosen = environment is not None
        self._make()
        self._lay_out()
        self._fill(fields)
        self._choose(self.environment, ENVIRONMENTS, environment or Environment.NONE)
        self._connect()
        self._follow()

    def _make(self) -> None:
        self.kind, self.environment = QComboBox(), QComboBox()
        self.kind.addItems([tr(words) for _kind, words in KINDS])
        self.environment.addItems([tr(words) for _mark, words in ENVIRONMENTS])
        self.hosts, self.service, self.user, self.prefix = QLineEdit(), QLineEdit(), QLineEdit(), QLineEdit()
        self.password, self.ssh = QLineEdit(), QLineEdit()
        self.port, self.db = QSpinBox(), QSpinBox()
        self.port.setRange(0, 65_535)
        self.db.setRange(0, 9_999)
        for number in (self.port, self.db):
            number.lineEdit().setTextMargins(6, 0, 0, 0)
            number.setFixedWidth(NUMBER_WIDTH)
        self.socket = FileField(tr("Socket"), "/run/redis/redis.sock")
        self.files = {name: FileField(tr(title), tr(hint)) for name, title, hint in _TLS_FILES}
        self.tls = QCheckBox(tr("Encrypt by TLS"))
        self.verified = QCheckBox(tr("Check the server"))
        self.unchecked = unchecked_badge()
        self.keep_password = QCheckBox(tr("Remember the password in the system's keyring"))
        self.keep_password.setEnabled(False)
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.password.setPlaceholderText(tr("Kept until the window is closed"))
        self.user.setPlaceholderText("default")
        self.service.setPlaceholderText("mymaster")
        self.prefix.setPlaceholderText(tr("Only keys that begin with it, as in app:cache:"))
        self.ssh.setPlaceholderText(tr("user@host or user@host:2222, from where the server is reached"))
        set_tooltip(self.verified, tr("Whether its certificate is of a known authority and for this host"))

    def _lay_out(self) -> None:
        checked = QWidget()
        row = QHBoxLayout(checked)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(self.verified)
        row.addWidget(self.unchecked)
        row.addStretch(1)
        self._rows = QFormLayout(self)
        self._rows.setContentsMargins(0, 0, 8, 0)
        self._rows.setHorizontalSpacing(16)
        self._rows.setVerticalSpacing(6)
        self._rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self._checked = checked
        named: tuple[tuple[str, QWidget], ...] = (
            ("Kind", self.kind), ("Host", self.hosts), ("Port", self.port), ("Socket", self.socket),
            ("Service", self.service), ("Database", self.db), ("Prefix", self.prefix), ("User", self.user),
            ("Password", self.password), ("", self.keep_password), ("", self.tls),
            *((title, self.files[name]) for name, title, _hint in _TLS_FILES), ("", checked), ("SSH", self.ssh),
            ("Environment", self.environment),
        )  # fmt: skip
        for words, field in named:
            if words:
                field.setAccessibleName(tr(words))
            label = field_label(tr(words)) if words else plain_label()
            label.setBuddy(field)
            self._rows.addRow(label, field)
            if field is self.hosts:
                self._host_label = label

    def _fill(self, fields: ServerFields) -> None:
        self._choose(self.kind, KINDS, fields.kind)
        self.hosts.setText(fields.hosts)
        self.port.setValue(fields.port or 0)
        self.socket.line.setText(fields.path)
        self.db.setValue(fields.db)
        self.service.setText(fields.service)
        self.user.setText(fields.user)
        self.password.setText(fields.password)
        self.prefix.setText(fields.prefix)
        self.ssh.setText(fields.ssh)
        self.tls.setChecked(fields.tls)
        self.verified.setChecked(fields.verified)
        for name, field in self.files.items():
            field.line.setText(getattr(fields, name))

    def fields(self) -> ServerFields:
        """What the fields say; those that the kind has no use for keep their default."""
        kind = KINDS[self.kind.currentIndex()][0]
        is_socket, tls = kind is Kind.SOCKET, kind is not Kind.SOCKET and self.tls.isChecked()

        def text(line: QLineEdit, used: bool = True) -> str:
            return line.text().strip() if used else ""

        return ServerFields(
            kind=kind,
            hosts=text(self.hosts, not is_socket),
            port=None if is_socket else self.port.value() or None,
            path=text(self.socket.line, is_socket),
            db=0 if kind is Kind.CLUSTER else self.db.value(),
            service=text(self.service, kind is Kind.SENTINEL),
            user=text(self.user),
            password=self.password.text(),
            tls=tls,
            ca=text(self.files["ca"].line, tls),
            cert=text(self.files["cert"].line, tls),
            key=text(self.files["key"].line, tls),
            verified=self.verified.isChecked() or not tls,
            ssh=text(self.ssh, not is_socket),
            prefix=self.prefix.text(),
            format=self._before.format,
            others=self._before.others,
        )

    def target(self) -> Target:
        """The target that the fields describe; BadRequest names the field that makes no sense."""
        return target_of(self.fields())

    def chosen_environment(self) -> Environment:
        """What the server is for."""
        return ENVIRONMENTS[self.environment.currentIndex()][0]

    def offer_keyring(self, why_not: str) -> None:
        """Whether the system's keyring works: why not, or ""."""
        self.keep_password.setEnabled(not why_not)
        set_tooltip(self.keep_password, why_not)

    def _connect(self) -> None:
        lines = (self.hosts, self.service, self.user, self.password, self.prefix, self.ssh, self.socket.line)
        for line in (*lines, *(field.line for field in self.files.values())):
            line.textChanged.connect(self._follow)
        for signal in (self.kind.currentIndexChanged, self.port.valueChanged, self.db.valueChanged):
            signal.connect(self._follow)
        for box in (self.tls, self.verified):
            box.toggled.connect(self._follow)
        self.environment.activated.connect(self._on_environment)

    def _follow(self, *_what: object) -> None:
        """Show what the kind and TLS have use for, and guess the environment where nobody chose one."""
        kind, tls = KINDS[self.kind.currentIndex()][0], self.tls.isChecked()
        is_socket = kind is Kind.SOCKET
        shown: tuple[tuple[QWidget, bool], ...] = (
            (self.hosts, not is_socket), (self.port, not is_socket), (self.socket, is_socket),
            (self.service, kind is Kind.SENTINEL), (self.db, kind is not Kind.CLUSTER), (self.tls, not is_socket),
            *((field, tls and not is_socket) for field in self.files.values()),
            (self._checked, tls and not is_socket), (self.ssh, not is_socket),
        )  # fmt: skip
        for field, wanted in shown:
            self._rows.setRowVisible(field, wanted)
        self.unchecked.setVisible(tls and not self.verified.isChecked())
        many = kind in (Kind.SENTINEL, Kind.CLUSTER)
        self._host_label.setText(tr("Hosts") if many else tr("Host"))
        self.hosts.setPlaceholderText("a.example:7000, b.example:7000" if many else "db.example.com")
        self.port.setSpecialValueText(tr("usual ({port})").replace("{port}", str(usual_port(kind))))
        if not self._environment_chosen:
            self._guess()
        self.edited.emit()

    def _guess(self) -> None:
        try:
            guess = guessed_environment(self.target())
        except BadRequest:
            guess = Environment.NONE
        self._choose(self.environment, ENVIRONMENTS, guess)

    def _on_environment(self) -> None:
        self._environment_chosen = True
        self.edited.emit()

    @staticmethod
    def _choose(box: QComboBox, table: "tuple[tuple[object, str], ...]", value: object) -> None:
        box.setCurrentIndex(next(at for at, (known, _words) in enumerate(table) if known is value))
