"""What is known of a cache beside its entries, and how often its volume is read."""

import time

import pytest
from scripted import Script, ScriptedAdapter, place_of

from cache_studio.services import gauge
from cache_studio.services.catalog import Catalog
from cache_studio.services.standing import Phase, Standing


def read_three_times(script: Script) -> tuple[gauge.Gauge, ScriptedAdapter, Standing]:
    """A gauge of a cache, its adapter, and what the third reading said."""
    place = place_of(script, "metered")
    reading, adapter = gauge.Gauge(place.target, place.format), ScriptedAdapter(script, True)
    standing = Standing(Phase.LIVE, 0.0)
    for _turn in range(3):
        standing = reading.read(adapter, Catalog(), standing)
    return reading, adapter, standing


@pytest.mark.parametrize(("rest", "quiet", "measured"), [(0.0, 0.0, 3), (1e12, 0.0, 1), (0.0, 1e12, 1)])
def test_a_dear_or_quiet_volume_is_read_seldom(
    script: Script, monkeypatch: pytest.MonkeyPatch, rest: float, quiet: float, measured: int
) -> None:
    monkeypatch.setattr(gauge, "VOLUME_REST", rest)
    monkeypatch.setattr(gauge, "QUIET_REST", quiet)
    reading, adapter, standing = read_three_times(script)
    assert script.measured == measured
    assert standing.volume.volume == 21
    assert standing.at == pytest.approx(time.time(), abs=30)
    script.entries["more"] = b"12345"
    reading.expect_change()
    assert reading.read(adapter, Catalog(), standing).volume.volume == 26


@pytest.mark.parametrize(("rest", "volume"), [(0.0, 26), (1e12, 21)])
def test_a_change_is_looked_at_as_soon_as_the_cost_allows(
    script: Script, monkeypatch: pytest.MonkeyPatch, rest: float, volume: int
) -> None:
    monkeypatch.setattr(gauge, "VOLUME_REST", rest)
    monkeypatch.setattr(gauge, "QUIET_REST", 1e12)
    place = place_of(script, "metered")
    reading, adapter = gauge.Gauge(place.target, place.format), ScriptedAdapter(script, True)
    standing = reading.read(adapter, Catalog(), Standing(Phase.LIVE, 0.0))
    script.entries["more"] = b"12345"
    reading.note_change()
    assert reading.read(adapter, Catalog(), standing).volume.volume == volume


def test_what_is_not_watched_is_read_every_time(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauge, "VOLUME_REST", 0.0)
    monkeypatch.setattr(gauge, "QUIET_REST", 1e12)
    monkeypatch.setattr(ScriptedAdapter, "watched", lambda _self: ())
    read_three_times(script)
    assert script.measured == 3
