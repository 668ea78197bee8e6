"""The trash: where removed entries wait for undo, and the list of what was done.

One index (SQLite) and one folder of files, shared by all processes of the user. It knows no format:
copies are opaque, and only their adapter can bring them back. An action that is running holds a claim;
what a killed process left open is told apart by it.
"""

import json
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from cache_studio.adapters.base import EntryCopy
from cache_studio.config.claims import try_claim
from cache_studio.config.database import Row, open_database
from cache_studio.config.paths import private_folder
from cache_studio.model.errors import BadRequest
from cache_studio.trash import pages, retention
from cache_studio.trash.bin import Present, TrashBin, WaitingCopies
from cache_studio.trash.files import RESERVE, FileFolder, KeptFiles
from cache_studio.trash.index import (
    ACTION_COLUMNS,
    COPY_COLUMNS,
    SCHEMA,
    STAYING,
    Action,
    KeptFile,
    State,
    WaitingEntry,
    action_of,
    blob_of,
    copy_of,
    in_hundreds,
    marks,
    text_of,
)
from cache_studio.trash.recovery import Recovery
from cache_studio.trash.versions import Versions

_LETTERS = "abcdefghjkmnpqrstuvwxyz"
_SIGNS = _LETTERS + "23456789"
"""Without what is easily mistaken for something else."""


