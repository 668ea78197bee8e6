"""Removing and restoring keys by typed copies: compared and changed between WATCH and EXEC, every command short.

A value is read twice: to be copied, and, once the copy is durable, between WATCH and EXEC, where no change of it can be
missed. A large one is built beside its place, under a name that ends by itself, and then takes its name.
"""

import secrets
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, BinaryIO, TypeAlias

from redis.exceptions import ResponseError

from cache_studio.adapters.base import Keep
from cache_studio.adapters.redis_errors import explain
from cache_studio.adapters.redis_key_copies import UNREADABLE, KeyCopy
from cache_studio.adapters.redis_link import Link
from cache_studio.adapters.redis_listing import Described, Listing
from cache_studio.adapters.redis_options import bytes_of, text_of
from cache_studio.adapters.redis_pages import Ask, range_at
from cache_studio.adapters.redis_rights import Command
from cache_studio.adapters.redis_typed_copies import (
    KINDS,
    NotCopied,
    Step,
    Unsteady,
    digest_of,
    pack_step,
    steps_of,
    unpack_steps,
)
from cache_studio.model.seeing import Fate, Restoration, Return

INLINE_BYTES = 256 << 10
"""Larger copies are kept as files."""
READ_BYTES = 1 << 20
SHORT_BYTES, TOGETHER = 8 << 10, 100
"""Strings up to this length are read so many in a round trip."""
BUILD_MS = 3_600_000
"""After so long a value that is being built beside its place is gone, if we are."""
LATE = "It expired meanwhile; Redis keeps no stale key."
NO_ROOM = "There is no room for its copy in the folder of temporary files."
_TRIES = 3
OpenKept: TypeAlias = Callable[[str], BinaryIO]
"""Opens what the trash keeps by this name."""


