"""json-file on files written as the original application writes them, and its key access."""

import json
import math
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from contract import AdapterContract, listing, scan_all
from keeping import MemoryKeep
from machine import CacheMachine, case_of

from cache_studio.adapters.base import Adapter, Certainty
from cache_studio.adapters.json_file import FORMAT
from cache_studio.adapters.json_file.access import JsonFileAccess
from cache_studio.adapters.key_access import Held
from cache_studio.adapters.registry import recognise
from cache_studio.adapters.sight import Sight
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import ScanEnd
from cache_studio.model.errors import CacheStudioError, WrongFormat
from cache_studio.model.options import read_options
from cache_studio.model.seeing import Fate, Return, Seen
from cache_studio.model.targets import Target

DAY = 86_400.0


def key_for(prompt: str) -> str:
    """A key as the application makes it."""
    return sha256(f"gpt-4|system|{prompt}".encode()).hexdigest()


def entry(text: str, created: float | None = None, **more: Any) -> dict[str, Any]:
    """An entry as the application stores it; without `created` a legacy one."""
    moment = time.time() if created is None else created
    found: dict[str, Any] = {
        "response": text,
        "timestamp": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment)),
        "text_length": len(text),
    }
    if created is not None:
        found |= {"created_at": created, "last_accessed": created + 5}
    return found | more


