"""Django's database cache, beside the tables of its site, written by Django."""

import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from applications import running
from contract import Adapter, listing, rows_of
from databases import rows_by_table, run_sql
from expiry_checks import ExpiryChecks

from cache_studio.adapters.registry import get_format, recognise
from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import CacheStudioError, CacheUnavailable, UnsupportedAction, WrongFormat
from cache_studio.model.targets import Target

SITE = ("auth_user", "django_session")


class TestDjangoDb(ExpiryChecks):
    format_name = "django-db"
    program = "django_db_program"
    versions = "Django 5.2"
    ordinary = ("user:1", "user:2", "плитка", "emoji 🦊", "<b>html</b>", "line\nbreak")
    stale = ("old 1", "old 2")
    forever = ("always", "always 2")
    count = 13

    def stored(self, target: Target) -> Mapping[str, object]:
        return rows_by_table(target.location)

    def without_leave(self, target: Target) -> Target:
        """The same, attached without the option that allows compacting."""
        return Target(target.location, self.format_name, {"table": "site cache"})

    def test_the_database_of_a_site_is_not_compacted_without_leave(self, target: Target) -> None:
        with self.opened(self.without_leave(target)) as adapter:
            adapter.remove([self.row(adapter, key).seen for key in self.ordinary], None)
            assert not adapter.capabilities.can(Ability.COMPACT)
            why = adapter.capabilities.why_not(Ability.COMPACT)
            assert all(name in why for name in (*SITE, "whole_database=yes"))
            with pytest.raises(UnsupportedAction, match="whole site"):
                adapter.compact()
            assert any("whole site" in warning for warning in adapter.warnings)
        with self.opened(target) as adapter:
            assert all(name in adapter.compact_note() for name in ("whole site's database", *SITE))

    def test_a_database_of_its_own_is_compacted_like_any_other(self, target: Target) -> None:
        run_sql(target.location, *(f"DROP TABLE {name}" for name in SITE))
        with self.opened(self.without_leave(target)) as adapter:
            assert adapter.capabilities.can(Ability.COMPACT)
            assert "site" not in adapter.compact_note()
            assert adapter.warnings == ()

    def test_nothing_but_the_cache_table_is_removed(self, target: Target) -> None:
        before = {name: row for name, row in rows_by_table(target.location).items() if name.startswith(SITE)}
        with self.opened(target) as adapter:
            adapter.remove([row.seen for row in listing(adapter).values()], None)
        assert rows_by_table(target.location) == before
        assert len(before) == 5

    def test_prefix_and_version_are_the_namespace(self, adapter: Adapter) -> None:
        assert self.row(adapter, "user:1").namespace == ":1"
        assert self.row(adapter, "second").namespace == ":2"
        assert [row.id for row in rows_of(adapter.lookup(["second"]))] == [":2:second"]
        assert rows_of(adapter.lookup(["second"], ":1")) == []
        assert [row.id for row in rows_of(adapter.lookup(["second"], ":2"))] == [":2:second"]

    def test_the_parts_of_django_are_named_and_sessions_are_masked(self, adapter: Adapter) -> None:
        row = self.row(adapter, "views.decorators.cache.cache_page.x")
        assert row.type == "page"
        payload = adapter.read(row.id)
        assert payload.pieces[0].hint == "base64"
        assert f":1:{row.key}" in [fact.value for fact in payload.facts]
        session = next(row for row in listing(adapter).values() if row.type == "session")
        assert "abcdefghijk" not in session.key + str(adapter.read(session.id).facts)
        for namespace in (None, ":1"):
            assert [found.key for found in rows_of(adapter.lookup([session.key], namespace))] == [session.key]

    def test_the_note_of_recognition_tells_whose_database_it_is(self, target: Target) -> None:
        best = recognise(target.location)[0]
        assert (best["format"], best["options"]) == ("django-db", {"table": "site cache"})
        assert "tables of the site" in str(best["note"])

    @pytest.mark.usefixtures("brief_waits")
    def test_a_locked_database_and_another_table_are_said(self, target: Target, adapter: Adapter) -> None:
        with pytest.raises(WrongFormat), self.opened(Target(target.location, "django-db", {"table": "auth_user"})):
            pytest.fail("it was opened")
        row = self.row(adapter, self.ordinary[0])
        with closing(sqlite3.connect(target.location, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(CacheUnavailable, match="busy"):
                adapter.remove([row.seen], None)

    def test_an_expiry_that_is_no_time_is_a_problem(self, target: Target, adapter: Adapter) -> None:
        run_sql(target.location, "UPDATE \"site cache\" SET expires = 'soon' WHERE cache_key = ':1:user:1'")
        row = self.row(adapter, "user:1")
        assert row.expires is None
        assert row.problem


def test_a_site_without_time_zones_writes_its_local_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        with running("django_db_program") as application:
            found = application.call("make", str(tmp_path), False, "Asia/Tokyo")
        location = str(tmp_path / found["location"])
        moments = {}
        for zone in ("utc", "local"):
            made = get_format("django-db")
            options = {"table": "site cache", "zone": zone}
            with closing(made.adapter_class().open(Target(location), options, writable=True)) as adapter:
                moments[zone] = next(row for row in listing(adapter).values() if row.key == "user:1").expires
        assert moments["local"] == pytest.approx(time.time() + 3600, abs=60)
        assert moments["utc"] == pytest.approx((moments["local"] or 0) + 9 * 3600)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_another_database_is_no_django_cache(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    run_sql(path, "CREATE TABLE cache (cache_key TEXT PRIMARY KEY, value TEXT, expires REAL)")
    with pytest.raises(CacheStudioError, match="no cache table"):
        get_format("django-db").adapter_class().open(Target(str(path)), {}, writable=False)
    assert "django-db" not in {found["format"] for found in recognise(str(path))}
