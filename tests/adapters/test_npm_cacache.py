"""npm's cache: with cacache itself where npm is installed, and written by hand in its layout where it is not."""

import base64
import hashlib
import json
import shutil
import sys
from pathlib import Path

import pytest
from applications import PROGRAMS
from contract import AdapterContract, listing
from keeping import MemoryKeep
from library_contract import LibraryContract

from cache_studio.adapters.base import Adapter, Certainty
from cache_studio.adapters.discovery import walk
from cache_studio.adapters.npm_cacache import FORMAT
from cache_studio.adapters.npm_cacache.layout import bucket_of, content_parts, last_line
from cache_studio.adapters.sight import Sight
from cache_studio.model.errors import WrongFormat
from cache_studio.model.seeing import Fate, Return
from cache_studio.model.targets import Target

sys.path.insert(0, str(PROGRAMS))
import npm_program  # it only starts node


def write_line(cache: Path, key: str, content: bytes | None, **more: object) -> None:
    """One write as cacache does it."""
    digest = hashlib.sha512(content or b"").digest()
    integrity = None if content is None else f"sha512-{base64.b64encode(digest).decode()}"
    if content is not None:
        name = digest.hex()
        file = cache / "content-v2" / "sha512" / name[:2] / name[2:4] / name[4:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    line = json.dumps(
        {"key": key, "integrity": integrity, "time": 1_700_000_000_000, "size": len(content or b""), **more}
    )
    bucket = cache / "index-v5" / bucket_of(key)
    bucket.parent.mkdir(parents=True, exist_ok=True)
    with bucket.open("a") as file_of_lines:
        file_of_lines.write(f"\n{hashlib.sha1(line.encode()).hexdigest()}\t{line}")


class TestNpmByHand(AdapterContract):
    """The layout as formats.md measured it."""

    format_name = "npm-cacache"
    ordinary = ["a", "<b>", "line\nbreak", "emoji 🦊"]
    broken = [bucket_of("broken").replace("/", ""), bucket_of("empty").replace("/", "")]
    count = 12

    def make(self, tmp_path: Path) -> Target:
        cache = tmp_path / "npm" / "_cacache"
        for key in [*self.ordinary, *"bcdefg"]:
            write_line(cache, key, f"content of {key!r}".encode())
        write_line(cache, "gone", b"x")
        write_line(cache, "gone", None)
        for key, text in (("broken", "\nabc\t{}"), ("empty", "")):
            bucket = cache / "index-v5" / bucket_of(key)
            bucket.parent.mkdir(parents=True)
            bucket.write_text(text)
        (cache / "tmp").mkdir()
        (cache / "_lastverified").write_text("0")
        (cache / "index-v5" / "aa" / "bb").mkdir(parents=True, exist_ok=True)
        (cache / "index-v5" / "aa" / "bb" / "README").write_text("no file of lines")
        return Target(str(tmp_path / "npm"), "npm-cacache")

    def application_rewrites(self, target: Target, key: str) -> None:
        write_line(Path(target.location, "_cacache"), key, b"longer" * 20)

    def application_deletes(self, target: Target, key: str) -> None:
        write_line(Path(target.location, "_cacache"), key, None)

    def test_the_last_whole_line_wins(self, target: Target, adapter: Adapter) -> None:
        cache = Path(target.location, "_cacache")
        write_line(cache, "a", b"newer", metadata={"url": "https://example.org/a", "status": 200})
        bucket = cache / "index-v5" / bucket_of("a")
        with bucket.open("a") as lines:
            lines.write('\n0123\t{"key": "a", "integrity"')
        row = self.row(adapter, "a")
        assert (row.size, row.created) == (5, 1_700_000_000)
        payload = adapter.read(row.id)
        assert [(piece.name, piece.hint) for piece in payload.pieces] == [("value", "json"), ("body", "")]
        assert payload.pieces[1].data == b"newer"
        assert ("URL", "https://example.org/a") in [(fact.name, fact.value) for fact in payload.facts]

    def test_content_that_is_gone_is_said(self, target: Target, adapter: Adapter) -> None:
        shutil.rmtree(Path(target.location, "_cacache", "content-v2"))
        body = adapter.read(self.row(adapter, "a").id).pieces[1]
        assert body.data == b""
        assert "gone" in body.problem

    def test_the_cache_and_its_index_can_be_given_too(self, target: Target) -> None:
        cache = Path(target.location, "_cacache")
        for place in (cache, cache / "index-v5"):
            assert FORMAT.recognise(Sight(str(place))).certainty is Certainty.SURE
            with self.opened(Target(str(place), "npm-cacache")) as adapter:
                assert len(listing(adapter)) == self.count

    def test_another_folder_is_refused_with_a_sentence(self, tmp_path: Path) -> None:
        with pytest.raises(WrongFormat), self.opened(Target(str(tmp_path), "npm-cacache")):
            pass


def test_no_path_leads_out() -> None:
    for integrity in ("sha512-../../x", "../../etc-AAAA", "sha512-", "md5-AAAA", 7, None, "sha512-" + "A" * 87):
        assert content_parts({"integrity": integrity}) is None
    weak = base64.b64encode(b"x" * 20).decode()
    parts = content_parts({"integrity": f"sha1-{weak}?option"})
    assert parts is not None
    assert parts[:2] == ("content-v2", "sha1")


def test_hostile_lines_are_none() -> None:
    for text in (b"[" * 100_000, b'{"key": 7}', b"[]", b"9" * 10_000, b"\xff"):
        assert last_line(hashlib.sha1(text).hexdigest().encode() + b"\t" + text) is None


@pytest.mark.skipif(not npm_program.library(), reason="npm, which brings cacache along, is not installed")
class TestNpm(LibraryContract):
    """The same with cacache."""

    format_name = "npm-cacache"
    program = "npm_program"
    versions = "cacache 20.0.4 of npm 11.19.1"
    ordinary = npm_program.KEYS[:6]
    count = len(npm_program.KEYS)

    def test_removed_content_goes_with_the_librarys_own_cleaning(self, target: Target, adapter: Adapter) -> None:
        application = self.opened_by_library(target)
        row = self.row(adapter, self.ordinary[0])
        keep = MemoryKeep()
        assert adapter.remove([row.seen], keep)[0].fate is Fate.REMOVED
        assert adapter.restore(keep.taken, keep)[0].fate is Return.RESTORED
        assert application.call("get", row.key) == f"content {row.key}"
        adapter.remove([self.row(adapter, row.key).seen], keep)
        found = application.call("verify", target.location)
        assert found["totalEntries"] == self.count - 1
        assert found["reclaimedCount"] >= 1
        assert len(listing(adapter)) == self.count - 1


def test_discovery_finds_it_by_its_folder(tmp_path: Path) -> None:
    write_line(tmp_path / "home" / ".npm" / "_cacache", "a", b"content")
    assert [(found["target"], found["format"]) for found in walk([str(tmp_path)])] == [
        (str(tmp_path / "home" / ".npm"), "npm-cacache")
    ]
