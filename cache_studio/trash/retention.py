"""What leaves the trash by itself: copies past their time, files that a kill left behind, very old actions."""

from collections.abc import Callable
from pathlib import Path

from cache_studio.config.database import Database
from cache_studio.trash.files import FileFolder
from cache_studio.trash.index import STAYING
from cache_studio.trash.pages import unsettled_files

LOG_SECONDS = 365 * 86_400.0
"""How long an action without copies stays in the list."""
FOREIGN_SECONDS = 30 * 86_400.0
"""How long the files of an action that the index does not know stay: the index may have been set aside."""
CLAIM_SECONDS = 86_400.0
"""How long a claim that nobody holds stays: a younger one may be about to be held."""


def overdue(database: Database, days: float, limit: int, now: float) -> list[str]:
    """Actions whose copies must go, oldest first; never the newest that has any, nor the newest that removed."""
    waiting = database.read("SELECT id, at, kept_bytes, verb FROM actions WHERE waiting>0 ORDER BY number")
    removing = [name for name, _, _, verb in waiting if verb != STAYING]
    newest = {*removing[-1:], *(name for name, *_ in waiting[-1:])}
    total = sum(size for _, _, size, _ in waiting)
    chosen = []
    for name, at, size, _ in waiting:
        if name not in newest and (total > limit or at < now - days * 86_400):
            chosen.append(name)
            total -= size
    return chosen


def empty_action(database: Database, folder: FileFolder, action_id: str, number: int) -> tuple[int, int]:
    """Delete all waiting copies of an action; entries and bytes. What is not settled stays."""
    with database.transaction() as write:
        count, size = write.execute("SELECT waiting, kept_bytes FROM actions WHERE number=?", (number,)).fetchone()
        unsettled = "SELECT files FROM copies WHERE action=? AND settled=0"
        kept = {name for (files,) in write.execute(unsettled, (number,)) for name in files.split("\n") if name}
        kept |= unsettled_files(write, number)
        for table in ("copies", "pages"):
            write.execute(f"DELETE FROM {table} WHERE action=? AND settled=1", (number,))
        if kept:
            names = [name for (name,) in write.execute("SELECT name FROM files WHERE action=?", (number,))]
            write.executemany("DELETE FROM files WHERE name=?", [(name,) for name in names if name not in kept])
        else:
            write.execute("DELETE FROM files WHERE action=?", (number,))
        write.execute("UPDATE actions SET waiting=0, kept_bytes=0 WHERE number=?", (number,))
    folder.remove_strays(action_id, kept)
    return count, size


def remove_strays_of(database: Database, folder: FileFolder, action_id: str, number: int) -> None:
    """Take away files of an action that no copy names. Only while nobody runs it."""
    named = database.read("SELECT name FROM files WHERE action=?", (number,))
    folder.remove_strays(action_id, {name for (name,) in named})


def remove_strays(database: Database, folder: FileFolder, now: float, is_running: Callable[[str], bool]) -> None:
    """Take away what no copy names, of every action that is not running; of unknown actions only when old."""
    known: dict[str, int] = dict(database.read("SELECT id, number FROM actions"))
    for action_id in folder.action_ids():
        if is_running(action_id):
            continue
        if action_id in known:
            remove_strays_of(database, folder, action_id, known[action_id])
        elif folder.changed_at(action_id) < now - FOREIGN_SECONDS:
            folder.remove_folder(action_id)


def forget_old_actions(database: Database, now: float) -> None:
    """Shorten the list of actions by those that are old and have no copies."""
    with database.transaction() as write:
        write.execute(
            "DELETE FROM actions WHERE waiting=0 AND at<? AND NOT EXISTS(SELECT 1 FROM copies WHERE action=number)"
            " AND NOT EXISTS(SELECT 1 FROM pages WHERE action=number)",
            (now - LOG_SECONDS,),
        )


def remove_old_claims(folder: Path, now: float, is_running: Callable[[str], bool]) -> None:
    """Take away claims of processes that were killed (asking whether one runs takes its dead claim away)."""
    for path in folder.iterdir():
        if path.stat().st_mtime < now - CLAIM_SECONDS:
            is_running(path.name)
