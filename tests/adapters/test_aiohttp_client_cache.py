"""aiohttp-client-cache in SQLite, with the library beside it."""

import math
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from contract import listing, scan_all
from keeping import MemoryKeep
from library_contract import LibraryContract
from test_requests_cache import change, tables_of

from cache_studio.adapters.base import Adapter, Certainty
from cache_studio.adapters.registry import get_format
from cache_studio.adapters.sight import Sight
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import PENDING_BITS
from cache_studio.model.errors import WrongFormat
from cache_studio.model.seeing import Fate, Return
from cache_studio.model.targets import Target

PAGES = [f"GET https://example.test/page/{number}?q=1" for number in range(3)]
LONG = "GET https://example.test/long.png"
REDIRECTED = "GET https://example.test/old"
EXECUTES = b"\x80\x04cposix\nsystem\n(S'touch %s'\ntR."


class TestAiohttpClientCache(LibraryContract):
    """Its pickles are objects of the library, of yarl and of http.cookies."""

    format_name = "aiohttp-client-cache"
    program = "aiohttp_client_cache_program"
    versions = "aiohttp-client-cache 0.15.0"
    ordinary = [*PAGES, "HEAD https://example.test/form", LONG, REDIRECTED]
    stale = ["GET https://example.test/stale/1", "GET https://example.test/stale/2"]
    forever = ["GET https://example.test/forever/1", "GET https://example.test/forever/2"]
    broken = ["00c0ffee" * 8]

    def stored(self, target: Target) -> Mapping[str, object]:
        return tables_of(Path(target.location))

    def test_times_are_pending_and_filled(self, adapter: Adapter) -> None:
        batches = scan_all(adapter)[0]
        waiting = PENDING_BITS["created"] | PENDING_BITS["expires"] | PENDING_BITS["type"] | PENDING_BITS["problem"]
        assert all((batch.pending == waiting).all() for batch in batches)
        assert all(np.isnan(batch.numbers["expires"]).all() for batch in batches)
        ids = [entry_id for batch in batches for entry_id in batch.ids]
        filled = adapter.fill([*ids, "gone"])
        assert filled.ids == ids
        assert not filled.pending.any()
        assert [filled.keys, filled.stamps.tolist()] == [
            [key for batch in batches for key in batch.keys],
            [stamp for batch in batches for stamp in batch.stamps.tolist()],
        ]
        rows = {row.key: row for row in listing(adapter).values()}
        assert rows[LONG].type == "image/png"
        assert rows[PAGES[0]].expires - rows[PAGES[0]].created == pytest.approx(6 * 3600, abs=60)
        assert rows["GET https://example.test/forever/1"].expires == math.inf

    def test_a_redirect_goes_and_returns_with_its_response(self, target: Target, adapter: Adapter) -> None:
        application = self.opened_by_library(target)
        before = application.call("redirects")
        assert len(before) == 1
        keep = MemoryKeep()
        adapter.remove([self.row(adapter, REDIRECTED).seen], keep)
        assert application.call("redirects") == {}
        assert not application.call("contains", REDIRECTED)
        assert [answer.fate for answer in adapter.restore(keep.taken, keep)] == [Return.RESTORED]
        assert application.call("redirects") == before
        assert application.call("holds", REDIRECTED)

    def test_a_rewrite_of_the_same_length_is_seen(self, target: Target, adapter: Adapter) -> None:
        application = self.opened_by_library(target)
        application.call("rewrite", PAGES[0])
        seen = self.row(adapter, PAGES[0]).seen
        application.call("rewrite", PAGES[0])
        again = self.row(adapter, PAGES[0])
        assert seen.id == again.id
        assert seen.stamp[1] == again.stamp[1]
        assert [removal.fate for removal in adapter.remove([seen], None)] == [Fate.CHANGED]

    def test_redirects_without_a_response_are_compacted_away(self, target: Target, adapter: Adapter) -> None:
        change(target, "INSERT INTO redirects (key, value) VALUES ('ab', 'cd')")
        application = self.opened_by_library(target)
        assert application.call("complaints")
        assert ("dangling redirects", 1) in [(part.what, part.count) for part in adapter.compact()]
        assert application.call("complaints") == []

    def test_the_hash_finds_it_too(self, adapter: Adapter) -> None:
        row = self.row(adapter, PAGES[0])
        assert adapter.lookup([str(row.id)]).keys == [PAGES[0]]

    def test_a_signed_value_is_read(self, target: Target, adapter: Adapter) -> None:
        change(target, "UPDATE responses SET value = CAST(value || x'2e' || 'a-signature' AS BLOB)")
        row = self.row(adapter, PAGES[0])
        assert row.problem == ""
        assert row.expires is not None

    def test_nothing_that_it_holds_is_run(self, target: Target, tmp_path: Path) -> None:
        mark = tmp_path / "EXECUTED"
        with closing(sqlite3.connect(target.location)) as database:
            database.execute("INSERT INTO responses VALUES ('bad', ?)", (EXECUTES % str(mark).encode(),))
            database.commit()
        with self.opened(target) as adapter:
            row = self.row(adapter, "bad")
            adapter.read(row.id)
        assert row.problem
        assert not mark.exists()

    def test_no_expiry_is_set(self, adapter: Adapter) -> None:
        assert not adapter.capabilities.can(Ability.SET_EXPIRY)

    def test_it_is_not_taken_for_requests_cache(self, target: Target) -> None:
        for name in ("requests-cache", "requests-cache-0"):
            assert get_format(name).recognise(Sight(target.location)).certainty is Certainty.NO
            with pytest.raises(WrongFormat):
                get_format(name).adapter_class().open(target, {}, writable=False)

    def test_values_of_requests_cache_are_refused(self, target: Target) -> None:
        value = b"\x80\x04\x95\x00\x01\x00\x00\x00\x00\x00\x00}\x94(\x8c\x08_content\x94"
        with closing(sqlite3.connect(target.location)) as database:
            database.execute("UPDATE responses SET value = ?", (value,))
            database.commit()
        assert get_format(self.format_name).recognise(Sight(target.location)).certainty is Certainty.NO
        with pytest.raises(WrongFormat, match="requests-cache"), self.opened(target):
            pass
