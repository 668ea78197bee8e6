"""Removing and restoring entries, each of one or more keys, so that a newer value is never lost.

Copy first (DUMP and absolute expiry in one look), hand it over, then remove only what still equals the
copy: by a script that compares in the server, else between WATCH and EXEC.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO, TypeAlias, cast

from redis.exceptions import WatchError

from cache_studio.adapters.base import EntryCopy, Keep
from cache_studio.adapters.redis_dumps import same_content
from cache_studio.adapters.redis_errors import explain
from cache_studio.adapters.redis_key_copies import COPY_BYTES, TOO_LARGE, KeyCopy, Names
from cache_studio.adapters.redis_link import Link, Script
from cache_studio.adapters.redis_listing import Described, Listing
from cache_studio.adapters.redis_options import bytes_of, text_of
from cache_studio.adapters.redis_rights import Command
from cache_studio.adapters.redis_scripts import REMOVE, RESTORE, TELL
from cache_studio.model.seeing import Fate, Restoration, Return

MakeCopy: TypeAlias = Callable[[int, Sequence[KeyCopy]], EntryCopy]
"""The copy of the entry at a place of the batch, of the copies of its keys."""
OpenKept: TypeAlias = Callable[[str], BinaryIO]
"""Opens what the trash keeps by this name."""

COMPARE_BYTES = 8 << 20
"""Larger values are compared by memory, length, head and tail: only by copies of versions that dumped such."""
BATCH_BYTES = 1 << 20
"""What one transaction dumps or compares: more would hold the server for longer than 20 ms."""
BATCH_KEYS = 100
HELD_BYTES = 32 << 20
"""About how much is copied before it is handed over."""
LATE = "It expired meanwhile; Redis keeps no stale key."


class Remover:
    """Copies, removes and restores over one link; needs the rights that `capabilities_of` asks for."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing
        functions = listing.functions
        self._tell, self._remove, self._restore = (Script(functions + text) for text in (TELL, REMOVE, RESTORE))
        self._how = (listing.tolerance, COMPARE_BYTES, "equal")
        self.notes: tuple[str, ...] = ()
        """Sentences for every plan: what may not be copied with the rights that there are."""

    def copy_and_remove(
        self, entries: Sequence[tuple[Names, Described]], make_copy: MakeCopy, keep: Keep
    ) -> list[Fate | str]:
        """Copy, hand over, and remove what still equals its copy; a text is the reason why an entry failed."""
        fates: list[Fate | str] = [Fate.GONE] * len(entries)
        sizes = [sum(max(0, size) for size in now.sizes) for _names, now in entries]
        for part in _portions(sizes, HELD_BYTES, len(entries)):
            for at, fate in self._copied_and_removed(part, entries, make_copy, keep).items():
                fates[at] = fate
        return fates

    def _copied_and_removed(
        self, part: Sequence[int], entries: Sequence[tuple[Names, Described]], make_copy: MakeCopy, keep: Keep
    ) -> dict[int, Fate | str]:
        fates: dict[int, Fate | str] = {at: TOO_LARGE for at in part if max(entries[at][1].sizes) > COPY_BYTES}
        chosen = [at for at in part if at not in fates]
        taken = dict(zip(chosen, self.copies([entries[at][1] for at in chosen]), strict=True))
        whole = [at for at in chosen if taken[at] and taken[at][0].name == bytes_of(entries[at][0][0])]
        if whole:
            keep.copies([_with_files(make_copy(at, taken[at]), taken[at]) for at in whole])
            removed = self.remove_equal([(entries[at][0], taken[at]) for at in whole])
            fates.update(zip(whole, removed, strict=True))
        return fates

    def copies(self, entries: Sequence[Described]) -> list[list[KeyCopy]]:
        """The copies of each entry's keys, in order; a key that is gone is left out. Each at most COPY_BYTES."""
        flat = [(at, row) for at, entry in enumerate(entries) for row in range(len(entry.names))]
        taken: list[list[KeyCopy]] = [[] for _entry in entries]
        for portion in _portions([entries[at].sizes[row] for at, row in flat], BATCH_BYTES, BATCH_KEYS):
            part = [flat[place] for place in portion]
            answers = self._dumps([(entries[at].names[row], entries[at].sizes[row]) for at, row in part])
            for (at, row), (dump, expiry, proof) in zip(part, answers, strict=True):
                if dump is not None:
                    name = bytes_of(entries[at].names[row])
                    taken[at].append(KeyCopy(name, expiry, entries[at].accessed[row], proof, dump))
        return taken

    def remove_equal(self, entries: Sequence[tuple[Names, Sequence[KeyCopy]]]) -> list[Fate | str]:
        """Remove each entry whose keys still equal its copies; a text is the reason why it failed."""
        fates: list[Fate | str] = []
        for portion in _portions([sum(len(k.dump) for k in keys) for _n, keys in entries], BATCH_BYTES, BATCH_KEYS):
            calls = []
            for names, copies in (entries[at] for at in portion):
                known = {copy.name: copy for copy in copies}
                keys = [bytes_of(name) for name in names]
                proofs = [(known[key].proof, known[key].expiry) if key in known else ("", -1) for key in keys]
                calls.append((keys, proofs))
            fates += self._removed(calls, "equal")
        return fates

    def remove_seen(self, entries: Sequence[Described]) -> list[Fate | str]:
        """Remove each entry that still has its type, memory and expiry."""
        calls = []
        for seen in entries:
            proofs = [
                ("" if kind == "none" else f"{kind}:{size}", expiry)
                for kind, size, expiry in zip(seen.kinds, seen.sizes, seen.expiries, strict=True)
            ]
            calls.append(([bytes_of(name) for name in seen.names], proofs))
        return self._removed(calls, "seen")

    def restore(self, keys: Sequence[KeyCopy], open_kept: OpenKept) -> Restoration:
        """Bring the keys of one entry back, all or none; what is there now is never replaced."""
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
        """Whether all keys of each entry are stored as they were copied."""
        return [
            all(
                self._equals(copy, told) or self._holds_the_same(copy, told)
                for copy, told in zip(keys, self._told([k.name for k in keys]), strict=True)
            )
            for keys in entries
        ]

    def _holds_the_same(self, copy: KeyCopy, told: tuple[str, int]) -> bool:
        """Where only the bytes of the dump differ: look at what is in it."""
        if not told[0] or abs(copy.expiry - told[1]) > self._listing.tolerance or len(copy.dump) > COMPARE_BYTES:
            return False
        dump, _expiry, _proof_text = self._dumps([(text_of(copy.name), 0)])[0]
        return dump is not None and same_content(copy.dump, dump)

    def _equals(self, copy: KeyCopy, told: tuple[str, int]) -> bool:
        return copy.proof == told[0] and abs(copy.expiry - told[1]) <= self._listing.tolerance

    def _told(self, names: Sequence[bytes]) -> list[tuple[str, int]]:
        if not self._link.rights.scripts:
            return [(proof, expiry) for _dump, expiry, proof in self._dumps([(text_of(name), 0) for name in names])]
        answer = self._link.run_script(self._tell, [(names, self._how)])[0]
        if isinstance(answer, Exception):
            raise explain(answer, self._link.place) from answer
        words = cast(list[object], answer)
        return [(text_of(cast(bytes, words[i])), cast(int, words[i + 1])) for i in range(0, len(words), 2)]

    def _dumps(self, keys: Sequence[tuple[str, int]]) -> list[tuple[bytes | None, int, str]]:
        # Dump, expiry and proof of each name and size. What the script would not compare whole has the script's own
        # proof, told in the same transaction as the dump: a proof of a later moment would let a newer value go.
        commands: list[Command] = []
        for name, size in keys:
            key = bytes_of(name)
            large = size > COMPARE_BYTES and self._link.rights.scripts
            proof = self._tell.in_full([key], self._how) if large else ("TIME",)
            commands += [("DUMP", key), (self._listing.expiry_command, key), proof]
        answers = self._link.bracketed([*self._listing.clock_commands, *commands])
        now_ms = self._listing.read_now(answers)
        rest = answers[len(self._listing.clock_commands) :]
        found: list[tuple[bytes | None, int, str]] = []
        for (_name, size), dump, told, large_proof in zip(keys, rest[::3], rest[1::3], rest[2::3], strict=True):
            if isinstance(dump, Exception):
                raise explain(dump, self._link.place) from dump
            data = cast(bytes | None, dump)
            proof_text = "" if data is None else hashlib.sha1(data, usedforsecurity=False).hexdigest()
            if size > COMPARE_BYTES and isinstance(large_proof, list) and self._link.rights.scripts:
                proof_text = text_of(large_proof[0])
            found.append((data, self._listing.absolute(told, now_ms), proof_text))
        return found

    def _removed(self, entries: Sequence[tuple[list[bytes], list[tuple[str, int]]]], how: str) -> list[Fate | str]:
        fates: list[Fate | str] = []
        if not self._link.rights.scripts:
            return [self._remove_watching(names, proofs, how) for names, proofs in entries]
        settings = (self._listing.tolerance, COMPARE_BYTES, how)
        calls = [(names, (*settings, *(part for proof in proofs for part in proof))) for names, proofs in entries]
        for start in range(0, len(calls), BATCH_KEYS):
            for answer in self._link.run_script(self._remove, calls[start : start + BATCH_KEYS]):
                fates.append(self._fate(answer))
        return fates

    def _fate(self, answer: object) -> Fate | str:
        if isinstance(answer, Exception):
            return explain(answer, self._link.place).message
        return {-1: Fate.GONE, 0: Fate.CHANGED}.get(cast(int, answer), Fate.REMOVED)

    def _remove_watching(self, names: list[bytes], proofs: list[tuple[str, int]], how: str) -> Fate | str:
        now = self._watched(names, how)
        if not any(proof for proof, _expiry in now):
            self._link.exchange([("UNWATCH",)])
            return Fate.GONE
        tolerance = self._listing.tolerance
        for (proof, expiry), (seen, seen_expiry) in zip(now, proofs, strict=True):
            if proof != seen or (seen and abs(expiry - seen_expiry) > tolerance):
                self._link.exchange([("UNWATCH",)])
                return Fate.CHANGED
        answer = self._link.exchange([("MULTI",), ("UNLINK", *names), ("EXEC",)])[-1]
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
