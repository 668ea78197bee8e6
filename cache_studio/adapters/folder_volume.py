"""What a tree of folders takes."""

from contextlib import suppress

from cache_studio.adapters.files import Folder


def volume_below(folder: Folder, depth: int) -> int:
    """The lengths of all files in a folder and in those below it, `depth` levels down, links not followed."""
    total = 0
    for entry in folder.walk():
        with suppress(OSError):
            if entry.is_file(follow_symlinks=False):
                total += entry.stat(follow_symlinks=False).st_size
            elif depth and entry.is_dir(follow_symlinks=False):
                with folder.below(entry.name) as below:
                    total += volume_below(below, depth - 1)
    return total
