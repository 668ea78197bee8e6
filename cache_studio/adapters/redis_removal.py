"""Removing and restoring entries, each of one or more keys, so that a newer value is never lost.

Copy first (DUMP and absolute expiry in one look), hand it over, then remove only what still equals the
copy: by a script that compares in the server, else between WATCH and EXEC.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias, cast

from redis.exceptions import WatchError

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
from cache_studio.adapters.redis_link import Link, Script
from cache_studio.adapters.redis_listing import Described, Listing
from cache_studio.adapters.redis_options import bytes_of, text_of
from cache_studio.adapters.redis_rights import Command
from cache_studio.adapters.redis_scripts import REMOVE, RESTORE, TELL
from cache_studio.adapters.redis_typed_copies import KINDS
from cache_studio.adapters.redis_typed_removal import LATE, OpenKept, TypedRemoval, typed_notes
from cache_studio.model.errors import UnsupportedAction
from cache_studio.model.seeing import Fate, Restoration, Return

MakeCopy: TypeAlias = Callable[[int, Sequence[KeyCopy]], EntryCopy]
"""The copy of the entry at a place of the batch, of the copies of its keys."""
Proven: TypeAlias = tuple[list[bytes], list[tuple[str, int]]]
"""The keys of an entry, with proof and expiry of each."""

COMPARE_BYTES = 8 << 20
"""Larger values are compared by memory, length, head and tail: only by copies of versions that dumped such."""
BATCH_BYTES = 1 << 20
"""What one transaction dumps or compares: more would hold the server for longer than 20 ms."""
BATCH_KEYS = 100
HELD_BYTES = 32 << 20
"""About how much is copied before it is handed over."""
ELEMENT_BYTES = 64
"""What an element of a collection is taken for where the server may not tell its memory."""


class Remover:
    """Copies, removes and restores over one link; needs the rights that `capabilities_of` asks for."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing
        functions = listing.functions
        self._tell, self._remove, self._restore = (Script(functions + text) for text in (TELL, REMOVE, RESTORE))
        self._how = (listing.tolerance, COMPARE_BYTES, "equal")
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
        for part in _portions([sum(map(_counted, now.sizes)) for now in sized], HELD_BYTES, len(entries)):
            for at, fate in self._copied_and_removed(part, known, make_copy, keep).items():
                fates[at] = fate
        return fates

    def _copied_and_removed(
        self, part: Sequence[int], entries: Sequence[tuple[Names, Described]], make_copy: MakeCopy, keep: Keep
    ) -> dict[int, Fate | str]:
        fates: dict[int, Fate | str] = {at: TOO_LARGE for at in part if max(entries[at][1].sizes) > COPY_BYTES}
        chosen = [at for at in part if at not in fates]
        dumped: list[int] = []
        taken: dict[int, list[KeyCopy]] = {}
        self._typed.look_ahead([entries[at][1] for at in chosen if not self._is_small(entries[at][1])])
        for at in chosen:
            found = None if self._is_small(entries[at][1]) else self._typed.copy(entries[at][1], keep)
            if isinstance(found, list):
                taken[at] = found
            elif found is None or self._may_be_dumped(entries[at][1]):
                dumped.append(at)
            else:
                fates[at] = f"{NOT_IN_PAGES} {found}" if self._link.rights.dumps and isinstance(found, str) else found
        taken.update(zip(dumped, self.copies([entries[at][1] for at in dumped]), strict=True))
        whole = [at for at in chosen if taken.get(at) and taken[at][0].name == bytes_of(entries[at][0][0])]
        if whole:
            keep.copies([_with_files(make_copy(at, taken[at]), taken[at]) for at in whole])
            removed = self.remove_equal([(entries[at][0], taken[at]) for at in whole])
            fates.update(zip(whole, removed, strict=True))
        return fates

    def _is_small(self, now: Described) -> bool:
        return self._link.rights.dumps and max(now.sizes) <= DUMPED_BYTES

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
        flat = [(at, row) for at, entry in enumerate(entries) for row in range(len(entry.names))]
        taken: list[list[KeyCopy]] = [[] for _entry in entries]
        for portion in _portions([entries[at].sizes[row] for at, row in flat], BATCH_BYTES, BATCH_KEYS):
            part = [flat[place] for place in portion]
            answers = self._dumps([bytes_of(entries[at].names[row]) for at, row in part])
            for (at, row), (dump, expiry, proof) in zip(part, answers, strict=True):
                if dump is not None:
                    name = bytes_of(entries[at].names[row])
                    taken[at].append(KeyCopy(name, expiry, entries[at].accessed[row], proof, dump))
        return taken

    def remove_equal(self, entries: Sequence[tuple[Names, Sequence[KeyCopy]]]) -> list[Fate | str]:
        """Remove each entry whose keys still equal its copies; a text is the reason why it failed."""
        fates: dict[int, Fate | str] = {}
        dumped = []
        for at, (names, copies) in enumerate(entries):
            if any(copy.kind for copy in copies):
                keys = [bytes_of(name) for name in names]
                fates[at] = self._typed.remove(keys, copies, self._leaving(keys))
            else:
                dumped.append(at)
        for portion in _portions([sum(len(k.dump) for k in entries[at][1]) for at in dumped], BATCH_BYTES, BATCH_KEYS):
            calls = []
            for names, copies in (entries[dumped[place]] for place in portion):
                known = {copy.name: copy for copy in copies}
                keys = [bytes_of(name) for name in names]
                proofs = [(known[key].proof, known[key].expiry) if key in known else ("", -1) for key in keys]
                calls.append((keys, proofs))
            fates.update(zip((dumped[place] for place in portion), self._removed(calls, "equal"), strict=True))
        return [fates[at] for at in range(len(entries))]

    def _leaving(self, names: Sequence[bytes]) -> list[Command]:
        """What removes an entry of these keys, within a transaction."""
        return [("UNLINK", *names)]

    def remove_seen(self, entries: Sequence[Described]) -> list[Fate | str]:
        """Remove each entry that still has its type, memory and expiry."""
        calls = []
        for seen in entries:
            calls.append(([bytes_of(name) for name in seen.names], _seen_proofs(seen)))
        return self._removed(calls, "seen")

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
        dump, _expiry, _proof_text = self._dumps([copy.name])[0]
        return dump is not None and same_content(copy.dump, dump)

    def _equals(self, copy: KeyCopy, told: tuple[str, int]) -> bool:
        return copy.proof == told[0] and abs(copy.expiry - told[1]) <= self._listing.tolerance

    def _told(self, names: Sequence[bytes]) -> list[tuple[str, int]]:
        if not self._link.rights.scripts:
            return [(proof, expiry) for _dump, expiry, proof in self._dumps(names)]
        answer = self._link.run_script(self._tell, [(names, self._how)])[0]
        if isinstance(answer, Exception):
            raise explain(answer, self._link.place) from answer
        words = cast(list[object], answer)
        return [(text_of(cast(bytes, words[i])), cast(int, words[i + 1])) for i in range(0, len(words), 2)]

    def _dumps(self, names: Sequence[bytes]) -> list[tuple[bytes | None, int, str]]:
        # Dump, expiry and proof of each.
        commands: list[Command] = [c for name in names for c in (("DUMP", name), (self._listing.expiry_command, name))]
        answers = self._link.bracketed([*self._listing.clock_commands, *commands])
        now_ms = self._listing.read_now(answers)
        rest = iter(answers[len(self._listing.clock_commands) :])
        found: list[tuple[bytes | None, int, str]] = []
        for dump, told in zip(rest, rest, strict=True):
            if isinstance(dump, Exception):
                raise explain(dump, self._link.place) from dump
            data = cast(bytes | None, dump)
            proof = "" if data is None else hashlib.sha1(data, usedforsecurity=False).hexdigest()
            found.append((data, self._listing.absolute(told, now_ms), proof))
        return found

    def _removed(self, entries: Sequence[Proven], how: str) -> list[Fate | str]:
        fates: list[Fate | str] = []
        if not self._link.rights.scripts:
            return [self._done_watching(names, proofs, how, self._leaving(names)) for names, proofs in entries]
        for start in range(0, len(entries), BATCH_KEYS):
            batch = entries[start : start + BATCH_KEYS]
            together = self._link.entries_in_script
            groups = [batch[at : at + together] for at in range(0, len(batch), together)]
            fates += self._removed_by_script(groups, how)
        return fates

    def _removed_by_script(self, groups: Sequence[Sequence[Proven]], how: str) -> list[Fate | str]:
        """Each group of entries by one call."""
        calls = []
        for group in groups:
            told: list[object] = [self._listing.tolerance, COMPARE_BYTES, how]
            for names, proofs in group:
                told.append(len(names))
                told.extend(part for proof in proofs for part in proof)
            calls.append(([name for names, _proofs in group for name in names], told))
        fates: list[Fate | str] = []
        for group, answer in zip(groups, self._link.run_script(self._remove, calls), strict=True):
            if not isinstance(answer, Exception):
                fates += map(self._fate, cast(list[object], answer))
            elif len(group) > 1:  # a key that the user may not touch refuses the whole call
                fates += self._removed_by_script([[entry] for entry in group], how)
            else:
                fates.append(self._fate(answer))
        return fates

    def _fate(self, answer: object) -> Fate | str:
        if isinstance(answer, Exception):
            return explain(answer, self._link.place).message
        return {-1: Fate.GONE, 0: Fate.CHANGED}.get(cast(int, answer), Fate.REMOVED)

    def do_if_seen(self, seen: Described, commands: Sequence[Command]) -> Fate | str:
        """Run what changes the keys of an entry if they still have type, memory and expiry; without scripts.

        REMOVED means that it was done.
        """
        return self._done_watching([bytes_of(name) for name in seen.names], _seen_proofs(seen), "seen", commands)

    def _done_watching(
        self, names: list[bytes], proofs: Sequence[tuple[str, int]], how: str, commands: Sequence[Command]
    ) -> Fate | str:
        now = self._watched(names, how)
        if not any(proof for proof, _expiry in now):
            self._link.exchange([("UNWATCH",)])
            return Fate.GONE
        tolerance = self._listing.tolerance
        for (proof, expiry), (seen, seen_expiry) in zip(now, proofs, strict=True):
            if proof != seen or (seen and abs(expiry - seen_expiry) > tolerance):
                self._link.exchange([("UNWATCH",)])
                return Fate.CHANGED
        answer = self._link.exchange([("MULTI",), *commands, ("EXEC",)])[-1]
        if isinstance(answer, Exception) and not isinstance(answer, WatchError):
            return explain(answer, self._link.place).message
        return Fate.REMOVED if isinstance(answer, list) else Fate.CHANGED

    def _restore_watching(self, keys: Sequence[KeyCopy]) -> object:
        now = self._watched([copy.name for copy in keys], "equal")
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

    def _watched(self, names: Sequence[bytes], how: str) -> list[tuple[str, int]]:
        # Between WATCH and EXEC there is no room for a bracket; what these looks count is known: two for each key.
        self._link.exchange([("WATCH", *names)])
        expiry = self._listing.expiry_command
        asked = [("DUMP",)] if how == "equal" else [("TYPE",), ("MEMORY", "USAGE")]
        commands: list[Command] = [(*words, name) for name in names for words in (*asked, (expiry,))]
        clock = self._listing.clock_commands
        answers = self._link.exchange([*clock, *commands])
        now_ms = self._listing.read_now(answers)
        width, told = len(asked) + 1, []
        for start in range(len(clock), len(answers), width):
            looked = answers[start : start + width]
            told.append((_proof(looked[:-1]), self._listing.absolute(looked[-1], now_ms)))
        there = sum(bool(proof) for proof, _expiry in told)
        self._link.looked_up(2 * there, 2 * (len(told) - there))
        return told


def _proof(looked: Sequence[object]) -> str:
    if len(looked) == 1:
        return hashlib.sha1(looked[0], usedforsecurity=False).hexdigest() if isinstance(looked[0], bytes) else ""
    kind, size = looked
    return "" if kind == b"none" else f"{text_of(cast(bytes, kind))}:{size if isinstance(size, int) else -1}"


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


def _portions(sizes: Sequence[int], most_bytes: int, most: int) -> Iterator[list[int]]:
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
