"""One file an entry, named by a hash of its key, that begins with its expiry: what Django and cachelib write."""

import math
import os
from abc import abstractmethod
from collections.abc import Collection, Generator, Sequence
from contextlib import suppress
from typing import NamedTuple

from cache_studio.adapters.base import SetsExpiry
from cache_studio.adapters.file_listing import EMPTY, FileListing, Look, Parsed
from cache_studio.adapters.files import Folder, NoRegularFile, stamp_of
from cache_studio.adapters.json_rewrite import Edit, publish
from cache_studio.model.capabilities import Ability, Capabilities
from cache_studio.model.columns import Batch, make_batch
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.payload import Payload, Piece
from cache_studio.model.seeing import Renewal, Renewed, Seen, Source

HEAD = 64
"""Bytes of a file that are read for a listing."""
NO_HEAD = "The file does not begin with an expiry."


class Head(NamedTuple):
    """How a file begins: epoch seconds (+inf: never), and how many bytes say it."""

    expires: float
    length: int


class HeadedFiles(FileListing, SetsExpiry):
    """Lists, reads and renews such files. The key of an entry is the hash, for the key itself is stored nowhere."""

    pending_columns = ()
    returns_entries = ""
    sources = {"created": Source.DERIVED}
    value_hint = ""
    """What `read` says of the content behind the head."""

    def __init__(self, root: Folder, *, writable: bool) -> None:
        super().__init__(root, writable=writable)
        reason = self.capabilities.why_not(Ability.REMOVE)
        offered = Capabilities(self.capabilities.allowed | {Ability.SET_EXPIRY}, self.capabilities.reasons)
        self.capabilities = offered.without([Ability.SET_EXPIRY], reason) if reason else offered

    @abstractmethod
    def head_of(self, content: bytes) -> Head | None:
        """The head of a file that begins with these HEAD bytes; None where it has none."""

    @abstractmethod
    def head_for(self, moment: float) -> tuple[bytes, float]:
        """The bytes that say this moment (+inf: never), and the moment that they say."""

    @abstractmethod
    def names_of(self, key: str) -> Sequence[str]:
        """The files that the application may have given this key, and the one whose hash it is."""

    # Listing.

    def parse(self, descriptor: int, status: os.stat_result) -> Parsed:
        """The expiry."""
        content = os.read(descriptor, HEAD)
        head = self.head_of(content)
        if head is None:
            return Parsed({}, NO_HEAD if content else EMPTY)
        return Parsed({"expires": head.expires})

    def read_on(self, look: Look) -> Look:
        """Nothing is ever pending."""
        return look

    def columns(self, looks: Sequence[Look], pending: Sequence[str] = ()) -> Batch:
        """Hash, expiry, and the file's time as that of the last write."""
        expires = [look.parsed.fields.get("expires", math.nan) for look in looks]
        return make_batch(
            [look.id for look in looks],
            [self.title_of(look.id)[0] for look in looks],
            [stamp_of(look.status) for look in looks],
            problems={row: look.parsed.problem for row, look in enumerate(looks) if look.parsed.problem},
            size=[look.status.st_size for look in looks],
            created=[look.status.st_mtime for look in looks],
            expires=[moment if isinstance(moment, float) else math.nan for moment in expires],
        )

    def title_of(self, entry_id: str) -> tuple[str, str]:
        """The hash."""
        return entry_id.removesuffix(self.suffix), ""

    def likely_id(self, key: str, namespace: str | None) -> str | None:
        """The file whose hash this is."""
        return None if namespace else f"{key}{self.suffix}"

    def lookup(self, keys: Collection[str], namespace: str | None = None) -> Batch:
        """By the hash, or by the key that the application gives, hashed as it does."""
        names = dict.fromkeys(name for key in keys if not namespace for name in self.names_of(key))
        looks = [look for name in names if self.is_entry(name) and (look := self.look(name)) is not None]
        return self.columns(looks)

    @abstractmethod
    def is_entry(self, name: str) -> bool:
        """Whether a file of this name is an entry."""

    def _files(self, folder: Folder, prefix: str, depth: int) -> Generator[tuple[Folder, str, str], None, None]:
        for found in super()._files(folder, prefix, depth):
            if self.is_entry(found[2]):
                yield found

    def changes(self, names: Collection[str]) -> tuple[Batch, list[EntryId]] | None:
        """Those of the names that are entries."""
        return super().changes([name for name in names if self.is_entry(self.relative(name))])

    # Reading.

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """The value behind the head; all of a file without one."""
        whole = super().read(entry_id, None if max_bytes is None else max_bytes + HEAD)
        found = whole.pieces[0]
        head = None if found.problem else self.head_of(found.data[:HEAD])
        if head is None:
            return Payload((Piece("value", found.data[:max_bytes], found.total, problem=found.problem),), whole.facts)
        data = found.data[head.length :][:max_bytes]
        return Payload((Piece("value", data, found.total - head.length, self.value_hint),), whole.facts)

    # Expiry.

    def set_expiry(self, entries: Sequence[Seen], expires: Sequence[float]) -> list[Renewal]:
        """Each file begins with another expiry, in one step; content, times and mode stay."""
        self.capabilities.require(Ability.SET_EXPIRY)
        self._root.require_in_place()
        return [self._renew(entry, moment) for entry, moment in zip(entries, expires, strict=True)]

    def _renew(self, entry: Seen, moment: float) -> Renewal:
        name = str(entry.id)
        content, stored = self.head_for(moment)
        versions: list[Stamp] = []

        def plan(version: str) -> tuple[Stamp, Sequence[Edit]]:
            # Called again for what the application wrote in this very moment: that is left as it is.
            begins, status = self._root.read(version, HEAD)
            head = self.head_of(begins)
            versions.append(stamp_of(status))
            unchanged = head is not None and versions == [entry.stamp]
            return versions[-1], [Edit(0, head.length, content)] if unchanged and head is not None else []

        try:
            status = self._root.status(name)
            publish(self._root, name, plan)
            if versions != [entry.stamp]:
                return Renewal(entry.id, Renewed.CHANGED)
            self._keep_times(name, status, content)
        except FileNotFoundError:
            return Renewal(entry.id, Renewed.GONE)
        except NoRegularFile:
            return Renewal(entry.id, Renewed.FAILED, reason="This is a link or a special file; it is not touched.")
        except (OSError, ValueError) as error:
            reason = f"It cannot be written: {getattr(error, 'strerror', None) or error}."
            return Renewal(entry.id, Renewed.FAILED, reason=reason)
        except CacheStudioError as error:
            return Renewal(entry.id, Renewed.FAILED, reason=error.message)
        return Renewal(entry.id, Renewed.SET, stored)

    def _keep_times(self, name: str, before: os.stat_result, content: bytes) -> None:
        """The time of the last write is all that tells when the entry was stored."""
        if os.utime not in os.supports_fd:
            return
        with suppress(OSError, NoRegularFile):  # the application has written or removed it by now
            descriptor, _status = self._root.open_file(name)
            try:
                if os.read(descriptor, len(content)) == content:
                    os.utime(descriptor, ns=(before.st_atime_ns, before.st_mtime_ns))
            finally:
                os.close(descriptor)
