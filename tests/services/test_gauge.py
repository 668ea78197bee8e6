"""What is known of a cache beside its entries, and how often its volume is read."""

import time

import pytest
from scripted import Script, ScriptedAdapter, place_of

from cache_studio.services import gauge
from cache_studio.services.catalog import Catalog
from cache_studio.services.standing import Phase, Standing


@pytest.mark.parametrize(("rest", "measured"), [(0.0, 3), (1e12, 1)])
def test_a_dear_volume_is_read_seldom(
    script: Script, monkeypatch: pytest.MonkeyPatch, rest: float, measured: int
) -> None:
    monkeypatch.setattr(gauge, "VOLUME_REST", rest)
    place = place_of(script, "metered")
    reading, adapter, standing = (
        gauge.Gauge(place.target, place.format),
        ScriptedAdapter(script, True),
        Standing(Phase.LIVE, 0.0),
    )
    for _turn in range(3):
        standing = reading.read(adapter, Catalog(), standing)
    assert script.measured == measured
    assert standing.volume.volume == 21
    assert standing.at == pytest.approx(time.time(), abs=30)
    script.entries["more"] = b"12345"
    reading.expect_change()
    assert reading.read(adapter, Catalog(), standing).volume.volume == 26
