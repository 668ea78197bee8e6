"""Pickles compared with what the real unpickler makes of them, and what attacks it."""

import collections
import datetime
import decimal
import json
import os
import pathlib
import pickle
import subprocess
import sys
import time
import uuid
from pathlib import Path

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from patience import PATIENCE

from cache_studio.decoding.pickled.read import read_pickle
from cache_studio.decoding.pickled.render import pickle_tree, pickle_warnings
from cache_studio.decoding.pickled.values import Collection
from tests.decoding.pickled import hostile_pickles

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
HERE = Path(__file__)


def as_python(value: object) -> object:
    """The read value as the real unpickler would make it (calls of bytes, set, frozenset, bytearray included)."""
    from cache_studio.decoding.pickled.friendly import Friendly, read_call
    from cache_studio.decoding.pickled.values import Instance

    name = ""
    if isinstance(value, Instance):
        name, value = value.name, read_call(value)
    if isinstance(value, Friendly):
        return bytearray(value.value) if name.endswith("bytearray") else value.value
    if not isinstance(value, Collection):
        return value
    if value.kind == "dict":
        return {as_python(key): as_python(item) for key, item in value.pairs()}
    if value.kind == "bytearray":
        return bytearray(value.items[0])
    kinds = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
    return kinds[value.kind](as_python(item) for item in value.items)


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**2000), 2**2000)
    | st.floats(allow_nan=False)
    | st.text(st.characters(), max_size=20)
    | st.binary(max_size=300)
)
hashable = st.recursive(scalars, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=5)
values = st.recursive(
    scalars | st.binary(max_size=5).map(bytearray) | st.sets(hashable, max_size=4),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(hashable, inner, max_size=5) | st.tuples(inner),
    max_leaves=20,
)


@given(values, st.sampled_from(PROTOCOLS))
@settings(max_examples=150, deadline=None)
def test_plain_values_of_all_protocols(value: object, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    reading = read_pickle(data)
    assert reading.problem == ""
    assert reading.end == len(data)
    assert as_python(reading.root) == value
    assert pickle_warnings(reading) == ()


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: pickle.dumps([1, {"a": (2,)}], 4)[:-9] + tail))
@settings(max_examples=300, deadline=None)
def test_no_bytes_make_it_raise(data: bytes) -> None:
    reading = read_pickle(data)
    pickle_tree(reading.root)
    pickle_warnings(reading)
    assert reading.end <= len(data)


class Plain:
    def __init__(self) -> None:
        self.color = "red"
        self.me = self


class Slotted:
    __slots__ = ("x",)

    def __init__(self) -> None:
        self.x = 5


class Words(list):  # type: ignore[type-arg]
    pass


FRIENDLY = [
    (decimal.Decimal("1.50"), "number", "1.50"),
    (uuid.UUID(int=7), "string", "00000000-0000-0000-0000-000000000007"),
    (pathlib.PurePosixPath("/a/b"), "string", "/a/b"),
    (
        datetime.datetime(2026, 11, 20, 18, 52, 1, 7, tzinfo=datetime.UTC),
        "datetime",
        "2026-11-20 18:52:01.000007+00:00",
    ),
    (datetime.datetime(2026, 11, 20), "datetime", "2026-11-20 00:00:00"),
    (datetime.date(2026, 11, 20), "datetime", "2026-11-20"),
    (datetime.time(1, 2, 3), "datetime", "01:02:03"),
    (datetime.timedelta(hours=6), "datetime", "6:00:00"),
    (datetime.timezone(datetime.timedelta(hours=-5)), "datetime", "UTC-05:00"),
    (1 + 2j, "number", "(1+2j)"),
    (numpy.float32(2.5), "number", "2.5"),
    (numpy.arange(8, dtype=">i4"), "array", "array of >i4, shape (8): 0, 1, 2, 3, 4, 5, ..."),
    (numpy.zeros((2, 2)), "array", "array of <f8, shape (2, 2): 0, 0, 0, 0"),
]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("value", "kind", "text"), FRIENDLY)
def test_well_known_classes_are_read_as_values(value: object, kind: str, text: str, protocol: int) -> None:
    reading = read_pickle(pickle.dumps(value, protocol))
    node = pickle_tree(reading.root)
    assert (node.kind, node.text, pickle_warnings(reading)) == (kind, text, ())


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("value", "kind", "children"),
    [
        (collections.OrderedDict(a=1, b=2), "object", ["a", "b"]),
        (collections.Counter("aab"), "object", ["a", "b"]),
        (collections.defaultdict(list, k=[1]), "object", ["k"]),
        (collections.deque([5, 6], 9), "list", ["0", "1"]),
        (frozenset([3]), "set", ["0"]),
        ({1: 2, (3, "x"): 4, b"b": 5}, "object", ["1", "(3, x)", "b'b'"]),
    ],
)
def test_well_known_collections(value: object, kind: str, children: list[str], protocol: int) -> None:
    node = pickle_tree(read_pickle(pickle.dumps(value, protocol)).root)
    assert (node.kind, [child.key for child in node.children]) == (kind, children)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_objects_of_classes_that_are_not_imported(protocol: int) -> None:
    reading = read_pickle(pickle.dumps(Plain(), protocol))
    node = pickle_tree(reading.root)
    assert (node.kind, node.text.rpartition(".")[2]) == ("object", "Plain")
    assert [(child.key, child.kind, child.text) for child in node.children] == [
        ("color", "string", "red"),
        ("me", "reference", "same as the top"),
    ]
    assert pickle_warnings(reading) == ()
    if protocol >= 2:
        slots = pickle_tree(read_pickle(pickle.dumps(Slotted(), protocol)).root)
        assert [(child.key, child.text) for child in slots.children] == [("x", "5")]
        words = pickle_tree(read_pickle(pickle.dumps(Words(["a"]), protocol)).root)
        assert [(child.key, child.text) for child in words.children] == [("0", "a")]


