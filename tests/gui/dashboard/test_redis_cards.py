"""The cards of the Dashboard that only Redis fills: misses by reason, API requests by provider and period."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import redis
from pytestqt.qtbot import QtBot
from servers import RedisServer

from cache_studio.gui.dashboard import miss_words, request_words
from cache_studio.gui.dashboard.dashboard_tab import DashboardTab
from cache_studio.gui.dashboard.misses_card import MissesCard
from cache_studio.gui.dashboard.requests_card import RequestsCard
from cache_studio.gui.tasks import Tasks
from cache_studio.services.standing import Phase, Standing
from cache_studio.services.studio import Studio

ONE = {"provider": "<b>x", "count": 2, "mean_response_time_ms": None, "slow_response_time_ms": 900.0, "cost_usd": 0.5}
ONE["mean_cost_usd"] = 0.25
REQUESTS = {
    "count": 2,
    "mean_response_time_ms": 812.4,
    "slow_response_time_ms": 900.0,
    "cost_usd": None,
    "providers": [ONE],
    "periods": {
        "1 h": {"count": 0, "mean_response_time_ms": None, "cost_usd": None, "providers": []},
        "24 h": {**ONE, "providers": [ONE]},
    },
}
MISSES = {
    "live": {"changes": "announced", "misses": True, "note": ""},
    "misses": {
        "since": "2026-01-01T00:00:00Z",
        "count": 40,
        "reasons": {"cold": 10, "expired": 30, "evicted": 0},
        "seconds_per_miss": 0.2163,
        "fills": 12,
        "keys": [{"key": "a\u202eb" + 80 * "0" + "end", "misses": 7, "reason": "cold"}],
    },
    "server_memory": 12_000_000,
    "server_memory_limit": 100_000_000,
    "server_expired_per_second": 1.25,
    "server_evicted_per_second": 0.0,
}
SILENT = {"live": {"changes": "tracked", "misses": False, "note": "Enter: CONFIG SET x"}, "misses": None}


def test_requests_are_words_by_provider_and_period() -> None:
    details = {"requests": REQUESTS}
    assert request_words.periods(details) == ["1 h", "24 h", "All noted"]
    lines = request_words.request_lines(details)
    assert [(line.provider, line.mean_time, line.slow_time, line.cost) for line in lines] == [
        ("all", "812 ms", "900 ms", "not recorded"),
        ("<b>x", "not recorded", "900 ms", "0.5000 $"),
    ]
    assert lines[1].cost_each == "0.2500 $"
    (empty,) = request_words.request_lines(details, "1 h")
    assert (empty.count, empty.mean_time, empty.cost) == ("0", "–", "–")
    assert request_words.request_lines({"requests": {"count": None, "providers": []}}) == []
    assert request_words.periods({}) == []


def test_a_period_is_chosen_on_the_card(qtbot: QtBot, look: str) -> None:
    card = RequestsCard()
    qtbot.addWidget(card)
    card.show_requests({})
    assert card.isHidden()
    card.show_requests({"requests": REQUESTS})
    assert not card.isHidden()
    assert card.period is not None
    assert card.period.current() == "24 h"
    assert len(card.grid._labels) == 6 * 3
    card.period.choose("1 h")
    card.period.chosen.emit("1 h")
    assert len(card.grid._labels) == 6 * 2
    card.show_requests({"requests": REQUESTS})
    assert card.period.current() == "1 h"


def test_misses_are_words_by_reason_and_key() -> None:
    assert miss_words.reason_lines(MISSES) == [
        ("all", "40", "100 %"),
        ("expired", "30", "75 %"),
        ("cold", "10", "25 %"),
    ]
    ((key, count, reason),) = miss_words.key_lines(MISSES)
    assert "\u202e" not in key
    assert (count, reason) == ("7", "cold")
    assert key.endswith("000end")
    assert len(key) < 70
    note = miss_words.miss_note(MISSES)
    assert "0.216 s after its miss (median of 12)" in note
    assert "expires 1.2 and evicts 0 entries a second" in note
    assert "12.0 MB of its limit of 100 MB" in note
    assert miss_words.reason_lines(SILENT) == []
    assert "CONFIG SET x" in miss_words.miss_note(SILENT)


def test_the_card_offers_to_hear_of_misses_where_it_does_not(qtbot: QtBot, look: str) -> None:
    card = MissesCard()
    qtbot.addWidget(card)
    standing = Standing(Phase.LIVE, 0.0)
    card.show_standing(standing)
    assert card.isHidden()
    card.show_standing(replace(standing, details=MISSES))
    assert not card.isHidden()
    assert card.button.isHidden()
    assert not card.reasons.isHidden()
    assert card.minimumSizeHint().width() < 600, "a long key gives way, the Dashboard does not scroll aside"
    card.show_standing(replace(standing, details=SILENT))
    assert not card.button.isHidden()
    assert card.reasons.isHidden()
    with qtbot.waitSignal(card.announce_requested):
        card.button.click()


@pytest.fixture
def server(redis_server: RedisServer) -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.mark.redis
def test_the_button_lets_a_real_server_announce_after_a_question(
    qtbot: QtBot, tasks: Tasks, studio: Studio, server: RedisServer
) -> None:
    attachment = studio.attach(studio.resolve(f"{server.url}?format=redis"))
    attachment.listed().result(20)
    tab = DashboardTab(tasks, studio, attachment)
    qtbot.addWidget(tab)
    tab.show()
    tab.set_active(True)
    qtbot.waitUntil(lambda: tab.board is not None, timeout=20_000)
    assert tab.charts is not None
    tab.charts.misses_card.button.click()
    assert tab.asking is not None
    with redis.Redis(port=server.port, protocol=2, decode_responses=True) as client:
        assert client.config_get("notify-keyspace-events")["notify-keyspace-events"] == ""
        tab.asking.accept_button.click()
        qtbot.waitUntil(lambda: client.config_get("*space-ev*")["notify-keyspace-events"] == "AKm", timeout=20_000)
        qtbot.waitUntil(lambda: bool(attachment.standing.details["live"]["misses"]), timeout=20_000)
        tab.refresh()
        qtbot.waitUntil(lambda: tab.charts is not None and tab.charts.misses_card.button.isHidden(), timeout=20_000)
        tab.set_active(False)
        studio.detach(attachment)
        assert client.config_get("notify-keyspace-events")["notify-keyspace-events"] == ""
