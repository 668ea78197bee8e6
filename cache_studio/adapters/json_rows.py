"""What a child reads out of a JSON file: the columns of its entries, where chosen ones stand, one entry's value.

Every function here takes and gives what crosses to another process, so that a big file is read in a child
and a small one at once, by the same code. Loads no numpy: a child must be there quickly.
"""

import json
import math
import os
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from itertools import chain
from typing import Any, TypedDict

import msgspec

from cache_studio.adapters.files import Folder, NoRegularFile, read_up_to, stamp_of, unavailable
from cache_studio.adapters.json_spans import UNREADABLE, Fault, JsonWalk, Member, Readable, key_text
from cache_studio.model.errors import EntryNotFound, WrongFormat
from cache_studio.model.times import MILLISECONDS_FROM, parse_time

FIRST_BATCH = 500
BATCH = 2_000
TIMES = ("created", "accessed", "expires")
FIGURES = ("ttl_field", "hits")
NAN = float("nan")


def stamp_of_span(text: bytes | memoryview) -> tuple[int, int, int]:
    """Length and checksum of a span.

    Only a change since it was seen must show: every change of four bytes side by side does for certain, any other
    but for one chance in four thousand million, and what is then removed is copied as it stands. The checksum costs
    an eighth of the cheapest cryptographic one.
    """
    return len(text), zlib.crc32(text), 0


def open_json(path: str) -> tuple[int, list[int]]:
    """A descriptor that the caller closes, and the file's identity: inode, modification time, length."""
    folder_path, name = os.path.split(path)
    try:
        with Folder.open(folder_path) as folder:
            descriptor, status = folder.open_file(name)
    except (NoRegularFile, ValueError):
        raise WrongFormat("This is no regular file.", "Give the path of a JSON file.") from None
    except OSError as error:
        raise unavailable(path, error) from error
    return descriptor, list(stamp_of(status))


def shown_key(base: str | bytes) -> str:
    """The key to show for what names an entry."""
    return base if isinstance(base, str) else "#" + base[:8].decode()


class Identities:
    """Gives every entry an id that is unique in its document: what names it, and its how many-th that is."""

    def __init__(self, key_field: str) -> None:
        self._key_field = key_field
        self._times: dict[str | bytes, int] = {}

    def of(self, members: Sequence[Member]) -> tuple[Sequence[str | bytes], dict[int, int]]:
        """What names each (bytes where only its span does), and by index its occurrence where that is not the first."""
        names = [self._name(member) if member.key is None else member.key for member in members]
        fresh = dict.fromkeys(names, 1)
        if len(fresh) == len(names) and self._times.keys().isdisjoint(fresh):
            self._times |= fresh
            return names, {}
        repeats = {}
        for index, name in enumerate(names):
            times = self._times[name] = self._times.get(name, 0) + 1
            if times > 1:
                repeats[index] = times
        return names, repeats

    def _name(self, member: Member) -> str | bytes:
        named = member.decoded.get(self._key_field) if isinstance(member.decoded, dict) else None
        if named is None:
            return b"%08x %x" % (zlib.crc32(member.text), len(member.text))
        return _clean(named) if isinstance(named, str) else json.dumps(named)


