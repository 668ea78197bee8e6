"""What the studio resolves, remembers, shows, counts and finds, on a real cache."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "adapters"))

from layout_trees import TREES, json_directory

from cache_studio.model.errors import BadRequest, CacheUnavailable, EntryNotFound, WrongFormat
from cache_studio.services.discover import discover
from cache_studio.services.doctor import checks
from cache_studio.services.find import find_entry, read_raw
from cache_studio.services.statistics import statistics_object, watch_object
from cache_studio.services.studio import sentence, short_name


@pytest.fixture
def folder(tmp_path):
    return json_directory(tmp_path)


@pytest.fixture
def real(studio, folder):
    attachment = studio.attach(studio.resolve(str(folder)))
    attachment.listed().result(10)
    return attachment


def test_resolves_guesses_that_can_be_named_again(studio, folder):
    place = studio.resolve(str(folder))
    assert (place.format.name, place.name, place.writable) == ("json-directory", "comparisons", True)
    assert studio.resolve(str(place.target)).target == place.target
    assert studio.resolve(f"json-directory:{folder}?ttl=1h").options["ttl"] == 3600
    assert not studio.resolve(str(folder), read_only=True).writable


def test_a_remembered_name_brings_its_options_back(studio, folder):
    place = studio.remember(studio.resolve(f"json-directory:{folder}?ttl=1h"))
    again = studio.resolve(place.name)
    assert again.options["ttl"] == 3600
    assert again.name == place.name


@pytest.mark.parametrize(
    ("text", "error"), [("", BadRequest), ("/no/such/place", CacheUnavailable), ("FOLDER/..", WrongFormat)]
)
def test_what_cannot_be_attached_is_refused_with_a_hint(studio, tmp_path, text, error):
    empty = tmp_path / "empty" / "inner"
    empty.mkdir(parents=True)
    with pytest.raises(error) as caught:
        studio.resolve(text.replace("FOLDER", str(empty)))
    assert caught.value.hint
    assert sentence(caught.value).endswith(caught.value.hint)


def test_proposes_the_surest_format_first(studio, folder):
    assert studio.proposals(str(folder))[0].format == "json-directory"


def test_names_a_cache_by_the_telling_part(studio):
    from cache_studio.services.proposals import parse

    assert short_name(parse("redis://localhost/0?prefix=app:cache:")) == "app:cache"
    assert short_name(parse("/srv/app/cache")) == "app"
    assert short_name(parse("/srv/app/things")) == "things"


def test_shows_a_value_and_its_bytes(studio, real, folder):
    view = real.standing.view
    entry = find_entry(real, view.keys[0], None)
    shown = studio.reader.show(real, entry.id).result(30)
    assert shown.pieces[0].decoded.tree is not None
    assert json.loads(read_raw(real, entry.id).result(5).data)
    with pytest.raises(EntryNotFound):
        find_entry(real, "no such key", None)
    with pytest.raises(EntryNotFound):
        find_entry(real, entry.key, "no such namespace")


def test_statistics_are_json_and_unknown_is_null(real):
    figures = statistics_object(real, real.standing.at)
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert (figures["entries"], figures["hit_rate"], figures["hits"], figures["target_met"]) == (3, None, None, None)
    assert next(iter(watch_object(real, 0.0).items())) == ("at", "1970-01-01T00:00:00Z")


def test_discovers_below_a_folder(tmp_path):
    for name in ("json-directory", "json-file", "asset-cache"):
        TREES[name](tmp_path)
    found = {cache["format"]: cache for cache in discover([str(tmp_path)]) if "://" not in cache["target"]}
    assert set(found) == {"json-directory", "json-file", "asset-cache"}
    assert all(list(cache) == ["target", "format", "entries", "volume"] for cache in found.values())
    with pytest.raises(CacheUnavailable):
        list(discover([str(tmp_path / "missing")]))


def test_the_doctor_looks_at_everything():
    found = {check.name: check for check in checks()}
    assert found["child process"].ok
    assert found["format json-directory"].ok
