"""Removing and restoring entries, each of one or more keys, so that a newer value is never lost.

Copy first (DUMP and absolute expiry in one look), hand it over, then remove only what still equals the
copy: by a script that compares in the server, else between WATCH and EXEC.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha1
from itertools import islice
from typing import TypeAlias, cast

import msgpack

from cache_studio.adapters.base import EntryCopy, Keep
from cache_studio.adapters.redis_dumps import same_content
from cache_studio.adapters.redis_errors import explain
from cache_studio.adapters.redis_key_copies import (
    COPY_BYTES,
    DUMPED_BYTES,
    MOST_DUMPED_BYTES,
    NOT_IN_PAGES,
    TOO_LARGE,
    KeyCopy,
    Names,
)
from cache_studio.adapters.redis_link import Link, Script, ScriptCall, one_argument
from cache_studio.adapters.redis_listing import Described, Listing
from cache_studio.adapters.redis_options import bytes_of, text_of
from cache_studio.adapters.redis_rights import Command
from cache_studio.adapters.redis_scripts import COPY, REMOVE, RESTORE, TELL
from cache_studio.adapters.redis_typed_copies import KINDS
from cache_studio.adapters.redis_typed_removal import LATE, OpenKept, TypedRemoval, typed_notes
from cache_studio.adapters.redis_watching import Watching
from cache_studio.model.errors import UnsupportedAction
from cache_studio.model.seeing import Fate, Restoration, Return

MakeCopy: TypeAlias = Callable[[int, Sequence[KeyCopy]], EntryCopy]
"""The copy of the entry at a place of the batch, of the copies of its keys."""
Dumped: TypeAlias = tuple[bytes | None, int, str]
"""Dump (None where the key is gone), expiry and proof."""
Proven: TypeAlias = tuple[list[bytes], list[tuple[str, int]]]
"""The keys of an entry, with proof and expiry of each."""

COMPARE_BYTES = 8 << 20
"""Larger values are compared by memory, length, head and tail: only by copies of versions that dumped such."""
BATCH_BYTES = 1 << 20
"""What one transaction dumps or compares: more would hold the server for longer than 20 ms."""
BATCH_KEYS = 200
HELD_BYTES = 32 << 20
"""About how much is copied before it is handed over."""
_FATES = {-1: Fate.GONE, 0: Fate.CHANGED}
"""Of the answers of a script; all others say how many keys went."""
ELEMENT_BYTES = 64
"""What an element of a collection is taken for where the server may not tell its memory."""


class Remover:
    """Copies, removes and restores over one link; needs the rights that `capabilities_of` asks for."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing
        functions = listing.functions
        self._tell, self._copy, self._remove, self._restore = (
            Script(functions + text) for text in (TELL, COPY, REMOVE, RESTORE)
        )
        self._how = (listing.tolerance, COMPARE_BYTES, "equal")
        self._watching = Watching(link, listing)
        self._typed = TypedRemoval(link, listing)
        self.notes = typed_notes(link)
        """Sentences for every plan: what may not be copied with the rights that there are."""

    def copy_and_remove(
        self, entries: Sequence[tuple[Names, Described]], make_copy: MakeCopy, keep: Keep
    ) -> list[Fate | str]:
        """Copy, hand over, and remove what still equals its copy; a text is the reason why an entry failed."""
        fates: list[Fate | str] = [Fate.GONE] * len(entries)
        sized = self._sized([now for _names, now in entries])
        known = [(names, now) for (names, _unsized), now in zip(entries, sized, strict=True)]
        for part in portions([sum(map(_counted, now.sizes)) for now in sized], HELD_BYTES, len(entries)):
            for at, fate in self._copied_and_removed(part, known, make_copy, keep).items():
                fates[at] = fate
        return fates

    def _copied_and_removed(
        self, part: Sequence[int], entries: Sequence[tuple[Names, Described]], make_copy: MakeCopy, keep: Keep
    ) -> dict[int, Fate | str]:
        fates: dict[int, Fate | str] = {}
        dumped: list[int] = []
        large: list[int] = []
        taken: dict[int, list[KeyCopy]] = {}
        most_dumped = DUMPED_BYTES if self._link.rights.dumps else -1
        for at in part:
            size = max(entries[at][1].sizes)
            if size > COPY_BYTES:
                fates[at] = TOO_LARGE
            elif size <= most_dumped:
                dumped.append(at)
            else:
                large.append(at)
        self._typed.look_ahead([entries[at][1] for at in large])
        for at in large:
            found = self._typed.copy(entries[at][1], keep)
            if isinstance(found, list):
                taken[at] = found
            elif found is None or self._may_be_dumped(entries[at][1]):
                dumped.append(at)
            else:
                fates[at] = f"{NOT_IN_PAGES} {found}" if self._link.rights.dumps and isinstance(found, str) else found
        taken.update(zip(dumped, self.copies([entries[at][1] for at in dumped]), strict=True))
        whole = [at for at in part if taken.get(at) and taken[at][0].name == bytes_of(entries[at][0][0])]
        if whole:
            keep.copies([_with_files(make_copy(at, taken[at]), taken[at]) for at in whole])
            removed = self.remove_equal([(entries[at][0], taken[at]) for at in whole])
            fates.update(zip(whole, removed, strict=True))
        return fates

    def _may_be_dumped(self, now: Described) -> bool:
        return self._link.rights.dumps and max(now.sizes) <= MOST_DUMPED_BYTES

    def _sized(self, entries: Sequence[Described]) -> list[Described]:
        """With an estimate of each size that the server may not tell, so that nothing large is dumped unseen."""
        rights = self._link.rights
        asked: dict[tuple[int, int], tuple[str, bytes]] = {
            (at, row): (KINDS[kind].length, bytes_of(now.names[row]))
            for at, now in enumerate(entries)
            for row, (kind, size) in enumerate(zip(now.kinds, now.sizes, strict=True))
            if size < 0 and kind in KINDS and rights.may(KINDS[kind].length)
        }
        sized = [replace(now, sizes=list(now.sizes)) for now in entries] if asked else list(entries)
        answers = self._link.bracketed(list(asked.values()))
        for (at, row), answer in zip(asked, answers, strict=True):
            if isinstance(answer, int):
                sized[at].sizes[row] = answer if sized[at].kinds[row] == "string" else answer * ELEMENT_BYTES
        return sized

    def copies(self, entries: Sequence[Described]) -> list[list[KeyCopy]]:
        """The copies of each entry's keys, in order; a key that is gone is left out. Each at most COPY_BYTES."""
        flat = Described()
        for entry in entries:
            flat.extend(entry)
        names = list(map(bytes_of, flat.names))
        parts = [[names[place] for place in part] for part in portions(flat.sizes, BATCH_BYTES, BATCH_KEYS)]
        dumps = [dump for found in self._dumps(parts) for dump in found]
        copied = (
            KeyCopy(name, expiry, accessed, proof, dump) if dump else None
            for name, accessed, (dump, expiry, proof) in zip(names, flat.accessed, dumps, strict=True)
        )
        return [[copy for copy in islice(copied, len(entry.names)) if copy] for entry in entries]

    def remove_equal(self, entries: Sequence[tuple[Names, Sequence[KeyCopy]]]) -> list[Fate | str]:
        """Remove each entry whose keys still equal its copies; a text is the reason why it failed."""
        fates: dict[int, Fate | str] = {}
        dumped: list[int] = []
        calls: list[Proven] = []
        sizes: list[int] = []
        for at, (names, copies) in enumerate(entries):
            keys = list(map(bytes_of, names))
            if any([copy.kind for copy in copies]):
                fates[at] = self._typed.remove(keys, copies, self._leaving(keys))
                continue
            known = {copy.name: (copy.proof, copy.expiry) for copy in copies}
            dumped.append(at)
            calls.append((keys, [known.get(key, ("", -1)) for key in keys]))
            sizes.append(sum([len(copy.dump) for copy in copies]))
        fates.update(zip(dumped, self.remove_proven(calls, sizes, "equal"), strict=True))
        return [fates[at] for at in range(len(entries))]

    def _leaving(self, names: Sequence[bytes]) -> list[Command]:
        """What removes an entry of these keys, within a transaction."""
        return [("UNLINK", *names)]

    def remove_seen(self, entries: Sequence[Described]) -> list[Fate | str]:
        """Remove each entry that still has its type, memory and expiry."""
        calls = []
        for seen in entries:
            calls.append(([bytes_of(name) for name in seen.names], _seen_proofs(seen)))
        return self.remove_proven(calls, [0] * len(calls), "seen")

    def restore(self, keys: Sequence[KeyCopy], open_kept: OpenKept) -> Restoration:
        """Bring the keys of one entry back, all or none; what is there now is never replaced."""
        if any(copy.kind for copy in keys):
            return self._typed.restore(keys, open_kept)
        names = [copy.name for copy in keys]
        if self._link.rights.scripts:
            told = [part for copy in keys for part in (copy.proof, copy.expiry, copy.accessed, copy.dump)]
            answer = self._link.run_script(self._restore, [(names, (*self._how, *told))])[0]
        else:
            answer = self._restore_watching(keys)
        if isinstance(answer, Exception):
            return Restoration(Return.FAILED, explain(answer, self._link.place).message)
        match text_of(cast(bytes, answer)):
            case "restored":
                return Restoration(Return.RESTORED)
            case "newer":
                return Restoration(Return.RESTORED if self.present([keys])[0] else Return.NEWER_KEPT)
            case "late":
                return Restoration(Return.FAILED, LATE)
            case words:
                return Restoration(Return.FAILED, f"The server refused the copy: {words.removeprefix('ERR ')}.")

    def present(self, entries: Sequence[Sequence[KeyCopy]]) -> list[bool]:
        """Whether all keys of each entry are stored as they were copied. UnsupportedAction without the right to ask."""
        return [
            self._typed.holds(keys) if any(copy.kind for copy in keys) else self._holds_dumped(keys) for keys in entries
        ]

    def _holds_dumped(self, keys: Sequence[KeyCopy]) -> bool:
        if reason := self._link.rights.why_not("DUMP"):
            raise UnsupportedAction(reason)
        return all(
            self._equals(copy, told) or self._holds_the_same(copy, told)
            for copy, told in zip(keys, self._told([k.name for k in keys]), strict=True)
        )

    def _holds_the_same(self, copy: KeyCopy, told: tuple[str, int]) -> bool:
        """Where only the bytes of the dump differ: look at what is in it."""
        if not told[0] or abs(copy.expiry - told[1]) > self._listing.tolerance or len(copy.dump) > COMPARE_BYTES:
            return False
        dump, _expiry, _proof_text = self._dumps([[copy.name]])[0][0]
        return dump is not None and same_content(copy.dump, dump)

    def _equals(self, copy: KeyCopy, told: tuple[str, int]) -> bool:
        return copy.proof == told[0] and abs(copy.expiry - told[1]) <= self._listing.tolerance

    def _told(self, names: Sequence[bytes]) -> list[tuple[str, int]]:
        if not self._link.rights.scripts:
            return [(proof, expiry) for _dump, expiry, proof in self._dumps_by_commands(names)]
        answer = self._link.run_script(self._tell, [(names, self._how)])[0]
        if isinstance(answer, Exception):
            raise explain(answer, self._link.place) from answer
        words = cast(list[object], answer)
        return [(text_of(cast(bytes, words[i])), cast(int, words[i + 1])) for i in range(0, len(words), 2)]

    def _dumps(self, parts: Sequence[Sequence[bytes]]) -> list[list[Dumped]]:
        """Of each part, which the server looks at in one go, every key."""
        if not self._link.rights.scripts:
            return [self._dumps_by_commands(names) for names in parts]
        calls: list[ScriptCall] = []
        for names in parts:
            told = [part for name in names for part in (name, "", 0)]
            calls.append(((), (*self._how, one_argument(told))))
        answers = self._link.run_each(self._copy, calls)
        return [
            _unpacked(answer) if isinstance(answer, bytes) else self._dumps_by_commands(names)
            for names, answer in zip(parts, answers, strict=True)
        ]

    def _dumps_by_commands(self, names: Sequence[bytes]) -> list[Dumped]:
        commands: list[Command] = [c for name in names for c in (("DUMP", name), (self._listing.expiry_command, name))]
        answers = self._link.bracketed([*self._listing.clock_commands, *commands])
        now_ms = self._listing.read_now(answers)
        rest = iter(answers[len(self._listing.clock_commands) :])
        found: list[Dumped] = []
        for dump, told in zip(rest, rest, strict=True):
            if isinstance(dump, Exception):
                raise explain(dump, self._link.place) from dump
            data = cast(bytes | None, dump)
            proof = "" if data is None else sha1(data, usedforsecurity=False).hexdigest()
            found.append((data, self._listing.absolute(told, now_ms), proof))
        return found

    def remove_proven(self, entries: Sequence[Proven], sizes: Sequence[int], how: str) -> list[Fate | str]:
        """Remove each entry that still has its proofs; `sizes` are the bytes of each that the server has to compare."""
        if not self._link.rights.scripts:
            return [self._watching.do_if_same(names, proofs, how, self._leaving(names)) for names, proofs in entries]
        most = min(BATCH_KEYS, self._link.entries_in_script)
        groups = [[entries[place] for place in portion] for portion in portions(sizes, BATCH_BYTES, most)]
        return [
            fate
            for start in range(0, len(groups), BATCH_KEYS)
            for fate in self._removed_by_script(groups[start : start + BATCH_KEYS], how)
        ]

    def _removed_by_script(self, groups: Sequence[Sequence[Proven]], how: str) -> list[Fate | str]:
        """Each group of entries by one call."""
        calls = []
        for group in groups:
            seen: list[object] = []
            for names, proofs in group:
                seen.append(len(names))
                for proof in proofs:
                    seen += proof
            arguments = (self._listing.tolerance, COMPARE_BYTES, how, one_argument(seen))
            calls.append(([name for names, _proofs in group for name in names], arguments))
        run = self._link.run_script if self._link.entries_in_script == 1 else self._link.run_each
        fates: list[Fate | str] = []
        for group, answer in zip(groups, run(self._remove, calls), strict=True):
            if isinstance(answer, bytes):
                fates += [_FATES.get(told, Fate.REMOVED) for told in msgpack.unpackb(answer)]
            elif not isinstance(answer, Exception):
                fates += map(self._fate, cast(list[object], answer))
            elif len(group) > 1:  # a key that the user may not touch refuses the whole call
                fates += self._removed_by_script([[entry] for entry in group], how)
            else:
                fates.append(self._fate(answer))
        return fates

    def _fate(self, answer: object) -> Fate | str:
        if isinstance(answer, Exception):
            return explain(answer, self._link.place).message
        return _FATES.get(cast(int, answer), Fate.REMOVED)

    def do_if_seen(self, seen: Described, commands: Sequence[Command]) -> Fate | str:
        """Run what changes the keys of an entry if they still have type, memory and expiry; without scripts.

        REMOVED means that it was done.
        """
        return self._watching.do_if_same([bytes_of(name) for name in seen.names], _seen_proofs(seen), "seen", commands)

    def _restore_watching(self, keys: Sequence[KeyCopy]) -> object:
        now = self._watching.look([copy.name for copy in keys], "equal")
        if any(proof for proof, _expiry in now):
            self._link.exchange([("UNWATCH",)])
            same = all(self._equals(copy, told) for copy, told in zip(keys, now, strict=True))
            return b"restored" if same else b"newer"
        commands: list[Command] = [("RESTORE", k.name, max(0, k.expiry), k.dump, "ABSTTL") for k in keys]
        *_queued, answers = self._link.exchange([("MULTI",), *commands, ("EXEC",)])
        if not isinstance(answers, list):
            return answers if isinstance(answers, Exception) else b"newer"
        failed = next((answer for answer in answers if isinstance(answer, Exception)), None)
        if failed is not None:
            done = [k.name for k, answer in zip(keys, answers, strict=True) if not isinstance(answer, Exception)]
            if done:
                self._link.exchange([("UNLINK", *done)])
            return failed
        return b"restored" if self._told([keys[0].name])[0][0] else b"late"


