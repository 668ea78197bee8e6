"""Formats come in by entry points, and a place is recognised by asking all of them."""

import os
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from layout_trees import TREES

from cache_studio.adapters import registry
from cache_studio.adapters.base import Format
from cache_studio.adapters.registry import GROUP, all_formats, format_names, get_format, recognise
from cache_studio.model.errors import BadRequest, UnsupportedAction, WrongFormat


def test_every_declared_format_is_what_its_name_says() -> None:
    for name in format_names():
        found = get_format(name)
        assert isinstance(found, Format)
        assert found.name == name
        assert found.title
        assert len({option.name for option in found.options}) == len(found.options)


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadRequest) as raised:
        get_format("no-such")
    assert "json-directory" in raised.value.hint


def test_a_format_without_access_says_so() -> None:
    bare = Format("bare", "Bare", (), get_format("json-directory").recognise, "nowhere:Nothing")
    with pytest.raises(UnsupportedAction, match="bare"):
        bare.access_class()


def test_a_broken_stranger_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    points = {
        "json-directory": EntryPoint("json-directory", "cache_studio.adapters.json_directory:FORMAT", GROUP),
        "absent": EntryPoint("absent", "no_such_package:FORMAT", GROUP),
        "odd": EntryPoint("odd", "os:getcwd", GROUP),
    }
    get_format.cache_clear()
    monkeypatch.setattr(registry, "_entry_points", lambda: points)
    try:
        assert [found.name for found in all_formats()] == ["json-directory"]
        for name in ("absent", "odd"):
            with pytest.raises(BadRequest):
                get_format(name)
    finally:
        get_format.cache_clear()


@pytest.mark.parametrize("name", sorted(TREES))
def test_each_layout_is_recognised_surest_first(tmp_path: Path, name: str) -> None:
    answers = recognise(str(TREES[name](tmp_path)))
    assert answers[0]["format"] == name
    assert answers[0]["certainty"] == "sure"
    assert [answer["format"] for answer in answers if answer["certainty"] == "sure"] == [name]


def test_what_is_no_place(tmp_path: Path) -> None:
    assert recognise(str(tmp_path / "absent")) == []
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(WrongFormat):
        recognise(str(tmp_path / "pipe"))
