"""One entry by its key, also where the cache stores a hash of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from patience import PATIENCE

from cache_studio.model.errors import BadRequest, EntryNotFound
from cache_studio.model.targets import Target
from cache_studio.services.attachment import Attachment
from cache_studio.services.find import find_entries, find_entry
from cache_studio.services.studio import Studio


@pytest.fixture
def attachment(tmp_path: Path) -> Iterator[Attachment]:
    """A table whose keys are bytes and texts, and one key in two namespaces."""
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE c (ns TEXT, k, v TEXT, PRIMARY KEY (ns, k))")
        made.executemany("INSERT INTO c VALUES (?, ?, 'v')", [("a", "twice"), ("b", "twice"), ("a", b"raw"), ("a", 5)])
    studio = Studio(follow=False)
    try:
        target = Target(str(path), "sqlite-table", {"table": "c", "key": "k", "value": "v", "namespace": "ns"})
        made_attachment = studio.attach(studio.place_of(target))
        made_attachment.listed().result(PATIENCE)
        yield made_attachment
    finally:
        studio.close()


def test_by_the_listed_key_and_namespace(attachment: Attachment) -> None:
    assert find_entry(attachment, "raw", None).namespace == "a"
    assert find_entry(attachment, "twice", "b").namespace == "b"
    with pytest.raises(BadRequest, match="2 entries"):
        find_entry(attachment, "twice", None)


def test_the_cache_is_asked_for_what_no_listed_key_is(attachment: Attachment, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = attachment.call(lambda found: found).result(PATIENCE)
    by_hash = adapter.lookup
    monkeypatch.setattr(adapter, "lookup", lambda keys, namespace=None: by_hash(["raw"], namespace))
    assert [entry.key for entry in find_entries(attachment, "https://example.org/", None)] == ["raw"]


def test_what_is_not_there_is_said(attachment: Attachment) -> None:
    with pytest.raises(EntryNotFound):
        find_entry(attachment, "nothing", None)
