"""What may go otherwise than one would think when this database is changed, one sentence each."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

MOUNTS = "/proc/self/mounts"
"""Where Linux tells what is mounted; elsewhere nothing is said of network filesystems."""
NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "ceph", "glusterfs", "davfs", "fuse.sshfs"}
"""Filesystems whose locks SQLite cannot rely on (sqlite.org/howtocorrupt.html, section 2.1)."""


_OCTAL = re.compile(r"\\([0-7]{3})")
"""How a blank stands in the list of mounts."""


def warnings_of(path: str, triggers: int) -> Iterator[str]:
    """For the database at `path`, of whose table so many triggers run when its rows change."""
    if triggers:
        named = "1 trigger" if triggers == 1 else f"{triggers} triggers"
        yield f"The table has {named} of the application; they run with every removal."
    try:
        names = os.stat(path).st_nlink
    except OSError:
        names = 1
    if names > 1:
        yield f"The database has {names} names (hard links): who opened it by another one does not see our journal."
    kind = filesystem_of(path)
    if kind in NETWORK:
        yield f"The database lies on a network filesystem ({kind}): locks may not hold, so end the application before."


def filesystem_of(path: str) -> str:
    """What kind of filesystem a path lies on, "" where it is not told."""
    try:
        listed = Path(MOUNTS).read_text("utf-8", "surrogateescape")
    except OSError:
        return ""
    mounts = [line.split(" ") for line in listed.splitlines()]
    real = os.path.realpath(path)
    best = ("", "")
    for fields in mounts:
        if len(fields) < 3:
            continue
        place = _OCTAL.sub(lambda found: chr(int(found[1], 8)), fields[1]).rstrip("/")
        if (real + "/").startswith(place + "/") and len(place) >= len(best[0]):
            best = (place, fields[2])
    return best[1]