def application_writes(path: Path, entries: Mapping[str, Any], **style: Any) -> None:
    """The whole file, by rename."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(entries, **({"indent": 2, "ensure_ascii": False} | style)), encoding="utf-8")
    os.replace(temporary, path)


def open_file(path: Path, *, writable: bool = True, **options: str) -> Adapter:
    """The cache with these options."""
    return FORMAT.adapter_class().open(Target(str(path)), read_options(FORMAT.options, options), writable=writable)


class TestContract(AdapterContract):
    format_name = "json-file"
    ordinary = tuple(key_for(f"question {number}") for number in range(7))
    stale = (key_for("old 1"), key_for("old 2"))
    forever = (key_for("legacy"),)
    broken = ("no object", "a number")

    def make(self, tmp_path: Path) -> Target:
        folder = tmp_path / "output" / "cache"
        folder.mkdir(parents=True)
        now = time.time()
        entries: dict[str, Any] = {
            key: entry(f'Grüße “{key[:4]}” \\ "quoted"\n\t日本 {{"a": [1, 2]}},\n  "x": ', now - number)
            for number, key in enumerate(self.ordinary)
        }
        entries |= {key: entry("old", now - 8 * DAY) for key in self.stale}
        entries |= {self.forever[0]: entry("legacy"), "no object": ["x"], "a number": 1}
        application_writes(folder / "ai_responses.json", entries)
        return Target(str(folder / "ai_responses.json"), self.format_name)

    def change(self, target: Target, edit: Callable[[dict[str, Any]], object]) -> None:
        path = Path(target.location)
        entries = json.loads(path.read_text("utf-8"))
        edit(entries)
        application_writes(path, entries)

    def application_rewrites(self, target: Target, key: str) -> None:
        self.change(target, lambda entries: entries.update({key: entry("a much longer answer " * 9, time.time())}))

    def application_deletes(self, target: Target, key: str) -> None:
        self.change(target, lambda entries: entries.pop(key))

    def stored(self, target: Target) -> Mapping[str, object]:
        """The bytes; the file is replaced, so its time moves."""
        return {path.name: path.read_bytes() for path in Path(target.location).parent.iterdir()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ai_responses.json"


def test_times_and_expiry_are_those_of_the_layout(path: Path) -> None:
    created = time.time() - 100
    application_writes(path, {"a": entry("x", created)})
    adapter = open_file(path)
    row = listing(adapter)["a"]
    assert (row.created, row.accessed) == (created, created + 5)
    assert row.expires == math.nextafter(created + 7 * DAY, math.inf)
    text = path.read_bytes()
    assert row.size == text.rindex(b"}", 0, -2) + 1 - text.index(b'"a"')
    value, whole = adapter.read("a").pieces
    assert (value.data, value.hint) == (b"x", "text")
    assert json.loads(whole.data)["text_length"] == 1
    adapter.close()


VARIANTS: list[tuple[str, Callable[[float], Any], dict[str, str]]] = [
    (
        "milliseconds",
        lambda t: {"k": {"content": "v", "createdAt": int(t * 1000)}, "l": {"content": 2, "createdAt": int(t * 1000)}},
        {},
    ),
    ("iso", lambda t: {"k": {"data": [1], "stored_at": time.strftime("%FT%TZ", time.gmtime(t))}}, {"ttl": "2h"}),
    ("expiry field", lambda t: {"k": {"value": {"a": 1}, "expires_at": t + 500}}, {}),
    ("wrapped", lambda t: {"version": 3, "entries": {"k": {"response": "r", "created_at": t}}, "end": [1]}, {}),
    ("its own TTL", lambda t: {"k": {"payload": "p", "created": t, "ttl": 60}}, {}),
]


@pytest.mark.parametrize(("name", "make", "given"), VARIANTS, ids=[variant[0] for variant in VARIANTS])
@pytest.mark.parametrize("indent", [None, 2])
def test_variants_are_guessed_and_acted_on(
    path: Path, name: str, make: Callable[[float], Any], given: dict[str, str], indent: int | None
) -> None:
    created = float(int(time.time())) - 10
    document = make(created)
    application_writes(path, document, indent=indent)
    found = FORMAT.recognise(Sight(str(path)))
    assert found.certainty is Certainty.SURE
    adapter = open_file(path, **{**found.options, **given})
    row = listing(adapter)["k"]
    ttl = {"iso": 7200.0, "its own TTL": 60.0}.get(name, 7 * DAY)
    if name == "expiry field":
        assert row.expires == created + 500
    else:
        assert row.created == created
        assert row.expires == pytest.approx(created + ttl, abs=0.001)
    assert adapter.read("k").pieces[0].name == "value"
    before, keep = path.read_bytes(), MemoryKeep()
    assert adapter.remove([row.seen], keep)[0].fate is Fate.REMOVED
    left = json.loads(path.read_text("utf-8"))
    (document["entries"] if name == "wrapped" else document).pop("k")
    assert left == document
    assert adapter.restore(keep.taken, keep)[0].fate is Return.RESTORED
    assert path.read_bytes() == before
    adapter.close()


@pytest.mark.parametrize(
    "document",
    [
        {"name": "demo", "version": "1.0", "dependencies": {"a": "^1"}, "scripts": {"test": "x"}},
        {"compilerOptions": {"strict": True, "lib": ["a"]}, "include": ["src"]},
        {"cache_key": "ab", "timestamp": "2026-01-01T10:00:00", "result": {"passed": True, "intended_changes": []}},
        [1, 2, 3],
        "text",
        {"a": {"b": 1}, "c": {"b": 2}},
    ],
)
def test_what_only_looks_alike_is_not_taken(path: Path, document: object) -> None:
    path.write_text(json.dumps(document))
    assert FORMAT.recognise(Sight(str(path))).certainty is Certainty.NO


def test_the_registry_prefers_it(path: Path) -> None:
    application_writes(path, {"a": entry("x", time.time())})
    assert recognise(str(path))[0]["format"] == "json-file"


def test_a_half_written_file_lists_what_is_whole_and_refuses_to_remove(path: Path) -> None:
    application_writes(path, {str(number): entry("text " * 20, time.time()) for number in range(10)})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    adapter = open_file(path)
    batches, end = scan_all(adapter)
    assert 0 < sum(map(len, batches)) < 10
    assert not end.complete
    assert f"byte {len(content) // 2}" in end.reason
    with pytest.raises(WrongFormat, match="broken"):
        adapter.remove([Seen(batches[0].ids[0], tuple(batches[0].stamps[0].tolist()))], MemoryKeep())
    assert path.read_bytes() == content[: len(content) // 2]
    adapter.close()


@pytest.mark.parametrize(("content", "count", "complete"), [(b"", 0, False), (b"{}", 0, True), (b" \n{ }\n", 0, True)])
def test_nothing_in_it(path: Path, content: bytes, count: int, complete: bool) -> None:
    path.write_bytes(content)
    adapter = open_file(path)
    batches, end = scan_all(adapter)
    assert (sum(map(len, batches)), end.complete) == (count, complete)
    adapter.close()


def test_other_entries_stay_byte_for_byte(path: Path) -> None:
    odd = (
        b'\xef\xbb\xbf{\r\n  "1": {"v": 1E5, "created_at": 1.10},\r\n\t"gone" : {"created_at": 5} ,\r\n'
        b'  "2": {"v": [1e400, -0, 0.1000000000000000055, "\\/\\u00e9\\ud800"], "created_at": 12345678901234567890123},'
        b'"3":{"v":NaN,"created_at":"x"}}'
    )
    path.write_bytes(odd)
    adapter = open_file(path)
    rows = listing(adapter)
    assert list(rows) == ["1", "gone", "2", "3"]
    keep = MemoryKeep()
    adapter.remove([rows["gone"].seen], keep)
    assert path.read_bytes() == odd.replace(b',\r\n\t"gone" : {"created_at": 5}', b"")
    adapter.restore(keep.taken, keep)
    assert path.read_bytes() == odd
    adapter.close()


def test_a_key_that_stands_twice_is_two_entries(path: Path) -> None:
    path.write_text('{"a": {"created_at": 1}, "a": {"created_at": 2}, "\\u0061": {"created_at": 3}, "<b>\\u0000": {}}')
    adapter = open_file(path)
    rows = listing(adapter)
    assert [(row.id, row.created) for row in rows.values()][:3] == [("a", 1.0), (("a", 2), 2.0), (("a", 3), 3.0)]
    assert rows[("a", 2)].problem
    assert "<b>\0" in rows
    assert [removal.fate for removal in adapter.remove([rows[("a", 2)].seen], None)] == [Fate.REMOVED]
    assert path.read_text() == '{"a": {"created_at": 1}, "\\u0061": {"created_at": 3}, "<b>\\u0000": {}}'
    adapter.close()


def test_first_last_and_all_leave_valid_json_and_come_back_one_by_one(path: Path) -> None:
    application_writes(path, {str(number): entry(str(number), 1e9) for number in range(6)})
    before = path.read_bytes()
    adapter = open_file(path)
    rows = listing(adapter)
    kept = []
    for chosen in (["0", "1"], ["5"], ["3"], ["2", "4"]):
        keep = MemoryKeep()
        adapter.remove([rows[key].seen for key in chosen], keep)
        json.loads(path.read_bytes())
        kept.append(keep)
    assert path.read_bytes() == b"{}"
    for keep in reversed(kept):
        assert {back.fate for back in adapter.restore(keep.taken, keep)} == {Return.RESTORED}
        json.loads(path.read_bytes())
    assert path.read_bytes() == before
    adapter.close()


def test_mode_stays_and_leftovers_are_given_back(path: Path) -> None:
    application_writes(path, {"a": entry("x", 1e9), "b": entry("y", 1e9)})
    path.chmod(0o640)
    young, old = path.with_name(path.name + ".tmp"), path.with_name(".cs-0123.new")
    young.write_bytes(b"12345")
    old.write_bytes(b"123")
    os.utime(old, (1e9, 1e9))
    adapter = open_file(path)
    adapter.remove([listing(adapter)["a"].seen], None)
    assert path.stat().st_mode & 0o777 == 0o640
    assert [(part.count, part.bytes) for part in adapter.compact()] == [(1, 3)]
    assert young.exists()
    assert not old.exists()
    assert adapter.measure().capacity_entries == 100
    adapter.close()


def test_a_write_at_the_last_moment_is_not_lost(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The application renames between our last look and the exchange of names."""
    from cache_studio.adapters import json_rewrite

    application_writes(path, {"a": entry("x", 1e9), "b": entry("y", 1e9), "c": entry("z", 1e9)})
    adapter = open_file(path)
    rows = listing(adapter)
    real, written = json_rewrite._exchange, []

    def late(*arguments: Any) -> bool:
        if not written:
            written.append(True)
            application_writes(path, {"a": entry("newer", 2e9), "b": entry("y", 1e9), "new": entry("n", 1e9)})
        return real(*arguments)

    monkeypatch.setattr(json_rewrite, "_exchange", late)
    keep = MemoryKeep()
    removals = adapter.remove([rows[key].seen for key in "abc"], keep)
    assert [removal.fate for removal in removals] == [Fate.CHANGED, Fate.REMOVED, Fate.GONE]
    assert [set(json.loads(version)) for version in keep.versions] == [{"a", "b", "new"}]
    assert {removal.reason for removal in removals} == {f"A version of {path.name} is kept."}
    assert {key: found["response"] for key, found in json.loads(path.read_text()).items()} == {"a": "newer", "new": "n"}
    assert os.listdir(path.parent) == [path.name]
    adapter.close()