def _unpacked(answer: bytes) -> list[Dumped]:
    dumps, expiries, _accessed = msgpack.unpackb(answer, raw=True)
    return [
        (dump, expiry, sha1(dump, usedforsecurity=False).hexdigest()) if dump else (None, expiry, "")
        for dump, expiry in zip(dumps, expiries, strict=True)
    ]


def _seen_proofs(seen: Described) -> list[tuple[str, int]]:
    return [
        ("" if kind == "none" else f"{kind}:{size}", expiry)
        for kind, size, expiry in zip(seen.kinds, seen.sizes, seen.expiries, strict=True)
    ]


def _counted(size: int) -> int:
    return max(0, size)


def _with_files(copy: EntryCopy, keys: Sequence[KeyCopy]) -> EntryCopy:
    files = tuple(key.file for key in keys if key.file)
    return replace(copy, files=files) if files else copy


def portions(sizes: Sequence[int], most_bytes: int, most: int) -> Iterator[list[int]]:
    """Places cut into lists of few bytes (what is not told counts as nothing) and at most so many."""
    portion: list[int] = []
    held = 0
    for at, size in enumerate(sizes):
        if portion and (len(portion) == most or held + size > most_bytes):
            yield portion
            portion, held = [], 0
        portion.append(at)
        held += max(0, size)
    if portion:
        yield portion
