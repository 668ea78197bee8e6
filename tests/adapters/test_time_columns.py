"""A column of moments is what `parse_time` says of each cell."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cache_studio.adapters.time_columns import moments
from cache_studio.model.times import UNITS, ZONES, parse_time

PLACES = ("UTC", "Europe/Berlin", "America/Sao_Paulo", "Africa/Monrovia", "Australia/Lord_Howe", "Pacific/Apia")
"""Clocks that are changed at night, at midnight, by 44.5 minutes, by half an hour, and by a whole day."""


@contextmanager
def living_in(place: str) -> Iterator[None]:
    """This time zone for the block."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = place
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


def written(moment: datetime, between: str, precision: str) -> str:
    """A time without an offset, as programs write it."""
    return moment.isoformat(between, precision)


WRITTEN = st.builds(
    written, st.datetimes(), st.sampled_from("T "), st.sampled_from(("seconds", "milliseconds", "microseconds"))
)
NUMBERS = st.one_of(st.none(), st.integers(), st.floats(), st.integers(0, 4_000_000_000_000))
ODD = st.sampled_from(
    (
        "",
        "1800000000",
        "soon",
        "0000-01-01 00:00:00",
        "2026-02-30T00:00:00",
        "2026-01-01T24:00:00",
        "2026-01-01T14-04:00",
        "2026-01-01T14:48:04.1-0400",
        "20260922T144804.123",
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00\n",
        "2026-01-01T00:00:00\n2026-01-01T00:00:00",
        "２０26-01-01T00:00:00",
        "\ud800",
        True,
        [],
        {},
        10**400,
    )
)
COLUMNS = st.one_of(st.lists(WRITTEN), st.lists(NUMBERS), st.lists(st.one_of(WRITTEN, NUMBERS, ODD, st.text())))


def assert_as_each(cells: list[object], unit: str, zone: str) -> None:
    """The column is what its cells are one by one."""
    each = [parse_time(cell, unit, zone) for cell in cells]
    np.testing.assert_allclose(moments(cells, unit, zone), each, rtol=1e-15)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process cannot be changed here")
@given(COLUMNS, st.sampled_from(UNITS), st.sampled_from(ZONES), st.sampled_from(PLACES))
@example(["0001-01-01T00:00:00", "9999-12-31 23:59:59"], "auto", "local", "Europe/Berlin")
@example([-6.3e10, 253_402_300_800, None, float("inf")], "seconds", "local", "UTC")
def test_a_column_says_what_its_cells_say(cells: list[object], unit: str, zone: str, place: str) -> None:
    with living_in(place):
        assert_as_each(cells, unit, zone)


@given(WRITTEN, ODD)
def test_one_odd_cell_changes_none_of_the_others(text: str, odd: object) -> None:
    assert_as_each([text, odd], "auto", "local")


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process cannot be changed here")
@pytest.mark.parametrize(
    ("place", "day"),
    [
        ("Europe/Berlin", datetime(2026, 3, 29)),
        ("Europe/Berlin", datetime(2026, 10, 25)),
        ("Europe/Amsterdam", datetime(1937, 7, 1)),
        ("America/Sao_Paulo", datetime(2018, 11, 4)),
        ("America/Sao_Paulo", datetime(2018, 2, 17)),
        ("Africa/Monrovia", datetime(1972, 1, 7)),
        ("Australia/Lord_Howe", datetime(2026, 4, 5)),
        ("Pacific/Apia", datetime(2011, 12, 30)),
    ],
)
def test_the_days_around_a_change_of_the_clock(place: str, day: datetime) -> None:
    minutes = range(-1_440, 2 * 1_440, 7)
    with living_in(place):
        assert_as_each([str(day + timedelta(minutes=minute, seconds=13)) for minute in minutes], "auto", "local")
