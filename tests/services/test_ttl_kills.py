"""A process killed while it changes the TTL of rows: each has the old expiry or the new, and undo is possible."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from cache_studio.services import act
from cache_studio.services.studio import Studio
from cache_studio.trash.index import State

ROWS = 600  # two batches
NOW = 1_763_719_200
PROGRAM = """
import os, signal, sys
from cache_studio.adapters.sqlite_table.adapter import SQLiteTableAdapter
from cache_studio.cli.main import run

left = int(sys.argv[1])
done = SQLiteTableAdapter._renew

def renew(self, connection, entry, moment):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return done(self, connection, entry, moment)

SQLiteTableAdapter._renew = renew
run(["ttl", sys.argv[2], "--where", "size>=0", "--set", "2h", "--yes"])
"""


@pytest.mark.parametrize("killed_at", [0, 560])
def test_a_kill_in_the_middle_loses_no_old_expiry(tmp_path, killed_at):
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE cache (key TEXT PRIMARY KEY, value BLOB, expires_at INTEGER)")
        rows = [(f"key {number}", NOW + number if number % 3 else None) for number in range(ROWS)]
        database.executemany("INSERT INTO cache VALUES (?, x'00', ?)", rows)

    def ends():
        with closing(sqlite3.connect(path)) as database:
            return dict(database.execute("SELECT key, expires_at FROM cache").fetchall())

    before = ends()
    target = f"sqlite-table:{path}?table=cache&key=key&value=value&expires=expires_at"
    killed = subprocess.run([sys.executable, "-c", PROGRAM, str(killed_at), target], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    left = ends()
    new = {key for key in before if left[key] != before[key]}
    assert len(new) <= killed_at  # a transaction that was not committed is none
    assert len({left[key] for key in new}) <= 1
    studio = Studio(follow=False)
    try:
        attachment = studio.attach(studio.resolve(target))
        attachment.listed().result(20)
        assert studio.trash.unsettled() == []
        if new:
            action = act.find_action(studio.trash)
            assert (action.waiting, action.state) == (len(new), State.DONE)
            assert act.undo(attachment, action, studio.trash).future.result(20).restored == len(new)
        assert ends() == before
    finally:
        studio.close()
