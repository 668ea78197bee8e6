"""joblib.Memory, with joblib beside it."""

import json
import math
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from contract import Row, listing, rows_of
from keeping import MemoryKeep
from library_contract import LibraryContract

from cache_studio.adapters.base import Adapter, Certainty
from cache_studio.adapters.joblib_memory import FORMAT
from cache_studio.adapters.joblib_memory.layout import read_call, shown_key
from cache_studio.adapters.sight import Sight
from cache_studio.model.capabilities import Ability
from cache_studio.model.seeing import Fate, Return, Source
from cache_studio.model.targets import Target


class TestJoblib(LibraryContract):
    format_name = "joblib"
    program = "joblib_program"
    versions = "joblib 1.6.0"
    count = 12

    @property
    def ordinary(self) -> Sequence[str]:  # type: ignore[override]  # the hashes are joblib's
        return self._written[1]["keys"]

    def _folder(self, target: Target, row: Row) -> Path:
        return Path(target.location, "joblib", str(row.id)).parent

    def test_calls_are_named_by_function_and_arguments(self, adapter: Adapter) -> None:
        rows = {row.key: row for row in listing(adapter).values()}
        plain = next(row for key, row in rows.items() if key.startswith("label(times=2, text='plain') "))
        assert plain.namespace.split("/")[-2:] == ["joblib_program", "label"]
        assert all(row.expires is None and row.created for row in rows.values())
        assert adapter.sources["accessed"] is Source.DERIVED
        payload = adapter.read(plain.id)
        assert [(piece.name, piece.hint) for piece in payload.pieces] == [("value", ""), ("metadata", "json")]
        assert plain.size == sum(piece.total for piece in payload.pieces)
        assert [fact.name for fact in payload.facts] == ["Arguments", "Took", "Called"]
        assert "access time" in str(adapter.details()["last_access"])

    def test_a_hash_finds_its_call(self, adapter: Adapter) -> None:
        row = self.row(adapter, self.ordinary[0])
        assert [found.id for found in rows_of(adapter.lookup([row.key[-32:]]))] == [row.id]
        assert len(adapter.lookup(["../" * 12, "f" * 32, "", "../" + row.key[-32:]])) == 0

    def test_reading_is_no_access(self, target: Target, adapter: Adapter) -> None:
        row = self.row(adapter, self.ordinary[0])
        output = self._folder(target, row) / "output.pkl"
        os.utime(output, (1_000_000, 2_000_000))  # read before it was written: every read would move it
        adapter.read(row.id)
        assert output.stat().st_atime == 1_000_000

    def test_a_function_or_the_folder_itself_can_be_opened(self, target: Target, adapter: Adapter) -> None:
        rows = listing(adapter).values()
        folder = Path(target.location, "joblib")
        with self.opened(Target(str(folder), "joblib")) as all_of_it:
            assert {row.key for row in listing(all_of_it).values()} == {row.key for row in rows}
        function = next(row.namespace for row in rows if "label(" in row.key)
        assert FORMAT.recognise(Sight(str(folder / function))).certainty is Certainty.SURE
        with self.opened(Target(str(folder / function), "joblib")) as one:
            found = listing(one).values()
            assert {row.key for row in found} == {row.key for row in rows if row.namespace == function}
            chosen = [row.seen for row in found][:1]
            keep = MemoryKeep()
            assert one.remove(chosen, keep)[0].fate is Fate.REMOVED
            assert one.restore(keep.taken, keep)[0].fate is Return.RESTORED

    def test_a_call_without_metadata_is_its_hash(self, target: Target, adapter: Adapter) -> None:
        row = self.row(adapter, self.ordinary[0])
        application = self.opened_by_library(target)
        (self._folder(target, row) / "metadata.json").unlink()
        found = listing(adapter)[row.id]
        assert found.key == row.key[-32:]
        assert found.stamp != row.stamp
        assert application.call("holds", row.key)  # joblib serves it, too
        assert adapter.remove([row.seen], None)[0].fate is Fate.CHANGED

    def test_a_folder_with_something_strange_stays(self, target: Target, adapter: Adapter) -> None:
        row = self.row(adapter, self.ordinary[0])
        (self._folder(target, row) / "link").symlink_to("/etc/hostname")
        now = listing(adapter)[row.id]
        assert adapter.remove([now.seen], MemoryKeep())[0].fate is Fate.FAILED
        assert row.id in listing(adapter)

    def test_a_killed_removal_is_undone_at_the_next_opening(self, target: Target, adapter: Adapter) -> None:
        row = self.row(adapter, self.ordinary[0])
        folder = self._folder(target, row)
        folder.rename(folder.parent / f".cs-01234567~{folder.name}~")
        assert row.id not in listing(adapter)
        with self.opened(target) as again:
            assert listing(again)[row.id] == row

    def test_restoring_beside_what_a_kill_left(self, target: Target, adapter: Adapter) -> None:
        row = self.row(adapter, self.ordinary[0])
        keep = MemoryKeep()
        before = self.stored(target)
        adapter.remove([row.seen], keep)
        folder = self._folder(target, row)
        folder.mkdir()
        (folder / "metadata.json").write_text("{}")
        assert adapter.restore(keep.taken, keep)[0].fate is Return.RESTORED
        assert row.id in listing(adapter)
        (folder / "output.pkl").unlink()
        shutil.rmtree(folder)
        assert adapter.restore(keep.taken, keep)[0].fate is Return.RESTORED
        assert self.stored(target) == before

    def test_a_folder_of_other_things_is_no_cache(self, tmp_path: Path) -> None:
        (tmp_path / "joblib" / "module").mkdir(parents=True)
        (tmp_path / "joblib" / "module" / "func_code.py").write_text("# first line: 3\n")
        assert FORMAT.recognise(Sight(str(tmp_path))).certainty is Certainty.NO

    def test_the_copy_can_be_removed_read_only_cannot(self, target: Target) -> None:
        with self.opened(target, writable=False) as looked:
            assert not looked.capabilities.can(Ability.REMOVE)


def test_hostile_metadata_are_not_recorded() -> None:
    for content in (b"", b"[]", b"{", b"[" * 100_000, b'{"input_args": 7, "time": "soon"}', b"\xff\xfe"):
        call = read_call(content)
        assert call.arguments == {}
        assert math.isnan(call.time)
    huge = json.dumps({"input_args": {"a": "'" + "x" * 5000}, "duration": 1e999, "time": 1e300}).encode()
    call = read_call(huge)
    assert math.isnan(call.time)
    assert len(shown_key("f", call, "0" * 32)) < 200
