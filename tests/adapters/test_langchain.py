"""LangChain's SQLite cache, written by LangChain."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from contract import Adapter, rows_of
from databases import rows_by_table, run_sql
from keeping import MemoryKeep
from library_contract import LibraryContract

from cache_studio.adapters.langchain.layout import model_of, shown_prompt
from cache_studio.adapters.registry import get_format, recognise
from cache_studio.model.errors import WrongFormat
from cache_studio.model.seeing import Fate
from cache_studio.model.targets import Target

CHAT = "system: Be short.\nhuman: Who are you?"


class TestLangchain(LibraryContract):
    format_name = "langchain"
    program = "langchain_program"
    versions = "langchain-community 0.4.2"
    ordinary = ("capital of France?", "two answers", CHAT, "плитка", "<b>html</b>", "line\nbreak", "with\0nul")
    forever = ("emoji 🦊", "grown")
    count = 12

    def stored(self, target: Target) -> Mapping[str, object]:
        return rows_by_table(target.location)

    def test_all_generations_of_an_answer_are_one_entry(self, target: Target, adapter: Adapter) -> None:
        application = self.opened_by_library(target)
        row = self.row(adapter, "two answers")
        payload = adapter.read(row.id)
        names = [piece.name for piece in payload.pieces]
        assert names == ["value", "generation 1", "generation 2", "prompt", "llm"]
        assert ("Generations", "3") in [(fact.name, fact.value) for fact in payload.facts]
        assert row.size == sum(piece.total for piece in payload.pieces[:3])
        before = application.call("generations", "two answers")
        keep = MemoryKeep()
        assert adapter.remove([row.seen], keep)[0].fate is Fate.REMOVED
        assert application.call("generations", "two answers") == []
        adapter.restore(keep.taken, keep)
        assert application.call("generations", "two answers") == before
        assert len(before) == 3

    def test_a_generation_that_comes_later_changes_the_entry(self, target: Target, adapter: Adapter) -> None:
        row = self.row(adapter, "capital of France?")
        run_sql(
            target.location,
            "INSERT INTO full_llm_cache SELECT prompt, llm, 1, 'more' FROM full_llm_cache"
            " WHERE prompt = 'capital of France?'",
        )
        assert adapter.remove([row.seen], MemoryKeep())[0].fate is Fate.CHANGED

    def test_prompts_and_models_are_readable(self, adapter: Adapter) -> None:
        row = self.row(adapter, CHAT)
        assert row.namespace == "o4"
        assert self.row(adapter, "two answers").namespace == "gpt-4o"
        assert self.row(adapter, "to another").namespace == "llama"
        assert [found.id for found in rows_of(adapter.lookup([CHAT]))] == [row.id]


def test_what_is_no_prompt_of_messages_stays_as_it_is() -> None:
    for text in ("plain", "[{", '[{"kwargs": 1}]', "[1, 2]", '[{"kwargs": {"type": 1, "content": "x"}}]', "[{" * 9999):
        assert shown_prompt(text) == text
    parts = '[{"kwargs": {"type": "human", "content": [{"type": "text", "text": "see"}, {"type": "image"}]}}]'
    assert shown_prompt(parts) == "human: see […]"
    assert [model_of(llm) for llm in ("", "[('_type', 'fake')]", '{"id": ["a", "Chat"]}')] == ["", "fake", "Chat"]


def test_another_database_is_no_langchain_cache(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    run_sql(path, "CREATE TABLE full_llm_cache (prompt, llm, response)")
    assert "langchain" not in {found["format"] for found in recognise(str(path))}
    with pytest.raises(WrongFormat, match="LangChain"):
        get_format("langchain").adapter_class().open(Target(str(path)), {}, writable=False)
