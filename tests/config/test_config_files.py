"""Paths, settings, remembered caches: written by one process, read by another, broken by a third."""

import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from cache_studio.config import paths
from cache_studio.config.claims import try_claim
from cache_studio.config.files import read_toml, write_whole
from cache_studio.config.profiles import Profile, Profiles
from cache_studio.config.settings import Settings, SettingsFile
from cache_studio.model.errors import BadRequest, CacheStudioError


def test_one_variable_moves_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path))
    for place in (paths.data_folder(), paths.config_folder(), paths.log_folder(), paths.trash_folder()):
        assert tmp_path in place.parents
    assert list(tmp_path.iterdir()) == []


def test_the_system_decides_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(paths.HOME_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert paths.history_file() == tmp_path / "cache-studio" / "history.db"


def test_a_new_folder_is_private_and_an_old_one_keeps_its_rights(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    made = paths.private_folder(tmp_path / "a" / "b")
    assert stat.S_IMODE(made.stat().st_mode) == stat.S_IMODE(made.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheStudioError, match="cannot be created"):
        paths.private_folder(tmp_path / "file" / "below")


def test_a_failed_write_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    with pytest.raises(CacheStudioError, match="cannot be written"):
        write_whole(target, b"x")
    assert os.listdir(tmp_path) == ["folder"]


def test_a_claim_is_held_by_one(tmp_path: Path) -> None:
    first = try_claim(tmp_path / "c")
    assert first is not None
    assert try_claim(tmp_path / "c") is None
    first.release()
    second = try_claim(tmp_path / "c")
    assert second is not None
    second.retire()
    assert os.listdir(tmp_path) == []


def test_settings_return_as_saved(tmp_path: Path) -> None:
    file = SettingsFile(tmp_path / "new" / "settings.toml")
    assert file.load() == (Settings(), [])
    wanted = Settings(theme="dark", trash_days=7, reduced_motion=True, target_hit_rate=0.8)
    file.save(wanted)
    assert file.load() == (wanted, [])


def test_a_wrong_setting_costs_only_itself_and_unknown_ones_stay(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('theme = "pink"\ntrash_days = true\ntrash_bytes = -5\ndensity = "compact"\nfuture = 3\n')
    settings, problems = SettingsFile(path).load()
    assert settings == Settings(density="compact")
    assert len(problems) == 3
    assert "theme must be one of system, light, dark" in problems[0]
    SettingsFile(path).save(settings)
    assert read_toml(path)["future"] == 3


def test_prices_are_a_table_of_two_numbers_each(tmp_path: Path) -> None:
    file = SettingsFile(tmp_path / "settings.toml")
    prices = {"gpt-4o": {"input": 2.5, "output": 10}}
    file.save(Settings(prices=prices))
    assert file.load() == (Settings(prices=prices), [])
    for wrong in ("prices = 5", "[prices.m]\ninput = 1", "[prices.m]\ninput = -1\noutput = nan"):
        (tmp_path / "settings.toml").write_text(f"trash_days = 7\n{wrong}\n")
        loaded, problems = file.load()
        assert (loaded.prices, loaded.trash_days) == ({}, 7)
        assert problems[0].startswith("The setting prices must be a table")


def test_settings_that_cannot_be_read_are_kept_aside(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(b"theme = \xff\xfe")
    settings, problems = SettingsFile(path).load()
    assert settings == Settings()
    assert len(problems) == 1
    SettingsFile(path).save(Settings(theme="light"))
    assert SettingsFile(path).load() == (Settings(theme="light"), [])
    (aside,) = tmp_path.glob("settings.toml.broken-*")
    assert aside.read_bytes() == b"theme = \xff\xfe"


def test_a_remembered_cache_never_holds_a_password(tmp_path: Path) -> None:
    profiles = Profiles(tmp_path / "profiles.toml")
    profiles.remember(Profile("live", "redis://me:geheim@host:6379/0?prefix=app:&password=other"))
    assert "geheim" not in (tmp_path / "profiles.toml").read_text()
    assert "other" not in (tmp_path / "profiles.toml").read_text()
    found = profiles.find("redis://me:another@host:6379/0?prefix=app:")
    assert found is not None
    assert found.name == "live"


def test_remembered_caches_by_name_target_and_age(tmp_path: Path) -> None:
    profiles = Profiles(tmp_path / "profiles.toml")
    odd = "/caches/\udcff\udc80 “x” = [1]\n"
    profiles.remember(Profile("odd", odd.strip(), "json-directory", {"ttl": "24h"}, 0.7, True, 5.0))
    profiles.remember(Profile("new", "/caches/b", last_opened=9.0))
    assert [profile.name for profile in profiles.recent(1)] == ["new"]
    assert profiles.find("odd") == Profile("odd", odd.strip(), "json-directory", {"ttl": "24h"}, 0.7, True, 5.0)
    assert profiles.find(odd.strip()) == profiles.find("odd")
    assert profiles.find("nothing") is None
    assert profiles.forget("odd")
    assert not profiles.forget("odd")
    assert [profile.name for profile in profiles.all()] == ["new"]


def test_the_same_place_is_replaced_and_a_taken_name_numbered(tmp_path: Path) -> None:
    profiles = Profiles(tmp_path / "profiles.toml")
    profiles.remember(Profile("cache", "/a"))
    assert profiles.remember(Profile("cache", "/b")).name == "cache (2)"
    assert profiles.remember(Profile("renamed", "/a")).name == "renamed"
    assert [(profile.name, profile.target) for profile in profiles.all()] == [("cache (2)", "/b"), ("renamed", "/a")]
    with pytest.raises(BadRequest):
        profiles.remember(Profile(" ", "/c"))


def test_broken_profiles_are_said_and_set_aside_only_when_written(tmp_path: Path) -> None:
    path = tmp_path / "profiles.toml"
    path.write_text('[[cache]]\nname = "half')
    profiles = Profiles(path)
    assert profiles.all() == []
    assert "cannot be read" in profiles.notice
    assert path.read_text() == '[[cache]]\nname = "half'
    profiles.remember(Profile("a", "/a"))
    assert profiles.all() == [Profile("a", "/a")]
    assert len(list(tmp_path.glob("profiles.toml.broken-*"))) == 1


def test_a_wrong_profile_costs_only_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "profiles.toml"
    path.write_text(
        '[[cache]]\nname = "a"\ntarget = "/a"\ntarget_hit_rate = 7\nread_only = "no"\n[[cache]]\nname = 3\n'
    )
    assert Profiles(path).all() == [Profile("a", "/a")]


def _remember_many(path: Path, start: int) -> None:
    for number in range(start, start + 10):
        Profiles(path).remember(Profile(f"cache {number}", f"/caches/{number}"))


def test_two_processes_lose_nothing_of_each_other(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    path = tmp_path / "profiles.toml"
    children = [context.Process(target=_remember_many, args=(path, start)) for start in (0, 10)]
    for child in children:
        child.start()
    for child in children:
        child.join(20)
        assert child.exitcode == 0
    assert len(Profiles(path).all()) == 20