class TypedRemoval:
    """Copies, removes and restores over one link, which may WATCH."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing
        self._ahead: dict[Command, object] = {}
        """Answers of looks that were asked together with others, until they are wanted."""

    def look_ahead(self, entries: Sequence[Described]) -> None:
        """Read the short strings of entries that are to be copied, many in a round trip."""
        self._ahead.clear()
        short = [
            bytes_of(name)
            for now in entries
            for name, kind, size in zip(now.names, now.kinds, now.sizes, strict=True)
            if kind == "string" and 0 <= size <= SHORT_BYTES and not self._link.rights.why_not_typed(kind)
        ]
        for start in range(0, len(short), TOGETHER):
            looks = _short_looks(short[start : start + TOGETHER])
            self._ahead.update(zip(looks, self._link.bracketed(looks), strict=True))

    def copy(self, now: Described, keep: Keep) -> list[KeyCopy] | Fate | str:
        """The copies of the keys of one entry, a fate where it changes, or the reason why it is not copied."""
        there = [row for row, kind in enumerate(now.kinds) if kind != "none"]
        for row in there:
            if reason := self._link.rights.why_not_typed(now.kinds[row]):
                return reason
        for _attempt in range(_TRIES):
            try:
                return [
                    self._copied(bytes_of(now.names[row]), now.kinds[row], now.expiries[row], keep) for row in there
                ]
            except Unsteady:
                continue
            except NotCopied as reason:
                return str(reason)
            except OSError:
                return NO_ROOM
        return Fate.CHANGED

    def remove(self, names: Sequence[bytes], copies: Sequence[KeyCopy], leaving: Sequence[Command]) -> Fate | str:
        """Run `leaving`, which removes the keys, if they still equal their copies."""
        try:
            found = self._watch(names, [copy.name for copy in copies if _is_short(copy)])
            if not any(kind for kind, _expiry in found):
                return self._unwatched(Fate.GONE)
            known = {copy.name: copy for copy in copies}
            for name, (kind, expiry) in zip(names, found, strict=True):
                if not self._equals(known.get(name), name, kind, expiry, self._look):
                    return self._unwatched(Fate.CHANGED)
        except (Unsteady, NotCopied):
            return self._unwatched(Fate.CHANGED)
        except ResponseError as error:
            return self._unwatched(explain(error, self._link.place).message)
        answer = self._link.exchange([("MULTI",), *leaving, ("EXEC",)])[-1]
        if answer is None:
            return Fate.CHANGED
        for one in answer if isinstance(answer, list) else [answer]:
            if isinstance(one, Exception):
                return explain(one, self._link.place).message
        return Fate.REMOVED

    def restore(self, keys: Sequence[KeyCopy], open_kept: OpenKept) -> Restoration:
        """Bring the keys of one entry back, all or none; what is there now is never replaced."""
        late = self._now_ms()
        if any(0 <= copy.expiry <= late for copy in keys):
            return Restoration(Return.FAILED, LATE)
        built: list[bytes] = []
        try:
            if any(kind for kind, _expiry in self._watch([copy.name for copy in keys])):
                self._link.exchange([("UNWATCH",)])
                return Restoration(Return.RESTORED if self.holds(keys) else Return.NEWER_KEPT)
            commands = [command for copy in keys for command in self._writing(copy, open_kept, built)]
            answer = self._link.exchange([("MULTI",), *commands, ("EXEC",)])[-1]
            if answer is None:
                return self._given_up(built, Restoration(Return.NEWER_KEPT))
            for one in answer if isinstance(answer, list) else [answer]:
                _checked(one)
        except (ValueError, OSError):
            return self._given_up(built, Restoration(Return.FAILED, UNREADABLE))
        except ResponseError as error:
            return self._given_up(built, Restoration(Return.FAILED, explain(error, self._link.place).message))
        return Restoration(Return.RESTORED)

    def holds(self, keys: Sequence[KeyCopy]) -> bool:
        """Whether all these keys are stored as they were copied."""
        self._ahead.clear()
        expiry = self._listing.expiry_command
        looks: list[Command] = [command for copy in keys for command in (("TYPE", copy.name), (expiry, copy.name))]
        clock = self._listing.clock_commands
        answers = self._link.bracketed([*clock, *looks])
        now_ms = self._listing.read_now(answers)
        told = iter(answers[len(clock) :])
        try:
            return all(
                self._equals(copy, copy.name, kind, self._listing.absolute(moment, now_ms), self._bracketed_look)
                for copy, kind, moment in zip(keys, map(_kind_of, told), told, strict=False)
            )
        except (Unsteady, NotCopied):
            return False

    def _copied(self, name: bytes, kind: str, expiry: int, keep: Keep) -> KeyCopy:
        with tempfile.SpooledTemporaryFile(max_size=INLINE_BYTES) as spool:
            steps = steps_of(self._bracketed_look, name, kind, self._link.rights)
            proof = digest_of(kind, _spooled(steps, spool))
            length = spool.tell()
            if length <= INLINE_BYTES:
                spool.seek(0)
                return KeyCopy(name, expiry, -1, proof, spool.read(), kind)
            if reason := self._link.rights.why_not("RENAMENX", "PERSIST"):
                raise NotCopied(f"It is too large to be brought back in one command. {reason}")
            spool.flush()
            return KeyCopy(name, expiry, -1, proof, b"", kind, keep.file(spool.fileno(), length))

    def _equals(self, copy: KeyCopy | None, name: bytes, kind: str, expiry: int, ask: Ask) -> bool:
        if copy is None or not kind:
            return copy is None and not kind
        if kind != copy.kind or abs(expiry - copy.expiry) > self._listing.tolerance:
            return False
        return digest_of(kind, steps_of(ask, name, kind, self._link.rights)) == copy.proof

    def _watch(self, names: Sequence[bytes], short: Sequence[bytes] = ()) -> list[tuple[str, int]]:
        # Type ("" where there is none) and expiry of each; what is `short` is read in the same round trip.
        clock = self._listing.clock_commands
        looks: list[Command] = [c for name in names for c in (("TYPE", name), (self._listing.expiry_command, name))]
        ahead = _short_looks(short)
        watching, *answers = self._link.exchange([("WATCH", *names), *clock, *looks, *ahead])
        if isinstance(watching, Exception):
            raise watching
        end = len(clock) + len(looks)
        self._ahead = dict(zip(ahead, answers[end:], strict=True))
        now_ms, told = self._listing.read_now(answers), iter(answers[len(clock) : end])
        found = [
            (_kind_of(kind), self._listing.absolute(moment, now_ms)) for kind, moment in zip(told, told, strict=True)
        ]
        there = {name for name, (kind, _expiry) in zip(names, found, strict=True) if kind}
        hits, looked = sum(command[1] in there for command in (*looks, *ahead)), len(looks) + len(ahead)
        self._link.looked_up(hits, looked - hits)
        return found

    def _unwatched(self, fate: Fate | str) -> Fate | str:
        self._link.exchange([("UNWATCH",)])
        return fate

    def _look(self, command: Command) -> object:
        # Between WATCH and EXEC there is no room for a bracket. The key is there, or EXEC tells that it went.
        if command in self._ahead:
            return _checked(self._ahead.pop(command))
        answer = self._link.exchange([command])[0]
        if command[0] != "MEMORY":
            self._link.looked_up(1, 0)
        return _checked(answer)

    def _bracketed_look(self, command: Command) -> object:
        return _checked(self._ahead.pop(command) if command in self._ahead else self._link.bracketed([command])[0])

    def _now_ms(self) -> int:
        clock = self._listing.clock_commands
        return self._listing.read_now(self._link.exchange(clock)) if clock else int(time.time() * 1000)

    def _writing(self, copy: KeyCopy, open_kept: OpenKept, built: list[bytes]) -> Iterator[Command]:
        # What writes a key within the transaction; what is large has been built beside it before.
        if copy.file:
            beside = _beside(copy.name)
            built.append(beside)
            with open_kept(copy.file) as file:
                self._build(beside, unpack_steps(copy.kind, copy.proof, iter(lambda: file.read(READ_BYTES), b"")))
            yield ("RENAMENX", beside, copy.name)
        else:
            for word, *arguments in unpack_steps(copy.kind, copy.proof, [copy.dump]):
                yield (word, copy.name, *arguments)
        if copy.expiry >= 0:
            yield ("PEXPIREAT", copy.name, copy.expiry)
        elif copy.file:
            yield ("PERSIST", copy.name)

    def _build(self, beside: bytes, steps: Iterable[Step]) -> None:
        waiting: list[Command] = []
        held = 0
        ends: Command = ("PEXPIREAT", beside, int(time.time() * 1000) + BUILD_MS)
        for word, *arguments in steps:
            waiting.append((word, beside, *arguments))
            held += sum(map(len, arguments))
            if held >= READ_BYTES:
                self._send([*waiting, ends])
                waiting, held = [], 0
        self._send([*waiting, ends])

    def _send(self, commands: Sequence[Command]) -> None:
        for answer in self._link.exchange(commands):
            if isinstance(answer, Exception):
                raise answer

    def _given_up(self, built: Sequence[bytes], answer: Restoration) -> Restoration:
        self._link.exchange([("UNWATCH",), *([("UNLINK", *built)] if built else [])])
        return answer


def typed_notes(link: Link) -> tuple[str, ...]:
    """What every plan says where entries cannot be dumped: how they are copied, and what is not."""
    rights = link.rights
    if rights.dumps:
        return ()
    reasons = {kind: rights.why_not_typed(kind) for kind in KINDS}
    if not any(not reason for reason in reasons.values()):
        return ()
    why = rights.why_not("DUMP", "RESTORE")
    missing = "".join(f" No {kind} is copied: {reason}" for kind, reason in reasons.items() if reason)
    return (
        f"{why} Entries are copied by what is in them; streams with consumer groups and types of modules"
        f" cannot be and stay.{missing}",
    )


def _short_looks(names: Sequence[bytes]) -> list[Command]:
    return [command for name in names for command in ((KINDS["string"].length, name), range_at(name, 0))]


def _is_short(copy: KeyCopy) -> bool:
    return copy.kind == "string" and not copy.file and len(copy.dump) <= SHORT_BYTES


def _spooled(steps: Iterable[Step], spool: IO[bytes]) -> Iterator[Step]:
    for step in steps:
        spool.write(pack_step(step))
        yield step


def _checked(answer: object) -> object:
    if isinstance(answer, ResponseError) and str(answer).startswith(("WRONGTYPE", "ERR no such key", "no such key")):
        raise Unsteady
    if isinstance(answer, Exception):
        raise answer
    return answer


def _kind_of(answer: object) -> str:
    kind = text_of(answer) if isinstance(answer, bytes) else "?"
    return "" if kind == "none" else kind


def _beside(name: bytes) -> bytes:
    """A name that nobody has, under the same patterns and in the same slot of a cluster."""
    end = b":" + secrets.token_hex(8).encode()
    if b"{" in name or b"}" in name:
        return name + end
    head, colon, _rest = name.rpartition(b":")
    return head + colon + b"{" + name + b"}" + end
