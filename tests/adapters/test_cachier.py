"""cachier's pickles, with cachier beside it; this format is only looked at."""

import pickle
from collections import OrderedDict
from pathlib import Path

import pytest
from contract import listing
from library_contract import LibraryContract

from cache_studio.adapters.base import Adapter, Certainty
from cache_studio.adapters.cachier import FORMAT
from cache_studio.adapters.cachier.value_pickle import value_pickle
from cache_studio.adapters.sight import Sight
from cache_studio.decoding.pickled.read import read_pickle
from cache_studio.decoding.pickled.values import Collection
from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import WrongFormat
from cache_studio.model.targets import Target


class TestCachier(LibraryContract):
    format_name = "cachier"
    program = "cachier_program"
    versions = "cachier 4.2.0"
    removable = False
    ordinary = ["plain", "<b>bold</b>", "line\nbreak", "emoji 🦊"]
    stale = ["old 1", "old 2"]
    count = 12

    def test_functions_are_namespaces(self, adapter: Adapter) -> None:
        spaces = {row.namespace.rpartition(".")[2] for row in listing(adapter).values()}
        assert spaces == {"together", "apart"}

    def test_a_value_is_shown_without_its_neighbours(self, adapter: Adapter) -> None:
        piece = adapter.read(self.row(adapter, "plain").id).pieces[0]
        assert pickle.loads(piece.data)["word"] == "plain"  # our own test's value, of the standard library alone
        assert b"bold" not in piece.data
        alone = adapter.read(self.row(adapter, self._written[1]["keys"][3]).id).pieces[0]
        assert pickle.loads(alone.data) == [3, 3, 3]

    def test_it_says_why_it_is_only_looked_at(self, adapter: Adapter) -> None:
        assert "program" in adapter.capabilities.why_not(Ability.REMOVE)

    def test_without_a_ttl_no_expiry_is_known(self, target: Target) -> None:
        with self.opened(Target(target.location, "cachier")) as adapter:
            assert {row.expires for row in listing(adapter).values()} == {None}

    def test_one_file_can_be_opened(self, target: Target) -> None:
        file = next(path for path in Path(target.location).iterdir() if path.name.endswith("together"))
        assert FORMAT.recognise(Sight(str(file))).certainty is Certainty.SURE
        with self.opened(Target(str(file), "cachier")) as adapter:
            assert len(listing(adapter)) == 7

    def test_a_long_file_is_read_in_a_child(self, target: Target) -> None:
        file = next(path for path in Path(target.location).iterdir() if path.name.endswith("together"))
        head = file.read_bytes()
        with self.opened(target) as adapter:
            before = {row.key for row in listing(adapter).values()}
            file.write_bytes(head + b"\0" * 100_000)  # what follows a pickle is nobody's
            assert {row.key for row in listing(adapter).values()} == before
            assert pickle.loads(adapter.read(self.row(adapter, "plain").id).pieces[0].data)["word"] == "plain"

    def test_broken_files_are_rows_with_a_problem(self, target: Target) -> None:
        folder = Path(target.location)
        whole = next(path for path in folder.iterdir() if path.name.endswith("together"))
        whole.write_bytes(whole.read_bytes()[:-200])
        (folder / (".module.function_" + "a" * 64)).write_bytes(b"")
        (folder / ".gitignore").write_bytes(b"*")
        (folder / ".a.b").symlink_to(whole)
        with self.opened(target) as adapter:
            rows = listing(adapter).values()
            assert {row.key for row in rows if row.namespace == "module.function" and row.problem} == {"a" * 64}
            assert any(row.problem for row in rows if row.namespace.endswith("together"))
            assert not any("gitignore" in row.namespace or row.namespace == "a.b" for row in rows)
            for row in rows:
                adapter.read(row.id)

    def test_another_folder_is_refused_with_a_sentence(self, tmp_path: Path) -> None:
        with pytest.raises(WrongFormat), self.opened(Target(str(tmp_path), "cachier")):
            pass

    def test_nothing_is_run(self, target: Target, tmp_path: Path) -> None:
        ran = tmp_path / "ran"
        hostile = f"\x80\x04cposix\nsystem\n(X{chr(6 + len(str(ran)))}\0\0\0touch {ran}tR."
        file = next(path for path in Path(target.location).iterdir() if path.name.endswith("together"))
        content = file.read_bytes()
        file.write_bytes(content[:-1] + hostile[2:-1].encode("latin-1") + b"0.")
        with self.opened(target) as adapter:
            for entry_id in listing(adapter):
                adapter.read(entry_id)
        assert not ran.exists()


VALUES = [
    None,
    True,
    -1,
    2**80,
    1.5,
    "text 🦊",
    b"\x00",
    bytearray(b"ab"),
    [1, [2]],
    (1, (2,)),
    {"a": {1}},
    frozenset([3]),
]


@pytest.mark.parametrize("value", [*VALUES, OrderedDict(a=1), range(3), complex(1, 2)], ids=str)
def test_a_value_survives_being_written_again(value: object) -> None:
    assert pickle.loads(value_pickle(read_pickle(pickle.dumps(value)).root)) == value


def test_what_is_shared_stays_shared() -> None:
    level: list[object] = ["x" * 1_000_000]
    for _ in range(40):
        level = [level, level]
    again = value_pickle(read_pickle(pickle.dumps(level)).root)
    assert len(again) < 1_010_000
    circle: list[object] = []
    circle.append(circle)
    assert len(value_pickle(read_pickle(pickle.dumps(circle)).root)) < 100


def test_what_is_nested_too_deeply_is_said() -> None:
    value: object = Collection("list", [])
    for _ in range(100_000):
        value = Collection("list", [value])
    with pytest.raises(ValueError, match="deeply"):
        value_pickle(value)
