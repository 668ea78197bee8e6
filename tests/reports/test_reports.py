import csv
import io
import json
from xml.etree import ElementTree

import pytest

from cache_studio.model.errors import BadRequest, CacheStudioError
from cache_studio.reports.entries import FIELDS, cell, write_csv, write_json, write_ndjson, writer_for
from cache_studio.reports.files import report_file
from cache_studio.reports.page import as_html
from cache_studio.reports.snapshots import (
    FIGURES,
    as_csv,
    as_json,
    as_markdown,
    compare,
    is_snapshot,
    read_snapshot,
)

HOSTILE = "<img src=x>|`\u202e\n\udc80&amp;[a](b)"


def row(**more):
    return dict.fromkeys(FIELDS) | {"key": "k", "stale": False} | more


@pytest.fixture
def figures():
    return dict.fromkeys(FIGURES, 5) | {
        "at": "2027-01-15T08:00:00Z", "target": HOSTILE, "format": "json-directory", "hit_rate": 0.5, "capacity": None,
        "target_hit_rate": 0.6, "hit_rate_source": "sampled", "hit_rate_scope": "cache",
        "namespaces": [{"name": HOSTILE, "entries": 3, "size": None, "stale": 1}],
        "series": {"times": [1.0, 2.0, 3.0, 4.0], "hit_rate": [0.5, None, 0.7, 1.0], "volume": [1.0, 2.0, 3.0, 4.0],
                   "entries": [None] * 4, "stale": [0.0] * 4},
    }  # fmt: skip


def written(write, rows):
    out = io.StringIO(newline="")
    write(rows, out)
    return out.getvalue()


def test_json_and_ndjson_hold_every_field_and_any_key():
    rows = [row(key=HOSTILE, tags=["a", "b"]), row(size=7)]
    assert json.loads(written(write_json, rows)) == rows
    assert [json.loads(line) for line in written(write_ndjson, rows).splitlines()] == rows
    assert json.loads(written(write_json, [])) == []
    written(write_json, rows).encode("utf-8")


@pytest.mark.parametrize("key", ["=1+1", "+1", "-1", "@x", "\t=1", "\n=1", "＝1"])
def test_no_cell_is_a_formula(key):
    assert cell(key) == "'" + key
    assert cell([key, "b"]).startswith("'")


def test_csv_is_read_back():
    text = written(write_csv, [row(key='a,"b"\nc', size=-5, hits=0, tags=["x", "y"], stale=True)])
    (found,) = csv.DictReader(io.StringIO(text, newline=""))
    assert list(found) == list(FIELDS)
    assert (found["key"], found["size"], found["hits"], found["tags"], found["stale"], found["type"]) == (
        'a,"b"\nc', "-5", "0", "x y", "true", "",
    )  # fmt: skip


def test_an_unknown_format_is_refused_with_the_known_ones():
    with pytest.raises(BadRequest) as caught:
        writer_for("xlsx")
    assert "ndjson" in caught.value.hint


def test_a_report_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "r.csv"

    def fail():
        with report_file(path) as file:
            file.write("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []
    with report_file(path) as file:
        file.write("whole \udc80")
    assert path.read_text() == "whole \\udc80"


@pytest.mark.parametrize("name", ["exists", "no/folder/here", "n" * 300])
def test_a_report_that_cannot_be_written_is_one_sentence(tmp_path, name):
    (tmp_path / "exists").write_text("mine")
    with pytest.raises(CacheStudioError) as caught, report_file(tmp_path / name):
        pass
    assert caught.value.hint
    assert (tmp_path / "exists").read_text() == "mine"


def test_a_link_is_not_written_through(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CacheStudioError), report_file(tmp_path / "link"):
        pass


def test_json_snapshots_are_read_back_and_compared(figures, tmp_path):
    path = tmp_path / "s.json"
    path.write_text(as_json(figures))
    assert read_snapshot(path) == figures
    changes = {found.name: found.change for found in compare(figures, figures | {"entries": 7, "hits": None})}
    assert (changes["entries"], changes["hits"], changes["misses"]) == (2, None, 0)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"at":1,"target":2,"entries":"x","namespaces":[]}', "[" * 100_000]
)
def test_what_is_no_snapshot_is_refused(tmp_path, content):
    path = tmp_path / "s.json"
    path.write_text(content)
    assert not is_snapshot(path)
    with pytest.raises(BadRequest):
        read_snapshot(path)


def test_figures_that_are_no_numbers_are_refused(figures, tmp_path):
    path = tmp_path / "s.json"
    path.write_text(json.dumps(figures | {"hits": "many"}))
    assert not is_snapshot(path)
    path.write_text(json.dumps(figures | {"hits": float("nan")}))
    assert not is_snapshot(path)


def test_markdown_and_csv_keep_hostile_text_text(figures):
    markdown = as_markdown(figures)
    for sign in ("<img", "\u202e", "\udc80", "[a]("):
        assert sign not in markdown.replace("\\<", "").replace("\\[", "")
    tables = [line for line in markdown.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in tables} == {3, 5}
    assert "| capacity | not recorded |" in markdown
    assert "| hit rate source | sampled |" in markdown
    rows = list(csv.reader(io.StringIO(as_csv(figures), newline="")))
    assert ["capacity", ""] in rows
    assert rows[-1][1:] == ["3", "", "1"]


def test_the_page_is_sound_and_runs_nothing(figures):
    page = as_html(figures)
    for sign in ("<img", "<script", "\u202e", "\udc80", "http"):
        assert sign not in page.replace("http-equiv", "")
    page.encode("utf-8")
    body = page[page.index("<body>") : page.index("</body>") + 7]
    root = ElementTree.fromstring(body)
    lines = [line.get("points") for line in root.iter("polyline")]
    assert len(lines) == 5  # two parts of the hit rate, its target, volume, stale entries
    assert "not recorded" in page
    assert "sampled" in page


def test_a_page_without_history_has_no_plots(figures):
    del figures["series"]
    assert "<svg" not in as_html(figures)
