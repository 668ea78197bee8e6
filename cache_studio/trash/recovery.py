"""What a process that was killed left open: told apart by the claim that it no longer holds, and settled."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cache_studio.adapters.base import EntryCopy
from cache_studio.config.claims import Claim, try_claim
from cache_studio.config.database import Database, Row
from cache_studio.model.errors import UnsupportedAction
from cache_studio.trash import retention
from cache_studio.trash.bin import Present, close_action, drop_waiting, settle, still_stored
from cache_studio.trash.files import FileFolder
from cache_studio.trash.index import ACTION_COLUMNS, COPY_COLUMNS, Action, State, action_of, copy_of
from cache_studio.trash.pages import unfold_next

_AT_ONCE = 500
_ENDED = (
    f"UPDATE actions SET state=CASE WHEN waiting=0 THEN '{State.UNDONE}' WHEN restored>0 THEN '{State.PARTLY}'"
    f" ELSE '{State.DONE}' END WHERE id=? AND state='{State.UNDOING}'"
)


class Recovery:
    """The claims of the actions that run, and what is to be done about those that a kill ended."""

    def __init__(self, database: Database, files: FileFolder, claims: Path) -> None:
        self._database = database
        self._files = files
        self._claims = claims

    def is_running(self, action_id: str) -> bool:
        """Whether a process does (or undoes) this action now; a claim that nobody holds is taken away."""
        path = self._claims / action_id
        if not path.exists():
            return False
        claim = try_claim(path)
        if claim is None:
            return True
        claim.retire()
        return False

    @contextmanager
    def left_alone(self, action_id: str) -> Iterator[Claim | None]:
        """Hold the action's claim for a block; None when somebody else does."""
        claim = try_claim(self._claims / action_id)
        try:
            yield claim
        finally:
            if claim is not None:
                claim.retire()

    @contextmanager
    def undoing(self, action_id: str) -> Iterator[None]:
        """Undo an action in a block. One that ends with an error, or with its process, is left to `recover`."""
        with self.left_alone(action_id) as claim:
            if claim is None:
                raise UnsupportedAction(
                    f"The action {action_id} is still running, or is being undone by another window or command.",
                    "Wait until that has ended.",
                )
            with self._database.transaction() as write:
                write.execute(
                    "UPDATE actions SET state=? WHERE id=? AND state<>?", (State.UNDOING, action_id, State.OPEN)
                )
            yield
            self._end_undo(action_id)

    def unsettled(self) -> list[Action]:
        """See `Trash.unsettled`."""
        rows = self._database.read(
            "SELECT id FROM actions WHERE state IN (?, ?) ORDER BY number", (State.OPEN, State.UNDOING)
        )
        left = [name for (name,) in rows if not self.is_running(name)]
        found = []
        for name in left:
            *row, number, has_copies = self._database.read(
                f"SELECT {ACTION_COLUMNS}, number, waiting>0 AND state='{State.UNDOING}'"
                " OR EXISTS(SELECT 1 FROM copies WHERE action=number AND settled=0)"
                " OR EXISTS(SELECT 1 FROM pages WHERE action=number AND settled=0) FROM actions WHERE id=?",
                (name,),
            )[0]
            action = action_of(tuple(row))
            if action.state not in (State.OPEN, State.UNDOING):
                continue  # it ended between the two looks
            if has_copies:
                found.append(action)
                continue
            with self.left_alone(name) as claim:
                if claim is not None:
                    self._finish(name, number)
        return found

    def recover(self, present: Present, action_id: str, number: int) -> None:
        """See `Trash.recover`."""
        with self.left_alone(action_id) as claim:
            if claim is None:
                return
            while unfold_next(self._database, number, settled=0):
                pass
            for rows in self._pages(number, settled=0):
                stored = _stored(rows, lambda copies: still_stored(copies, present, self._files))
                kept = {row[0] for row in rows} - set(stored)
                settle(self._database, self._files, number, sorted(kept), stored)
            if self._database.read("SELECT 1 FROM actions WHERE id=? AND state=?", (action_id, State.UNDOING)):
                for rows in self._pages(number, settled=1):
                    drop_waiting(self._database, self._files, _stored(rows, present))
            self._finish(action_id, number)

    def _pages(self, number: int, *, settled: int) -> Iterator[list[Row]]:
        after = 0
        while rows := self._database.read(
            f"SELECT {COPY_COLUMNS} FROM copies WHERE action=? AND settled=? AND id>? ORDER BY id LIMIT {_AT_ONCE}",
            (number, settled, after),
        ):
            yield rows
            after = rows[-1][0]

    def _finish(self, action_id: str, number: int) -> None:
        """An action without a process: close it and take away files that no copy names."""
        close_action(self._database, number)
        self._end_undo(action_id)
        retention.remove_strays_of(self._database, self._files, action_id, number)

    def _end_undo(self, action_id: str) -> None:
        with self._database.transaction() as write:
            write.execute(_ENDED, (action_id,))


def _stored(rows: Sequence[Row], present: Present) -> list[int]:
    """The ids of the copies whose entry is stored as it was copied; what is damaged is kept."""
    copies: list[tuple[int, EntryCopy]] = [(row[0], copy) for row in rows if (copy := copy_of(row)) is not None]
    answers = present([copy for _, copy in copies])
    return [copy_id for (copy_id, _), there in zip(copies, answers, strict=True) if there]
