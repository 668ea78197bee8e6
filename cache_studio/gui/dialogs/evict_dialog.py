"""Asks by which policy and down to which limit to evict, and foretells how many would go."""

import time

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QHBoxLayout, QLineEdit, QRadioButton, QSpinBox, QWidget

from cache_studio.gui.dialogs.asking import AskingDialog
from cache_studio.gui.dialogs.plan_words import entries_words
from cache_studio.gui.look.text import display_text, plain_label, tr
from cache_studio.insights.policies import POLICIES
from cache_studio.model.errors import BadRequest, CacheStudioError
from cache_studio.model.plans import Plan
from cache_studio.model.units import format_size, parse_size
from cache_studio.services import plans
from cache_studio.services.attachment import Attachment

_TYPING_MS = 150


class EvictDialog(AskingDialog):
    """Accepting goes on to the plan; nothing is removed here."""

    def __init__(self, parent: QWidget | None, attachment: Attachment) -> None:
        name = display_text(attachment.place.name, 200)
        title = tr("Evict from {name}").format(name=name)
        sentence = tr("Removes entries in the order of a policy until the cache is within a limit.")
        super().__init__(parent, "evict", "accent", title, sentence, tr("Show the plan"), attachment.place)
        self._attachment = attachment
        view = attachment.standing.view
        entries = len(view) if view is not None else 0
        self.policies = QButtonGroup(self)
        self._add_policies()
        self.by_entries, self.by_size = QRadioButton(tr("At most")), QRadioButton(tr("At most"))
        self.entries, self.size_line = QSpinBox(), QLineEdit()
        self.entries.setRange(0, 2_000_000_000)
        self.entries.setGroupSeparatorShown(True)
        self.entries.lineEdit().setTextMargins(6, 0, 0, 0)
        self.entries.setValue(entries // 2)
        self.entries.setAccessibleName(tr("Entries that stay at most"))
        self.size_line.setPlaceholderText(tr("50 MB"))
        self.size_line.setAccessibleName(tr("Size that stays at most"))
        self._foretold = plain_label("", "small")
        self._foretold.setWordWrap(True)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_TYPING_MS)
        self._timer.timeout.connect(self._foretell)
        self._add_limits()
        self.policies.idClicked.connect(lambda _id: self._changed())
        self.build()
        self._changed()

    def choice(self) -> tuple[str, int | None, int | None]:
        """Policy, entries that stay at most, bytes that stay at most; exactly one limit is given.

        BadRequest for a size that makes no sense; the button is disabled then.
        """
        policy = list(POLICIES)[self.policies.checkedId()]
        if self.by_entries.isChecked():
            return policy, self.entries.value(), None
        return policy, None, parse_size(self.size_line.text().replace(" ", "").lower())

    def foretold(self) -> str:
        """How many would go, as shown."""
        return self._foretold.text()

    def _add_policies(self) -> None:
        self.body.addWidget(plain_label(tr("Policy"), "title"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        for at, (name, meaning) in enumerate(POLICIES.items()):
            button = QRadioButton(name)
            button.setAccessibleDescription(tr(meaning))
            button.setChecked(at == 0)
            self.policies.addButton(button, at)
            grid.addWidget(button, at, 0)
            grid.addWidget(plain_label(tr(meaning), "note"), at, 1)
        self.body.addLayout(grid)

    def _add_limits(self) -> None:
        self.body.addSpacing(4)
        self.body.addWidget(plain_label(tr("Limit"), "title"))
        limits = QButtonGroup(self)
        fields: tuple[tuple[QRadioButton, QWidget, str], ...] = (
            (self.by_entries, self.entries, tr("entries")),
            (self.by_size, self.size_line, tr("in all, such as 50 MB")),
        )
        for radio, field, unit in fields:
            limits.addButton(radio)
            row = QHBoxLayout()
            row.setSpacing(10)
            field.setFixedWidth(150)
            for widget in (radio, field, plain_label(unit, "note")):
                row.addWidget(widget)
            row.addStretch(1)
            self.body.addLayout(row)
        self.by_entries.setChecked(True)
        self.entries.valueChanged.connect(lambda _value: self._pick(self.by_entries))
        self.size_line.textEdited.connect(lambda _text: self._pick(self.by_size))
        for radio in (self.by_entries, self.by_size):
            radio.clicked.connect(lambda _checked: self._changed())
        self.body.addWidget(self._foretold)

    def _pick(self, radio: QRadioButton) -> None:
        radio.setChecked(True)
        self._changed()

    def _changed(self) -> None:
        self.accept_button.setEnabled(False)
        self._timer.start()

    def _foretell(self) -> None:
        try:
            policy, entries, size = self.choice()
        except BadRequest as error:
            self._refuse(error)
            return
        attachment = self._attachment
        self.tasks.run(
            "foretell",
            lambda stop: plans.plan_evict(attachment, policy, time.time(), to_entries=entries, to_size=size),
            self._show,
            self._refuse,
        )

    def _show(self, plan: Plan) -> None:
        if plan.count:
            words = tr("{going} would go, {size}. {staying} stay.").format(
                going=entries_words(plan.count), size=format_size(plan.size), staying=f"{plan.kept:,}"
            )
        else:
            words = tr("Nothing would go: the cache is within this limit.")
        self._say(" ".join((words, *plan.notes)))
        self.accept_button.setEnabled(plan.count > 0)

    def _refuse(self, error: CacheStudioError) -> None:
        self._say(f"{error.message} {error.hint}".strip())
        self.accept_button.setEnabled(False)

    def _say(self, words: str) -> None:
        self._foretold.setText(display_text(words, 400))
        self.refit()
