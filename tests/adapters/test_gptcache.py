"""GPTCache's scalar store, written by GPTCache."""

import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from contract import Adapter
from databases import rows_by_table, run_sql
from keeping import MemoryKeep
from library_contract import LibraryContract

from cache_studio.adapters.registry import get_format, recognise
from cache_studio.model.errors import WrongFormat
from cache_studio.model.seeing import Fate, Return, Source
from cache_studio.model.targets import Target


class TestGptcache(LibraryContract):
    format_name = "gptcache"
    program = "gptcache_program"
    versions = "gptcache 0.1.44"
    ordinary = ("what is a fox?", "two answers", "плитка", "<b>html</b>", "line\nbreak", "with\0nul")
    forever = ("emoji 🦊", "last")
    count = 12

    def stored(self, target: Target) -> Mapping[str, object]:
        return rows_by_table(target.location)

    def test_removing_marks_as_the_library_does_and_undo_unmarks(self, target: Target, adapter: Adapter) -> None:
        application = self.opened_by_library(target)
        assert application.call("marked") == 1
        keep = MemoryKeep()
        removal = adapter.remove([self.row(adapter, "two answers").seen], keep)[0]
        assert (removal.fate, removal.freed) == (Fate.REMOVED, 0)
        assert application.call("marked") == 2
        assert adapter.details()["marked_deleted"] == 2
        adapter.restore(keep.taken, keep)
        assert application.call("marked") == 1

    def test_what_the_library_cleared_for_good_does_not_come_back(self, target: Target, adapter: Adapter) -> None:
        keep = MemoryKeep()
        adapter.remove([self.row(adapter, "two answers").seen], keep)
        self.opened_by_library(target).call("clear")
        answer = adapter.restore(keep.taken, keep)[0]
        assert answer.fate is Return.FAILED
        assert "vector" in answer.reason
        assert adapter.present(keep.taken) == [False]

    def test_served_hits_and_times_are_those_of_the_library(self, adapter: Adapter) -> None:
        counters = adapter.counters()
        assert (counters.hits, counters.misses, counters.source) == (4, None, Source.RECORDED)
        assert [self.row(adapter, key).hits for key in ("hit 1", "hit 2", "last")] == [1, 3, 0]
        row = self.row(adapter, "hit 2")
        assert row.created == pytest.approx(time.time(), abs=300)
        assert row.accessed is not None
        assert ("Similarity of hits", "0.750 on average") in [(f.name, f.value) for f in adapter.read(row.id).facts]
        assert adapter.details()["average_similarity"] == pytest.approx(0.75)

    def test_answers_embedding_and_session_are_shown(self, adapter: Adapter) -> None:
        pieces = adapter.read(self.row(adapter, "two answers").id).pieces
        assert [piece.name for piece in pieces] == ["value", "answer 2", "question", "embedding"]
        assert (pieces[0].data, pieces[3].total) == (b"answer to two answers 0", 32)
        assert pieces[2].data == b"two answers"
        facts = adapter.read(self.row(adapter, "last").id).facts
        assert [(fact.name, fact.value) for fact in facts] == [("Sessions", "session 1")]

    def test_a_question_without_an_answer_says_so(self, target: Target, adapter: Adapter) -> None:
        run_sql(target.location, "DELETE FROM gptcache_answer")
        assert adapter.read(self.row(adapter, "last").id).pieces[0].problem


def test_another_database_is_no_gptcache(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    run_sql(path, "CREATE TABLE my_question (id, question)", "CREATE TABLE my_answer (id, answer)")
    assert "gptcache" not in {found["format"] for found in recognise(str(path))}
    for options in ({}, {"prefix": "my"}):
        with pytest.raises(WrongFormat, match="GPTCache"):
            get_format("gptcache").adapter_class().open(Target(str(path)), options, writable=False)
