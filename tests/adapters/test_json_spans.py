"""Byte spans in JSON of every form: what they say is what the standard library's decoder reads there."""

import io
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache_studio.adapters import json_spans
from cache_studio.adapters.json_spans import UNREADABLE, Fault, JsonWalk, Member
from cache_studio.model.errors import EntryNotFound

TEXTS = st.text(st.sampled_from('ab"\\{}[],:\n \t/é😀'), max_size=8) | st.sampled_from(
    ['"},\n  "', '}, "', "\\", '\\"', '": ', "\ud800", "\x00", "a" * 300]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(TEXTS, VALUES, max_size=8) | st.lists(VALUES, max_size=8)


def walk(content: bytes, pointer: tuple[str, ...] = (), *, lines: bool = False) -> tuple[list[Member], JsonWalk]:
    """All members, and the walk."""
    walked = JsonWalk(io.BytesIO(content), pointer, msgspec.json.Decoder().decode, lines=lines)
    return [member for members in walked.members() for member in members], walked


def up_to_fault(content: bytes) -> tuple[list[Member], Fault | None]:
    """The members before the fault."""
    found: list[Member] = []
    try:
        for members in JsonWalk(io.BytesIO(content), (), msgspec.json.Decoder().decode).members():
            found += members
    except Fault as fault:
        return found, fault
    return found, None


def written(document: object, indent: int | None, ascii_only: bool) -> bytes:
    """As applications write it."""
    return json.dumps(document, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")


def reread(text: bytes | memoryview) -> Any:
    """What the standard library reads."""
    return json.loads(bytes(text).decode("utf-8", "surrogatepass"))


@settings(max_examples=60, deadline=None)
@given(
    document=DOCUMENTS,
    indent=st.sampled_from((None, 0, 2)),
    ascii_only=st.booleans(),
    chunk=st.sampled_from((1, 3, 17, 1 << 18)),
    cut=st.floats(0, 0.999),
)
def test_spans_are_what_a_decoder_reads(
    document: Any, indent: int | None, ascii_only: bool, chunk: int, cut: float
) -> None:
    content = written(document, indent, ascii_only)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_spans, "CHUNK", chunk)
        members, walked = walk(content)
        half = content[: int(len(content) * cut)]
        before, fault = up_to_fault(half)
    assert all(content[m.start : m.start + len(m.text)] == m.text for m in members)
    values = list(document.values()) if isinstance(document, dict) else document
    assert repr([reread(m.text[m.value :]) for m in members]) == repr(values)
    if isinstance(document, dict):
        assert [reread(bytes(m.text[: m.value]).rstrip().rstrip(b":")) for m in members] == list(document)
    assert content[walked.opened - 1 : walked.opened] in (b"{", b"[")
    assert content[walked.closed : walked.closed + 1] in (b"}", b"]")
    assert fault is not None
    assert fault.offset <= len(half)
    assert [m[:3] for m in before] == [m[:3] for m in members][: len(before)]


@pytest.mark.parametrize(
    ("content", "offset", "whole"),
    [
        (b"", 0, 0),
        (b"  x", 2, 0),
        (b'{"a": 1, "b" 2}', 13, 1),
        (b'{"a": 1,}', 8, 1),
        (b'{"a": 1 "b": 2}', 8, 1),
        (b'{"a": 1}}', 8, 1),
        (b'{"a": {"x": [1}}', 14, 0),
        (b'{"a": {"x" 1}, "b": 2}', 11, 0),
        (b'{"a": "x\ny"}', 8, 0),
        (b'{"a": tru}', 6, 0),
        (b"\xff\xfe{\x00}\x00", 0, 0),
    ],
)
def test_the_fault_is_where_it_is(content: bytes, offset: int, whole: int) -> None:
    members, fault = up_to_fault(content)
    assert fault is not None
    assert (fault.offset, len(members)) == (offset, whole)


def test_a_wrong_guess_of_the_separator_cuts_nothing_wrong() -> None:
    content = b'{"a": {"x": 1}, "b": {"y": {"z": 1}, "b": 2}, "c": {"q": {"r": 1}, "c": {"s": 1}, "d": 1}, "e": 3}'
    assert [member.key for member in walk(content * 1)[0]] == ["a", "b", "c", "e"]


def test_deep_and_huge_are_delimited_though_not_decoded() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    digits = b"9" * 5_000
    members, _ = walk(b'{"deep": ' + deep + b', "digits": ' + digits + b', "last": 1}')
    assert [member.key for member in members] == ["deep", "digits", "last"]
    assert [member.decoded for member in members] == [UNREADABLE, UNREADABLE, 1]


def test_a_value_longer_than_a_chunk_is_one_member() -> None:
    long = b"x" * (3 << 20)
    members, _ = walk(b'{"a": "' + long + b'", "b": 2}')
    assert [len(member.text) for member in members] == [len(long) + 7, 6]


def test_a_pointer_leads_inside() -> None:
    content = b'{"version": [1], "in/out": {"entries": [1, {"a": 2}]}, "end": {}}'
    members, walked = walk(content, ("in/out", "entries"))
    assert [member.text for member in members] == [b"1", b'{"a": 2}']
    assert walked.kind == "list"
    assert json_spans.pointer_parts("/in~1out/a~0b") == ("in/out", "a~b")
    with pytest.raises(EntryNotFound):
        walk(content, ("absent",))
    with pytest.raises(Fault):
        walk(content[:-1], ("in/out",))


@pytest.mark.parametrize("chunk", [1, 5, 1 << 18])
def test_lines(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(json_spans, "CHUNK", chunk)
    content = b'\xef\xbb\xbf{"a": 1}\r\n\n  [2] \nbroken {\n{"last": "x"}'
    members, _ = walk(content, lines=True)
    assert [member.text for member in members] == [b'{"a": 1}', b"[2]", b"broken {", b'{"last": "x"}']
    assert [member.decoded for member in members] == [{"a": 1}, [2], UNREADABLE, {"last": "x"}]
    assert all(content[m.start : m.start + len(m.text)] == m.text for m in members)