def _clean(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")


def _object_with(fields: dict[str, Any]) -> Any:
    """A type for the decoder: an object of which only these fields are built."""
    make: Any = TypedDict
    return make("Wanted", fields, total=False)


def walk(descriptor: int, spec: Mapping[str, Any]) -> JsonWalk:
    """A walk through an open file, as `walk_in`."""
    return walk_in(open(descriptor, "rb", buffering=0, closefd=False), spec)


def walk_in(file: Readable, spec: Mapping[str, Any]) -> JsonWalk:
    """A walk through a document; `spec` holds `pointer`, `lines` and the `fields` to decode."""
    # The value itself is not wanted: decoding it would build the greater part of the file.
    fields: dict[str, str] = {role: field for role, field in spec["fields"].items() if role != "value"}
    decode = msgspec.json.Decoder(_object_with(dict.fromkeys(fields.values(), Any))).decode
    return JsonWalk(file, spec["pointer"], decode, lines=spec["lines"])


def rows(path: str, spec: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All entries as columns of bytes and lists, a batch a frame; the last frame holds `end`: "" or why not complete.

    The first frames come soon. Each frame holds the `identity` of the file that was read.
    """
    descriptor, identity = open_json(path)
    reason = ""
    columns = _Columns(spec)
    identities = Identities(spec["fields"].get("key", ""))
    limit = FIRST_BATCH
    try:
        for members in walk(descriptor, spec).members():
            at = 0
            while at < len(members):
                some = members[at : at + limit - len(columns)]
                columns.extend(some, *identities.of(some))
                at += len(some)
                if len(columns) == limit:
                    yield columns.take() | {"identity": identity}
                    limit = BATCH
        if stamp_of(os.fstat(descriptor)) != tuple(identity):
            reason = "The file was changed while it was read."
    except Fault as fault:
        reason = fault_sentence(fault)
    finally:
        os.close(descriptor)
    yield columns.take() | {"identity": identity, "end": reason}


def head_rows(path: str, spec: Mapping[str, Any], length: int) -> dict[str, Any] | None:
    """Entries that lie wholly in the first `length` bytes, as their frame: a first batch; None where there are none."""
    descriptor, identity = open_json(path)
    try:
        head = BytesIO(read_up_to(descriptor, length))
    finally:
        os.close(descriptor)
    members: list[Member] = []
    with suppress(Fault, EntryNotFound):  # at its end the head is cut; what is wrong the whole walk will tell
        for some in walk_in(head, spec).members():
            members += some
            if len(members) > FIRST_BATCH:
                break
    members = members[:-1][:FIRST_BATCH]  # the last may be cut where the head is
    if not members:
        return None
    columns = _Columns(spec)
    columns.extend(members, *Identities(spec["fields"].get("key", "")).of(members))
    return columns.take() | {"identity": identity}


def fault_sentence(fault: Fault) -> str:
    """What is wrong with the file, for people."""
    if fault.offset == 0 and fault.message == "it is empty":
        return "The file is empty."
    return f"The file is broken at byte {fault.offset}: {fault.message}. What stands before it is listed."


def _figure(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e15:
        return NAN
    return float(value)


class _Columns:
    """Rows as they are collected for one frame."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self._spec = spec
        self._fields: Mapping[str, str] = spec["fields"]
        self._begin()

    def _begin(self) -> None:
        self._names: list[str | bytes] = []
        self._repeats: dict[int, int] = {}
        self._problems: dict[int, str] = {}
        self._undecoded: list[int] = []
        self._places: list[tuple[int, int]] = []
        self._stamps: list[tuple[int, int, int]] = []
        self._decoded: list[Mapping[str, object]] = []

    def __len__(self) -> int:
        return len(self._names)

    def extend(self, members: Sequence[Member], names: Sequence[str | bytes], repeats: Mapping[int, int]) -> None:
        """These rows more."""
        first = len(self._names)
        self._names += names
        for index, times in repeats.items():
            self._repeats[first + index] = times
            if members[index].key is not None:
                self._problems[first + index] = (
                    "The key stands in the file more than once; most programs read the last."
                )
        self._places += [(member.start, member.value) for member in members]
        self._stamps += [stamp_of_span(member.text) for member in members]
        decoded = [member.decoded for member in members]
        for index, value in enumerate(decoded):
            if not isinstance(value, dict):
                decoded[index] = {}
                self._not_decoded(first + index, value)
        self._decoded += decoded  # type: ignore[arg-type]

    def _not_decoded(self, row: int, value: object) -> None:
        self._undecoded.append(row)
        if value is UNREADABLE:
            self._problems[row] = "The value cannot be decoded."
        elif self._spec["objects"]:
            self._problems[row] = "The value is no object."

    def take(self) -> dict[str, Any]:
        """The rows so far as one frame; begins anew."""
        keys = [shown_key(name) for name in self._names]
        frame: dict[str, Any] = {
            "names": None if self._names == keys else self._names,
            "keys": keys,
            "repeats": self._repeats,
            "problems": self._problems,
            "undecoded": self._undecoded,
            "places": array("q", chain.from_iterable(self._places)).tobytes(),
            "stamps": array("q", chain.from_iterable(self._stamps)).tobytes(),
            "namespaces": self._texts("namespace"),
            "tags": self._tags(),
        }
        for role in TIMES:
            frame[role] = self._times(role)
        for role in FIGURES:
            frame[role] = self._figures(role)
        self._begin()
        return frame

    def _values(self, role: str) -> list[object] | None:
        field = self._fields.get(role)
        return None if field is None else [entry.get(field) for entry in self._decoded]

    def _times(self, role: str) -> bytes | None:
        values = self._values(role)
        if values is None:
            return None
        unit, zone = self._spec["unit"], self._spec["zone"]
        plain = unit in ("auto", "seconds")
        absent = math.inf if role == "expires" else NAN  # no expiry is no end, and Python writes that as Infinity, too
        return array(
            "d",
            [
                value
                if plain and type(value) is float and 0.0 <= value < MILLISECONDS_FROM
                else absent
                if value is None or value == math.inf
                else parse_time(value, unit, zone)
                for value in values
            ],
        ).tobytes()

    def _figures(self, role: str) -> bytes | None:
        values = self._values(role)
        if values is None:
            return None
        return array("d", map(_figure, values)).tobytes()

    def _texts(self, role: str) -> list[str] | None:
        values = self._values(role)
        return None if values is None else [_clean(value) if isinstance(value, str) else "" for value in values]

    def _tags(self) -> list[list[str]] | None:
        values = self._values("tags")
        if values is None:
            return None
        lists = [[value] if isinstance(value, str) else value for value in values]
        return [
            [_clean(tag) for tag in found if isinstance(tag, str)] if isinstance(found, list) else [] for found in lists
        ]


def locate(path: str, spec: Mapping[str, Any], wanted: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Where the entries with these ids ([name, occurrence]) stand now, and what surrounds each.

    `found` holds for each [name, occurrence, number, start, end, end of the one before or None, start of the next
    or None, the one before as [name, occurrence] or None, stamp, offset of the value].
    WrongFormat when the document is broken.
    """
    names = {(name, occurrence) for name, occurrence in wanted}
    descriptor, identity = open_json(path)
    identities = Identities(spec["fields"].get("key", ""))
    found: list[list[Any]] = []
    answer: dict[str, Any] = {"identity": identity, "found": found, "first": None, "last": None}
    before: list[Any] | None = None
    waiting: list[Any] | None = None
    number = 0
    walked = walk(descriptor, spec)
    try:
        for members in walked.members():
            bases, repeats = identities.of(members)
            for index, member in enumerate(members):
                base, occurrence = bases[index], repeats.get(index, 1)
                if waiting is not None:
                    waiting[6], waiting = member.start, None
                if answer["first"] is None:
                    answer["first"] = member.start
                if (base, occurrence) in names:
                    end = member.start + len(member.text)
                    waiting = [base, occurrence, number, member.start, end, answer["last"], None, before]
                    waiting += [list(stamp_of_span(member.text)), member.value]
                    found.append(waiting)
                before = [base, occurrence]
                answer["last"] = member.start + len(member.text)
                number += 1
    except Fault as fault:
        raise WrongFormat(fault_sentence(fault), "Nothing was changed; let the application write it again.") from None
    finally:
        os.close(descriptor)
    return answer | {"count": number, "opened": walked.opened, "closed": walked.closed, "kind": walked.kind}


def text_of(span: bytes, kind: str, field: str) -> str:
    """The text in one field of the entry with this span, "" where it is none."""
    whole = b"{" + span + b"}" if kind == "object" else b"[" + span + b"]"
    decode = msgspec.json.Decoder(_object_with({field: Any})).decode
    decoded = next(JsonWalk(BytesIO(whole), (), decode).members())[0].decoded
    value = decoded.get(field) if isinstance(decoded, dict) else None
    return _clean(value) if isinstance(value, str) else ""


def extract(path: str, start: int, length: int, field: str, max_bytes: int | None) -> list[Any]:
    """The value's bytes at a place of a file: [data, total, hint], and for `field` inside it the same, or None."""
    descriptor, _ = open_json(path)
    try:
        os.lseek(descriptor, start, os.SEEK_SET)
        text = read_up_to(descriptor, length)
    finally:
        os.close(descriptor)
    if len(text) < length:
        raise EntryNotFound("The entry is gone.", "The file became shorter; refresh the list.")
    inner = _field_of(text, field) if field else None
    whole = [text[:max_bytes], len(text), "json"]
    return [whole, None if inner is None else [inner[0][:max_bytes], len(inner[0]), inner[1]]]


def _field_of(text: bytes, field: str) -> tuple[bytes, str] | None:
    """The stored text or JSON of one field of an object, None when it is not there."""
    try:
        raw = bytes(msgspec.json.decode(text, type=_object_with({field: msgspec.Raw}))[field])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        try:
            raw = json.dumps(json.loads(text)[field], ensure_ascii=True).encode()
        except (ValueError, RecursionError, KeyError, TypeError, IndexError):
            return None
    except KeyError:
        return None
    if raw.startswith(b'"'):
        return key_text(raw[1:-1]).encode("utf-8", "surrogateescape"), "text"
    return raw, "json"
