"""F: files. What is not here is proven by the tests that the table in README.md names."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from loops import _applications as applications
from loops.races import Racing, _seen
from starts import PATIENCE

from cache_studio.adapters.files import Folder
from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.seeing import Fate
from cache_studio.services import act, plans
from cache_studio.services.attachment import Attachment
from cache_studio.services.studio import Studio


@contextmanager
def attached(cache: applications.Application) -> Iterator[tuple[Studio, Attachment]]:
    """A studio with the cache attached and listed."""
    studio = Studio(follow=False)
    try:
        attachment = studio.attach(studio.place_of(cache.target))
        attachment.listed().result(PATIENCE)
        yield studio, attachment
    finally:
        studio.close()


def clear(studio: Studio, attachment: Attachment) -> int:
    """Clear it; how many entries went."""
    plan = plans.plan_clear(attachment, None, time.time())
    return act.run(attachment, plan, studio.trash, "test").future.result(PATIENCE).removed


def undo(studio: Studio, attachment: Attachment) -> int:
    """Undo the last action; how many entries came back."""
    return act.undo(attachment, act.find_action(studio.trash), studio.trash).future.result(PATIENCE).restored


def test_f03_a_link_put_in_an_entrys_place_ends_no_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = applications.JsonDirectory(tmp_path)
    (tmp_path / "outside").write_bytes(b"precious")
    swapped = cache.folder / f"{applications.key(0)}.json"
    real = Folder.rename

    def swap_first(folder: Folder, name: str, other: Folder, new_name: str) -> None:
        if name == swapped.name and not swapped.is_symlink():
            swapped.unlink()
            swapped.symlink_to(tmp_path / "outside")
        real(folder, name, other, new_name)

    with cache.opened() as adapter:
        seen = _seen(adapter.lookup([applications.key(0), applications.key(1)]))
        monkeypatch.setattr(Folder, "rename", swap_first)
        assert {removal.fate for removal in adapter.remove(seen, Racing(None))} == {Fate.CHANGED, Fate.REMOVED}
    assert swapped.readlink() == tmp_path / "outside"
    assert (tmp_path / "outside").read_bytes() == b"precious"
    assert len(os.listdir(cache.folder)) == applications.COUNT - 1


@pytest.mark.parametrize("kind", [applications.JsonDirectory, applications.MultiLevel])
def test_f04_a_sparse_file_of_a_terabyte_is_a_row(tmp_path: Path, kind: type[applications.Application]) -> None:
    cache = kind(tmp_path)
    file = next(path for path in cache.folder.rglob("*") if path.is_file())
    try:
        os.truncate(file, 1 << 40)
    except OSError:
        pytest.skip("this filesystem holds no file of a terabyte")
    began = time.monotonic()
    with cache.opened() as adapter:
        batches = list(adapter.scan())
        assert sum(map(len, batches)) == applications.COUNT
        for batch in batches:
            for entry_id in batch.ids:
                assert all(len(piece.data) <= 1000 for piece in adapter.read(entry_id, 1000).pieces)
    assert time.monotonic() - began < PATIENCE


def test_f07_names_of_any_kind_survive_the_trash_and_a_restart(tmp_path: Path) -> None:
    cache = applications.JsonDirectory(tmp_path)
    names = [b"new\nline.json", b"\xff\xfe.json", "\u202egnj.json".encode(), b"a" * 250 + b".json", b"CASE.json"]
    source = (cache.folder / f"{applications.key(0)}.json").read_bytes()
    for name in [*names, b"case.json"]:
        with open(os.path.join(os.fsencode(cache.folder), name), "wb") as file:
            file.write(source)
    before = sorted(os.listdir(os.fsencode(cache.folder)))
    with attached(cache) as (studio, attachment):
        assert clear(studio, attachment) == len(before)
    assert os.listdir(cache.folder) == []
    with attached(cache) as (studio, attachment):
        assert undo(studio, attachment) == len(before)
    assert sorted(os.listdir(os.fsencode(cache.folder))) == before


@pytest.mark.parametrize("kind", [applications.JsonDirectory, applications.JsonFile, applications.Assets])
def test_f09_where_a_copy_cannot_be_made_durable_nothing_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[applications.Application]
) -> None:
    cache = kind(tmp_path)
    large = applications.text
    monkeypatch.setattr(applications, "text", lambda number: large(number) + "x" * 1_100_000)
    cache.write(applications.key(0), 77)
    calls: list[int] = []

    def broken(_descriptor: int) -> None:
        calls.append(1)
        raise OSError(5, "Input/output error")

    with attached(cache) as (studio, attachment):
        with monkeypatch.context() as disk:
            disk.setattr(os, "fsync", broken)
            with pytest.raises(CacheStudioError):
                clear(studio, attachment)
        assert calls
    assert cache.stored(applications.key(0)) == 77
    assert [cache.stored(applications.key(number)) for number in range(1, applications.COUNT)] == [1, 2, 3, 4, 5]


def test_f11_a_trash_on_another_filesystem(
    tmp_path: Path, other_filesystem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CACHE_STUDIO_HOME", str(other_filesystem))
    cache = applications.JsonDirectory(tmp_path)
    large = cache.folder / f"{applications.key(0)}.json"
    large.write_bytes(large.read_bytes() + b" " * 3_000_000)
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in cache.folder.iterdir()}
    with attached(cache) as (studio, attachment):
        assert clear(studio, attachment) == applications.COUNT
        assert undo(studio, attachment) == applications.COUNT
    assert before == {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in cache.folder.iterdir()}


def said_to_nobody(cache: applications.Application, answer: Connection) -> None:
    """In a process of a user who may read the cache and not write it: how many entries, and why none can go."""
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    with cache.opened() as adapter:
        answer.send((sum(map(len, adapter.scan())), adapter.capabilities.why_not(Ability.REMOVE)))


@pytest.mark.parametrize("kind", applications.FILES)
def test_f12_what_cannot_be_done_is_said_before(tmp_path: Path, kind: type[applications.Application]) -> None:
    cache = kind(tmp_path)
    for path in (*tmp_path.rglob("*"), tmp_path, *tmp_path.parents[:4]):
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    folders = [path for path in tmp_path.rglob("*") if path.is_dir()]
    for path in folders:
        path.chmod(0o555)
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=said_to_nobody, args=(cache, there))
    process.start()
    there.close()
    try:
        assert here.poll(PATIENCE)
        count, reason = here.recv()
    finally:
        process.join(PATIENCE)
        for path in folders:
            path.chmod(0o755)
    assert count == applications.COUNT
    assert "written" in reason


@pytest.mark.parametrize("kind", [applications.JsonFile, applications.JsonTable])
def test_f14_a_file_that_shrinks_while_it_is_read(tmp_path: Path, kind: type[applications.Application]) -> None:
    cache = kind(tmp_path)
    with cache.opened() as adapter:
        ids = [entry_id for batch in adapter.scan() for entry_id in batch.ids]
        os.truncate(cache.location, 10)
        with pytest.raises(CacheStudioError) as raised:
            adapter.read(ids[-1])
        assert raised.value.message
        Path(cache.location).unlink()
        with pytest.raises(CacheStudioError):
            adapter.read(ids[-1])


def test_f16_a_clock_that_is_years_ahead_is_seen_in_the_plan_and_undone(tmp_path: Path) -> None:
    cache = applications.MultiLevel(tmp_path)
    before = {path: path.read_bytes() for path in cache.folder.rglob("*.cache")}
    with attached(cache) as (studio, attachment):
        assert plans.plan_purge(attachment, time.time()).count == 0
        assert plans.plan_purge(attachment, 0.0).count == 0  # and one that went back removes nothing
        plan = plans.plan_purge(attachment, time.time() + 3 * 365 * 86_400)
        assert (plan.count, plan.kept) == (applications.COUNT, 0)
        assert [group.name for group in plan.stale_for if group.entries] == ["over 1 day"]
        assert act.run(attachment, plan, studio.trash, "test").future.result(PATIENCE).removed == applications.COUNT
        assert undo(studio, attachment) == applications.COUNT
    assert {path: path.read_bytes() for path in cache.folder.rglob("*.cache")} == before
