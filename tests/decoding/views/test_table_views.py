"""Tables of numpy and pandas, read without importing either."""

import pickle
import sys

import pytest
from seen_values import real_values, seen

from cache_studio.decoding.decode import decode
from cache_studio.decoding.views.lines import table_words
from cache_studio.decoding.views.shapes import TableView
from cache_studio.decoding.views.tables import MOST_COLUMNS, MOST_ROWS


def table(data: bytes) -> TableView:
    view = seen(data).table
    assert view is not None
    return view


@pytest.fixture(scope="module")
def arrays() -> dict[str, bytes]:
    return real_values("arrays")


@pytest.fixture(scope="module")
def frames() -> dict[str, bytes]:
    return real_values("frames")


@pytest.mark.parametrize(
    ("name", "kind", "cells"),
    [
        ("rows", "int64", (("0", "1", "2", "3"), ("4", "5", "6", "7"), ("8", "9", "10", "11"))),
        ("protocol 2", "float64", (("0",), ("0.25",), ("0.5",), ("0.75",), ("1",))),
        ("big endian", "float32", (("0",), ("0.25",), ("0.5",), ("0.75",), ("1",))),
        ("columns first", "int16", (("0", "1", "2"), ("3", "4", "5"))),
        ("moments", "datetime64[ns]", (("2026-11-21 08:00:01.500000",), ("NaT",))),
        ("days", "datetime64[D]", (("2026-11-21",),)),
        ("spans", "timedelta64[s]", (("0:01:30",),)),
        ("texts", "text of 3", (("a",), ("bcd",))),
        ("bytes", "bytes of 3", (("b'a'",), ("b'bcd'",))),
        ("objects", "object", (("a",), ("None",), ("3",), ("list of 1",))),
        ("bools", "bool", (("True",), ("False",))),
        ("single", "int64", (("5",),)),
        ("records", "records of 12", ()),
        ("cube", "float64", ()),
    ],
)
def test_arrays(arrays: dict[str, bytes], name: str, kind: str, cells: tuple[tuple[str, ...], ...]) -> None:
    view = table(arrays[name])
    assert (view.kind, view.cells) == (kind, cells)
    if not cells:
        assert view.notes == ("Cells are shown of plain types in one or two dimensions.",)


def test_long_arrays_are_shown_in_part(arrays: dict[str, bytes]) -> None:
    view = table(arrays["long"])
    assert (view.rows, view.columns, len(view.cells), len(view.cells[0])) == (1000, 100, MOST_ROWS, MOST_COLUMNS)
    assert view.cells[-1][-1] == str((MOST_ROWS - 1) * 100 + MOST_COLUMNS - 1)
    assert view.notes == ("The first 200 of 1,000 rows are shown.", "The first 50 of 100 columns are shown.")
    assert table_words(view) == "numpy array, 1,000 × 100, int64"


@pytest.mark.parametrize("name", ["protocol 2", "protocol 5", "wrapped"])
def test_a_frame(frames: dict[str, bytes], name: str) -> None:
    view = table(frames[name])
    assert view.names == ("a", "b", "c", "d", "e")
    assert view.kinds == ("int64", "float64", "str", "datetime64[us]", "bool")
    assert view.index == ("0", "1", "2")
    assert view.cells == (
        ("1", "1.5", "x", "2026-01-01", "True"),
        ("2", "NaN", "<b>y</b>", "2026-01-02", "False"),
        ("3", "3", "NaN", "2026-01-03", "True"),
    )
    assert table_words(view) == "pandas DataFrame, 3 rows, 5 columns"


def test_labels_of_rows(frames: dict[str, bytes]) -> None:
    assert table(frames["by text"]).index == ("x", "<b>y</b>", "NaN")
    assert table(frames["by day"]).index == ("2026-01-01", "2026-01-02", "2026-01-03")
    assert table(frames["by two"]).index == ("1, x", "2, <b>y</b>", "3, NaN")


def test_columns_of_pandas_own_kinds(frames: dict[str, bytes]) -> None:
    view = table(frames["odd"])
    assert view.kinds == ("category", "Int64", "datetime64[us], UTC", "object", "unknown")
    assert view.cells[1] == ("y", "NA", "2026-01-02", "2", "")
    assert view.notes == ("Of a kind that cannot be shown: p.",)


def test_a_series_and_an_empty_frame(frames: dict[str, bytes]) -> None:
    series = table(frames["series"])
    assert (series.names, series.index, series.cells) == (("n",), ("x", "y", "z"), (("1",), ("2",), ("3",)))
    assert table_words(series) == "pandas Series, 3 rows"
    empty = table(frames["empty"])
    assert (empty.rows, empty.columns, empty.cells) == (0, 0, ())


def test_what_pandas_calls_for_itself_is_no_foreign_call(frames: dict[str, bytes]) -> None:
    assert decode(frames["protocol 5"]).calls == ()
    assert "pandas" not in sys.modules


def test_every_cut_and_every_flipped_byte_of_a_frame_is_survived(frames: dict[str, bytes]) -> None:
    data = frames["protocol 5"]
    for at in range(0, len(data), 7):
        seen(data[:at])
        seen(data[:at] + bytes([data[at] ^ 0x11]) + data[at + 1 :])


def array_of(shape: tuple[int, ...], dtype: str, data: object) -> bytes:
    """The pickle of an array whose parts need not fit, written opcode by opcode."""
    body = pickle.dumps((1, shape, None, False, data), 2)[2:-1]
    made = b"cnumpy\ndtype\n" + pickle.dumps((dtype, False, True), 2)[2:-1] + b"R"
    whole = body.replace(b"N\x89", made + b"\x89", 1)
    return (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n" + pickle.dumps(((0,), b"b"), 2)[2:-1] + b"R" + whole + b"b."
    )


@pytest.mark.parametrize(
    ("shape", "dtype", "data"),
    [
        ((10**9, 10**9), "f8", b""),
        ((-1, 5), "f8", b"x" * 80),
        ((2,) * 40, "f8", b""),
        ((3,), "f8", b"short"),
        ((3,), "U99999999999999", b"abc"),
        ((3,), "U", b"abc"),
        ((3,), "", b"abc"),
        ((3,), "O8", b"abc"),
        ((3,), "O8", ["a"]),
        ((3,), "M8", b"\xff" * 24),
        ((0, 0), "i4", b""),
        ((2**47,), "S0", b""),
    ],
)
def test_arrays_whose_parts_do_not_fit(shape: tuple[int, ...], dtype: str, data: object) -> None:
    assert table(array_of((2,), "f8", [b"y" * 16])).cells == (("",), ("",))  # the pickle itself is one of an array
    view = seen(array_of(shape, dtype, data)).table
    assert view is None or len(view.cells) <= MOST_ROWS
