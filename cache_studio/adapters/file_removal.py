"""Removes a batch of entries that are one file each: moved into the trash where it can be, else copied and unlinked."""

import os
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from cache_studio.adapters.base import Keep
from cache_studio.adapters.copy_columns import CopyColumns
from cache_studio.adapters.file_copies import Copier, FileCopy, Outcome, remove_copied, removing_in
from cache_studio.adapters.files import Folder
from cache_studio.adapters.moving import NOT_HERE, MovedFile, TakesFiles, find_movable, move_away
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.seeing import Fate, Seen

_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")


class FileRemover:
    """Compare-and-remove in a folder and those below it."""

    def __init__(
        self,
        root: Folder,
        stamp_of_file: Callable[[Seen], Stamp | Outcome],
        title_of: Callable[[str], tuple[str, str]],
    ) -> None:
        """`stamp_of_file`: what tells that a file is the one that was seen. `title_of`: key and namespace of an id."""
        self._root = root
        self._stamp_of_file = stamp_of_file
        self._title_of = title_of
        self._moves = True

    def remove(self, entries: Sequence[Seen], keep: Keep | None) -> list[Outcome]:
        """One batch, as `Adapter.remove` says it; an outcome for each entry, in order."""
        outcomes = self._remove(entries, keep)
        refused = [at for at, outcome in enumerate(outcomes) if outcome is NOT_HERE]
        if refused:
            self._moves = False
            copied = self._remove([entries[at] for at in refused], keep)
            for at, outcome in zip(refused, copied, strict=True):
                outcomes[at] = outcome
        return outcomes

    def _remove(self, entries: Sequence[Seen], keep: Keep | None) -> list[Outcome]:
        movable, berths = self._movable(entries, keep)
        copier = Copier(keep)
        taken = [
            self.copied(copier, seen) if found is None else found for seen, found in zip(entries, movable, strict=True)
        ]
        going = [(seen, one) for seen, one in zip(entries, taken, strict=True) if not isinstance(one, Outcome)]
        if keep is not None and going:
            keep.copies(self._columns(going))
        with removing_in(self._root):
            return [self._removed(one, berths) for one in taken]

    def _movable(
        self, entries: Sequence[Seen], keep: Keep | None
    ) -> tuple[Sequence[MovedFile | Outcome | None], Folder | None]:
        """Of each entry the file that can be moved, why it stays, or None where it must be copied; and where to."""
        descriptor = self._root.descriptor
        if not self._moves or not isinstance(keep, TakesFiles) or descriptor is None:
            return [None] * len(entries), None
        device = os.fstat(descriptor).st_dev
        found = [self._found_movable(seen, device) for seen in entries]
        lengths = [one.length for one in found if isinstance(one, MovedFile)]
        berths = keep.berths(device, lengths) if lengths else None
        if berths is None:
            return [one if isinstance(one, Outcome) else None for one in found], None
        free = zip(berths.names, berths.files, strict=True)
        return [
            MovedFile(one.parts, one.stamp, *next(free)) if isinstance(one, MovedFile) else one for one in found
        ], berths.folder

    def _found_movable(self, seen: Seen, device: int) -> MovedFile | Outcome | None:
        stamp = self._stamp_of_file(seen)
        if isinstance(stamp, Outcome):
            return stamp
        parts = _parts(seen.id)
        return self._in_folder(parts, find_movable, parts, stamp, device)

    def copied(self, copier: Copier, seen: Seen) -> FileCopy | Outcome:
        """A copy of the entry's file, or why there is none."""
        stamp = self._stamp_of_file(seen)
        if isinstance(stamp, Outcome):
            return stamp
        parts = _parts(seen.id)
        return self._in_folder(parts, copier.take, parts, stamp)

    def _columns(self, going: Sequence[tuple[Seen, FileCopy | MovedFile]]) -> CopyColumns:
        """What brings these back."""
        paths = ["/".join(one.parts) for _, one in going]
        titles = [seen.title or self._title_of(path) for (seen, _), path in zip(going, paths, strict=True)]
        return CopyColumns(
            keys=[key for key, _ in titles],
            namespaces=[namespace for _, namespace in titles],
            sizes=[one.length for _, one in going],
            data=[one.pack() for _, one in going],
            ids=list(map(os.fsencode, paths)),
            files=[(one.kept,) if one.kept else () for _, one in going],
        )

    def _removed(self, one: FileCopy | MovedFile | Outcome, berths: Folder | None) -> Outcome:
        if isinstance(one, Outcome):
            return one
        if isinstance(one, MovedFile):
            assert berths is not None
            return self._in_folder(one.parts, move_away, one, berths)
        return self._in_folder(one.parts, remove_copied, one)

    def _in_folder(
        self,
        parts: tuple[str, ...],
        act: Callable[Concatenate[Folder, _Given], _Found],
        *given: _Given.args,
        **named: _Given.kwargs,
    ) -> _Found | Outcome:
        """Do it in the folder in which the last of `parts` lies."""
        try:
            if len(parts) == 1:
                return act(self._root, *given, **named)
            with self._root.holding(parts) as folder:
                return act(folder, *given, **named)
        except FileNotFoundError:
            return Outcome(Fate.GONE)
        except OSError as error:
            return Outcome(Fate.FAILED, reason=f"Its folder cannot be opened: {error.strerror}.")


def _parts(entry_id: EntryId) -> tuple[str, ...]:
    assert isinstance(entry_id, str)
    return tuple(entry_id.split("/"))
