"""Beaker's database cache, written by Beaker; it is only looked at."""

from pathlib import Path

import pytest
from contract import Adapter
from databases import run_sql
from library_contract import LibraryContract

from cache_studio.adapters.registry import get_format, recognise
from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import WrongFormat
from cache_studio.model.targets import Target


class TestBeakerDb(LibraryContract):
    format_name = "beaker-db"
    program = "beaker_db_program"
    versions = "Beaker 1.14.1"
    removable = False
    ordinary = ("pages", "users", "плитка", "<b>html</b>", "line\nbreak", "emoji 🦊")
    count = 12

    def test_why_nothing_is_removed_is_said(self, adapter: Adapter) -> None:
        assert "pickle" in adapter.capabilities.why_not(Ability.REMOVE)

    def test_the_entries_of_a_namespace_are_named(self, adapter: Adapter) -> None:
        payload = adapter.read(self.row(adapter, "users").id)
        facts = {fact.name: fact.value for fact in payload.facts}
        assert (facts["Entries"], facts["Keys"]) == ("2", "key 0, key 1")
        assert payload.pieces[0].hint == "pickle"
        row = self.row(adapter, "users")
        assert (row.created is not None, row.accessed, row.expires) == (True, None, None)


def test_a_table_without_pickles_is_not_beakers(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    columns = "namespace VARCHAR(255) PRIMARY KEY, accessed DATETIME, created DATETIME, data BLOB"
    run_sql(path, f"CREATE TABLE log ({columns})", "INSERT INTO log VALUES ('a', 1, 2, 'text')")
    assert "beaker-db" not in {found["format"] for found in recognise(str(path))}
    run_sql(path, "DROP TABLE log", "CREATE TABLE other (namespace, data)")
    with pytest.raises(WrongFormat, match="Beaker"):
        get_format("beaker-db").adapter_class().open(Target(str(path)), {}, writable=False)