def test_shared_parts_are_shown_once() -> None:
    part = [1, 2]
    node = pickle_tree(read_pickle(pickle.dumps({"a": {"b": part}, "c": [part]})).root)
    assert node.children[1].children[0].text == "same as .a.b"


def test_a_datetime_of_python_2() -> None:
    data = b"\x80\x02cdatetime\ndatetime\nU\n\x07\xea\x0b\x14\x12\x34\x01\x00\x00\x07\x85R."
    assert pickle_tree(read_pickle(data).root).text == "2026-11-20 18:52:01.000007"


@pytest.mark.parametrize("name", hostile_pickles.attacks("x"))
def test_attacks_are_listed_and_warned_of(name: str, tmp_path: Path) -> None:
    reading = read_pickle(hostile_pickles.attacks(str(tmp_path / "canary"))[name])
    assert reading.calls
    warnings = " ".join(pickle_warnings(reading))
    expected = {"eval": "__builtin__.eval", "dotted": "os.path.os.system", "newobj": "subprocess.Popen"}
    special = {"getattr_chain": "builtins.getattr", "resolve_name": "pkgutil.resolve_name"}
    assert (expected | special).get(name, "os.system") in warnings
    assert not (tmp_path / "canary").exists()


def test_the_attacks_are_real(tmp_path: Path) -> None:
    """Control: the real unpickler in a child does run them."""
    for name, data in hostile_pickles.attacks(str(tmp_path / "canary")).items():
        if name in ("broken_after", "newobj", "memo_confusion"):
            continue
        (tmp_path / "attack").write_bytes(data)
        program = f"import pickle; pickle.load(open({str(tmp_path / 'attack')!r}, 'rb'))"
        subprocess.run([sys.executable, "-I", "-S", "-c", program], check=False, stderr=subprocess.DEVNULL)
        assert (tmp_path / "canary").exists(), name
        (tmp_path / "canary").unlink()


AUDITED = """
import json, sys
from cache_studio.decoding.decode import decode
from tests.decoding.pickled import hostile_pickles as hostile
decode(b"{}"), decode(b"(l."), decode(b"\\x81\\xa1a\\x01"), decode(b"x\\x9c"), decode(b"S'a'\\n.", "pickle")
everything = {**hostile.attacks(sys.argv[1]), **hostile.lies(), **hostile.harmless(), **hostile.bombs(5_000)}
events = []
watching = True
sys.addaudithook(lambda event, arguments: events.append((event, str(arguments)[:200])) if watching else None)
for name, data in everything.items():
    decode(data, "pickle").to_list()
    decode(data).to_list()
watching = False
print(json.dumps([len(everything), events]))
"""


def test_nothing_is_imported_run_or_opened_while_decoding(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    root = HERE.parents[3]
    done = subprocess.run(
        [sys.executable, "-c", AUDITED, str(canary)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    count, events = json.loads(done.stdout)
    assert count >= 55
    assert [event for event in events if event[0] not in ("builtins.id", "object.__getattr__")] == []
    assert not canary.exists()


@pytest.mark.parametrize("name", hostile_pickles.bombs(10))
def test_bombs_are_shown_in_time(name: str) -> None:
    began = time.process_time()
    reading = read_pickle(hostile_pickles.bombs(1_000_000 if name == "deep_key" else 100_000)[name])
    nodes = sum(1 for _ in pickle_tree(reading.root).walk())
    assert nodes <= 20_100
    assert time.process_time() - began < PATIENCE


@pytest.mark.parametrize("name", hostile_pickles.lies())
def test_lies_end_in_one_line_with_the_offset(name: str) -> None:
    reading = read_pickle(hostile_pickles.lies()[name])
    assert reading.problem
    assert "\n" not in reading.problem
    assert "byte" in reading.problem or name == "protocol_99"
    pickle_tree(reading.root)


@pytest.mark.parametrize("name", hostile_pickles.harmless())
def test_strange_pickles_are_whole(name: str) -> None:
    reading = read_pickle(hostile_pickles.harmless()[name])
    assert reading.problem == ""
    assert pickle_tree(reading.root).kind in ("null", "number", "object", "call")


def test_what_was_read_before_the_fault_is_kept() -> None:
    data = pickle.dumps({"name": "ann", "tags": ["a", "b"], "rest": 1}, 4)
    reading = read_pickle(data[: data.index(b"rest")])
    assert "rest" not in reading.problem
    tree = pickle_tree(reading.root)
    assert [(child.key, child.kind) for child in tree.children][:2] == [("name", "string"), ("tags", "list")]
    assert reading.problem.startswith("At byte ")