def test_a_big_file_is_read_in_a_child(path: Path) -> None:
    count = 1_200
    application_writes(path, {key_for(str(n)): entry(f'é"{n}\n' * 200, 1e9 + n) for n in range(count)})
    assert path.stat().st_size > 1_000_000
    adapter = open_file(path)
    batches, end = scan_all(adapter)
    assert end == ScanEnd()
    assert [len(batch) for batch in batches] == [500, 700]
    rows = listing(adapter)
    row = rows[key_for("700")]
    assert row.created == 1e9 + 700
    assert adapter.read(row.id).pieces[0].data == ('é"700\n' * 200).encode()
    keep = MemoryKeep()
    before = path.read_bytes()
    assert adapter.remove([row.seen], keep)[0].freed == row.size
    assert key_for("700") not in json.loads(path.read_bytes())
    adapter.restore(keep.taken, keep)
    assert path.read_bytes() == before
    adapter.close()


def test_a_folder_without_rights_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    application_writes(path, {"a": entry("x", 1e9)})
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    adapter = open_file(path)
    assert "folder" in adapter.capabilities.why_not(Ability.REMOVE)
    adapter.close()


def test_a_pipe_is_refused(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(CacheStudioError):
        open_file(path)


# The runtime's side.


@pytest.fixture
def access(path: Path) -> Iterator[JsonFileAccess]:
    opened = open_access(path)
    yield opened
    opened.close()


def open_access(path: Path, **options: str) -> JsonFileAccess:
    return JsonFileAccess.open(Target(str(path)), read_options(FORMAT.options, options))


def held(text: str, created: float) -> Held:
    return Held(json.dumps(text).encode(), created, created + 7 * DAY, created)


def test_what_the_runtime_writes_the_adapter_reads(path: Path, access: JsonFileAccess) -> None:
    created = time.time()
    access.put("a", held("Grüße", created))
    access.put("f", Held(b'{"x": 1}', created))
    assert "Grüße" in path.read_text("utf-8")
    assert json.loads(path.read_text("utf-8"))["a"].keys() == entry("x", 1.0).keys()
    adapter = open_file(path)
    rows = listing(adapter)
    assert rows["a"].expires == math.nextafter(created + 7 * DAY, math.inf)
    assert rows["f"].expires == math.inf
    adapter.remove([rows["a"].seen], None)
    adapter.close()
    assert access.get("a") is None
    found = access.get("f")
    assert found is not None
    assert (json.loads(found.value), found.expires) == ({"x": 1}, None)


def test_access_times_wait_for_a_flush(path: Path, access: JsonFileAccess) -> None:
    application_writes(path, {"a": entry("x", 1e9, unknown=[1]), "odd": 5})
    access.touch("a", "", 2e9)
    assert json.loads(path.read_text())["a"]["last_accessed"] == 1e9 + 5
    found = access.get("a")
    assert found is not None
    assert found.accessed == 2e9
    access.flush()
    stored = json.loads(path.read_text())
    assert stored == {"a": entry("x", 1e9, unknown=[1], last_accessed=2e9), "odd": 5}
    assert [known.key for known in access.known()] == ["a"]
    assert access.delete("a")
    assert not access.delete("a")


def test_a_broken_file_is_an_empty_cache(path: Path, expect_log: Callable[[str], None]) -> None:
    expect_log("is broken")
    path.write_bytes(b'{"a": {"resp')
    access = open_access(path)
    assert access.get("a") is None
    access.put("b", held("x", 1e9))
    assert list(json.loads(path.read_text())) == ["b"]
    access.close()


def _put_many(path: str, start: int) -> None:
    access = open_access(Path(path))
    for number in range(start, start + 20):
        access.put(str(number), held(str(number), 1e9))
    access.close()


def test_two_processes_lose_no_entry(path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_put_many, args=(str(path), start)) for start in (0, 100)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
        assert writer.exitcode == 0
    assert len(json.loads(path.read_text())) == 40


class Machine(CacheMachine):
    format_name = "json-file"
    ttl = 7 * DAY
    location = "ai_responses.json"


TestMachine = case_of(Machine)