class Trash:
    """The trash in one folder. Any thread may use it; a `TrashBin` belongs to one."""

    def __init__(self, folder: Path, now: float) -> None:
        """Open or create it; raises CacheStudioError. A broken index is set aside: see `notice`."""
        self._claims = private_folder(folder / "claims")
        self._files = FileFolder(folder / "files")
        self._versions = Versions(folder / "versions")
        self._database = open_database(folder / "index.db", SCHEMA, now)
        self._recovery = Recovery(self._database, self._files, self._claims)

    @property
    def notice(self) -> str:
        """One sentence when the index was broken and set aside, else ""."""
        return self._database.notice

    def close(self) -> None:
        """Close the index. Safe to call twice."""
        self._database.close()

    def begin(
        self,
        verb: str,
        target: str,
        format: str,
        options: Mapping[str, str],
        cache_name: str,
        planned: int,
        by: str,
        now: float,
        note: str = "",
    ) -> TrashBin:
        """Begin an action whose entries can be brought back; `finish` the bin when it has ended."""
        while True:
            action_id = _new_id()
            claim = try_claim(self._claims / action_id)
            if claim is None:
                continue
            row = (action_id, now, verb, blob_of(target), format, json.dumps(dict(options)), cache_name, planned)
            number = self._insert((*row, 0, 0, State.OPEN, by, note))
            if number is not None:
                return TrashBin(action_id, number, self._database, self._files, claim, self._versions)
            claim.retire()

    def note(
        self,
        verb: str,
        target: str,
        format: str,
        cache_name: str,
        by: str,
        now: float,
        *,
        planned: int = 0,
        removed: int = 0,
        bytes: int = 0,
        note: str = "",
    ) -> str:
        """Write down an action that leaves no copies (compact, export, removal without undo); returns its id."""
        while True:
            action_id = _new_id()
            row = (action_id, now, verb, blob_of(target), format, "{}", cache_name, planned, removed, bytes)
            if self._insert((*row, State.DONE, by, note)) is not None:
                return action_id

    def _insert(self, row: tuple[object, ...]) -> int | None:
        """The number of the new action, or None when its id is taken."""
        with self._database.transaction() as write:
            added = write.execute(
                "INSERT OR IGNORE INTO actions(id, at, verb, target, format, options, cache_name, planned, removed,"
                " bytes, restored, waiting, kept_bytes, state, by, note) VALUES(?,?,?,?,?,?,?,?,?,?,0,0,0,?,?,?)",
                row,
            )
            return added.lastrowid if added.rowcount else None

    def actions(self, limit: int = 200) -> list[Action]:
        """What was done, newest first."""
        rows = self._database.read(f"SELECT {ACTION_COLUMNS} FROM actions ORDER BY number DESC LIMIT ?", (limit,))
        return [action_of(row) for row in rows]

    def action(self, action_id: str = "") -> Action:
        """One action; without an id the newest that can be undone. BadRequest when there is none."""
        where = "id=?" if action_id else "waiting>0 AND ?='' ORDER BY number DESC"
        sql = f"SELECT {ACTION_COLUMNS} FROM actions WHERE {where}"
        rows = self._database.read(sql, (action_id.strip().lower(),))
        for row in rows:
            if action_id or not self._recovery.is_running(row[0]):
                return action_of(row)
        if action_id:
            raise BadRequest(f"There is no action “{action_id}”.", "`trash list` shows the actions and their names.")
        raise BadRequest("There is nothing to undo.", "Entries wait in the trash for the days set in the settings.")

    def copies(
        self, action_id: str, after: int = 0, limit: int = 500, only: Collection[int] | None = None
    ) -> list[tuple[int, EntryCopy]]:
        """Up to `limit` intact copies of an action that wait for undo, with ids greater than `after`, in order.

        Only an empty list is the end. Damaged ones are left out: `damaged` names them. With `only`, those alone.
        """
        found: list[tuple[int, EntryCopy]] = []
        for copy_id, _, copy in self._waiting_copies(action_id, after, only):
            if copy is not None:
                found.append((copy_id, copy))
                if len(found) == limit:
                    break
        return found

    def damaged(self, action_id: str, only: Collection[int] | None = None) -> list[tuple[int, str, str]]:
        """Copies that are no longer what was written: id, key, and the sentence that says so. Reads all (or `only`)."""
        return [
            (copy_id, key, f"The copy of “{key}” in the trash is damaged and cannot be brought back.")
            for copy_id, key, copy in self._waiting_copies(action_id, 0, only)
            if copy is None
        ]

    def named(self, action_id: str, keys: Sequence[str], namespace: str | None = None) -> list[int]:
        """The ids of the copies with these keys that wait in an action; BadRequest for a key that has none."""
        number, found = self._number(action_id), []
        pages.unfold_keys(self._database, number, keys)
        for key in dict.fromkeys(keys):
            rows = self._database.read(
                "SELECT id FROM copies WHERE action=? AND settled=1 AND key=? AND (? IS NULL OR namespace=?)",
                (number, blob_of(key), namespace, blob_of(namespace or "")),
            )
            if not rows:
                raise BadRequest(
                    f"No entry “{key}” of the action {action_id} waits in the trash.",
                    "`trash list --search TEXT` shows the keys that wait.",
                )
            found += [copy_id for (copy_id,) in rows]
        return found

    def kept(self, action_id: str) -> KeptFiles:
        """The files of an action, for `Adapter.restore`."""
        names = self._database.read("SELECT name FROM files WHERE action=?", (self._number(action_id),))
        return KeptFiles(self._files, frozenset(name for (name,) in names))

    @property
    def waiting(self) -> WaitingCopies:
        """The copies that wait, by their ids: what has become of them is said there."""
        return WaitingCopies(self._database, self._files)

    def undoing(self, action_id: str) -> AbstractContextManager[None]:
        """Undo an action in a block; UnsupportedAction where another process runs or undoes it.

        What an error or a kill leaves of it goes to `recover`.
        """
        return self._recovery.undoing(action_id)

    def mark_undone(self, action_id: str, now: float) -> Action:
        """The undo of an action has ended: undone, or partly where copies still wait."""
        with self._database.transaction() as write:
            write.execute(
                "UPDATE actions SET undone_at=?, state=CASE WHEN waiting=0 THEN ? ELSE ? END WHERE id=?",
                (now, State.UNDONE, State.PARTLY, action_id),
            )
        return self.action(action_id)

    def unsettled(self) -> list[Action]:
        """Actions, or undos of them, that a kill ended in the middle: give each to `recover`.

        Actions that are running in any process are not among them. One that left nothing open is closed here.
        """
        return self._recovery.unsettled()

    def recover(self, present: Present, action_id: str) -> Action:
        """Settle what a kill left open: an entry that is stored (still, or again) needs no copy, one that is gone does.

        `present` is the method of the action's open adapter. Does nothing while the action is running.
        """
        self._recovery.recover(present, action_id, self._number(action_id))
        return self.action(action_id)

    def search(self, text: str = "", action_id: str = "", limit: int = 500) -> list[WaitingEntry]:
        """What waits in the trash: keys that contain `text` (of one action), newest action first."""
        pattern = "".join(f"\\{sign}" if sign in "\\%_" else sign for sign in text)
        matching = (
            " FROM actions a JOIN copies c ON c.action=a.number AND c.settled=1"
            f" WHERE a.verb<>'{STAYING}' AND (?='' OR a.id=?)"
            " AND (?='' OR CAST(c.key AS TEXT) LIKE CAST(? AS TEXT) ESCAPE '\\')"
        )
        values = (action_id, action_id, "" if not text else "x", blob_of(f"%{pattern}%"))
        found: dict[int, int] = dict(
            self._database.read(f"SELECT a.number, count(*){matching} GROUP BY a.number", values)
        )
        pages.unfold_found(self._database, text, action_id, limit, found)
        rows = self._database.read(
            f"SELECT c.id, a.id, a.verb, a.at, c.key, c.namespace, c.size, a.cache_name, a.target{matching}"
            " ORDER BY a.number DESC, c.id LIMIT ?",
            (*values, limit),
        )
        return [
            WaitingEntry(copy, action, verb, at, text_of(key), text_of(namespace), size, name, text_of(target))
            for copy, action, verb, at, key, namespace, size, name, target in rows
        ]

    def empty(self, action_ids: Sequence[str] | None = None) -> tuple[int, int]:
        """Delete the waiting copies of these actions (when None, of all removed entries) for good; entries and bytes.

        A running action is left alone.
        """
        known = self._database.read("SELECT id, number, verb FROM actions WHERE waiting>0 ORDER BY number")
        entries = freed = 0
        for name, number, verb in known:
            if (verb == STAYING) if action_ids is None else (name not in action_ids):
                continue
            with self._recovery.left_alone(name) as claim:
                if claim is not None:
                    count, size = retention.empty_action(self._database, self._files, name, number)
                    entries, freed = entries + count, freed + size
        return entries, freed

    def enforce_retention(self, days: float, bytes: int, now: float) -> tuple[int, int]:
        """Delete what waits for more than `days`, then the oldest until `bytes` are kept; entries and bytes.

        The newest action with copies is never touched. Also takes away what kills left behind.
        """
        self.unsettled()
        retention.remove_strays(self._database, self._files, now, self._recovery.is_running)
        taken = self.empty(retention.overdue(self._database, days, bytes, now))
        retention.forget_old_actions(self._database, now)
        self._versions.forget_old(days, now)
        retention.remove_old_claims(self._claims, now, self._recovery.is_running)
        return taken

    def usage(self) -> tuple[int, int]:
        """How many removed entries wait, and the bytes their copies take."""
        entries, size = self._database.read(
            f"SELECT coalesce(sum(waiting), 0), coalesce(sum(kept_bytes), 0) FROM actions WHERE verb<>'{STAYING}'"
        )[0]
        return entries, size

    def room(self) -> int:
        """How many bytes of copies the disk of the trash can still take."""
        return max(0, self._files.free_bytes() - RESERVE)

    def _waiting_copies(
        self, action_id: str, after: int, only: Collection[int] | None
    ) -> Iterator[tuple[int, str, EntryCopy | None]]:
        """Id, key and copy (None when damaged) of what waits, in order, read in pages."""
        number = self._number(action_id)
        for row in self._rows_after(number, after) if only is None else self._rows_among(number, after, only):
            copy = copy_of(row)
            intact = copy is not None and all(map(self._is_intact, copy.files))
            yield row[0], text_of(row[2]), copy if intact else None

    def _rows_after(self, number: int, after: int) -> Iterator[Row]:
        sql = f"SELECT {COPY_COLUMNS} FROM copies WHERE action=? AND settled=1 AND id>? ORDER BY id LIMIT 500"
        while True:
            rows = self._database.read(sql, (number, after))
            if rows:
                yield from rows
                after = rows[-1][0]
            elif not pages.unfold_next(self._database, number, settled=1):  # its copies come behind all others
                return

    def _rows_among(self, number: int, after: int, only: Collection[int]) -> Iterator[Row]:
        for some in in_hundreds(sorted(copy_id for copy_id in only if copy_id > after)):
            yield from self._database.read(
                f"SELECT {COPY_COLUMNS} FROM copies WHERE action=? AND settled=1 AND id IN ({marks(some)}) ORDER BY id",
                (number, *some),
            )

    def _is_intact(self, name: str) -> bool:
        rows = self._database.read("SELECT name, length, digest FROM files WHERE name=?", (name,))
        return bool(rows) and self._files.is_intact(KeptFile(*rows[0]))

    def _number(self, action_id: str) -> int:
        rows: list[Row] = self._database.read("SELECT number FROM actions WHERE id=?", (action_id,))
        if not rows:
            raise BadRequest(f"There is no action “{action_id}”.", "`trash list` shows the actions and their names.")
        number: int = rows[0][0]
        return number


def _new_id() -> str:
    return secrets.choice(_LETTERS) + "".join(secrets.choice(_SIGNS) for _ in range(4))
