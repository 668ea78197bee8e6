"""The Dashboard on real caches and a real history."""

import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from conftest import Attach, write_asset
from pytestqt.qtbot import QtBot

from cache_studio.adapters.registry import get_format
from cache_studio.gui.dashboard import dashboard_tab, words
from cache_studio.gui.dashboard.board import RANGES, Board, board_of
from cache_studio.gui.dashboard.dashboard_tab import DashboardTab
from cache_studio.gui.tasks import Tasks
from cache_studio.model.seeing import Counters, Scope, Source, Volume
from cache_studio.services.attachment import Attachment
from cache_studio.services.monitor import Series
from cache_studio.services.studio import Studio

NOW = 1_800_000_000.0


@pytest.fixture
def assets(tmp_path: Path, attach: Attach) -> Attachment:
    """A cache whose hit rate is derived: 4 entries, each used three times."""
    for number in range(4):
        write_asset(tmp_path, f"step {number}", "tts" if number else "image", bytes(1000 * (number + 1)))
    return attach(f"asset-cache:{tmp_path}?ttl=24h")


def shown(qtbot: QtBot, tasks: Tasks, studio: Studio, attachment: Attachment) -> DashboardTab:
    """The tab on screen with its first answer."""
    tab = DashboardTab(tasks, studio, attachment)
    qtbot.addWidget(tab)
    tab.resize(1200, 800)
    tab.show()
    tab.set_active(True)
    qtbot.waitUntil(lambda: tab.board is not None, timeout=20_000)
    return tab


def series(count: int, every: float = 60.0, **columns: list[float]) -> Series:
    """A history up to NOW; columns that are not named are unknown."""
    unknown = np.full(count, np.nan)
    names = [field.name for field in fields(Series) if field.name != "times"]
    arrays = {name: np.array(columns[name], float) if name in columns else unknown.copy() for name in names}
    return Series(times=NOW - np.arange(count)[::-1] * every, **arrays)


def board(attachment: Attachment, **changes: object) -> Board:
    made = board_of(attachment, None, 3600.0, NOW)
    return replace(made, **changes)  # type: ignore[arg-type]


def card(board: Board, title: str) -> words.CardWords:
    return next(found for found in words.cards(board) if found.title == title)


def test_figures_and_charts_of_a_cache_with_a_rate(
    qtbot: QtBot, tasks: Tasks, studio: Studio, assets: Attachment, look: str
) -> None:
    tab = shown(qtbot, tasks, studio, assets)
    assert tab.board is not None
    assert tab.board.has_rate
    assert [found.accessibleName().partition(",")[0] for found in tab.cards] == [
        "Hit rate", "Lookups", "Entries", "Volume", "Churn",
    ]  # fmt: skip
    assert tab.cards[0].figure_text() == "66.7 %"
    assert "6.7 points above target" in tab.cards[0].accessibleName()
    assert "derived" in tab.cards[0].accessibleName()
    assert tab.charts is not None
    qtbot.waitUntil(tab.charts.rate_card.isVisible)
    assert not tab.charts.fills_card.isVisible()


def test_without_a_rate_fills_and_removals_stand_in_its_place(
    qtbot: QtBot, tasks: Tasks, studio: Studio, comparisons: Path, attach: Attach
) -> None:
    tab = shown(qtbot, tasks, studio, attach(f"json-directory:{comparisons}"))
    assert [found.accessibleName().partition(",")[0] for found in tab.cards[:2]] == ["Stored", "Removed"]
    assert "hit rate not recorded" in tab.cards[0].accessibleName()
    assert tab.charts is not None
    qtbot.waitUntil(tab.charts.fills_card.isVisible)
    assert not tab.charts.rate_card.isVisible()
    assert tab.charts.expiry.accessibleDescription().startswith("stale: 5; ")


def test_a_range_asks_for_its_own_history(qtbot: QtBot, tasks: Tasks, studio: Studio, assets: Attachment) -> None:
    tab = shown(qtbot, tasks, studio, assets)
    for name, seconds in RANGES.items():
        tab.board = None
        tab.ranges.choose(name)
        tab._on_range(name)
        qtbot.waitUntil(lambda: tab.board is not None, timeout=20_000)
        assert tab.board is not None
        if seconds is not None:
            assert tab.board.until - tab.board.since == pytest.approx(seconds)
    assert tab.interval_text().startswith("one point every ")


def test_it_rests_off_screen_and_never_asks_twice_at_once(
    qtbot: QtBot, tasks: Tasks, studio: Studio, assets: Attachment
) -> None:
    tab = DashboardTab(tasks, studio, assets)
    qtbot.addWidget(tab)
    tab.refresh()
    assert not tab._running
    assert tab.charts is None
    tab.set_active(True)
    tab.refresh()
    tab.refresh()
    assert tab._running
    assert tab._again
    qtbot.waitUntil(lambda: tab.board is not None and not tab._running, timeout=20_000)
    assert not tab._again


def test_much_news_is_drawn_once_and_not_at_once(
    qtbot: QtBot, tasks: Tasks, studio: Studio, assets: Attachment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboard_tab, "NEWS_MS", 30)
    tab = shown(qtbot, tasks, studio, assets)
    drawn: list[Board] = []
    monkeypatch.setattr(dashboard_tab, "warning", lambda board: drawn.append(board) or "")
    for _ in range(100):
        tab.note_change()
    assert not tab._running
    qtbot.waitUntil(lambda: bool(drawn))
    assert len(set(map(id, drawn))) == 1
    assert not tab._news.isActive()
    tab.note_change()
    tab.set_active(False)
    assert not tab._news.isActive()


def test_it_narrows_to_fewer_columns(qtbot: QtBot, tasks: Tasks, studio: Studio, assets: Attachment) -> None:
    tab = shown(qtbot, tasks, studio, assets)
    assert len({found.y() for found in tab.cards}) == 1
    tab.resize(700, 600)
    qtbot.waitUntil(lambda: len({found.y() for found in tab.cards}) == 2)


def test_the_range_counts_before_all_that_was(assets: Attachment) -> None:
    with_history = board(assets, series=series(3, hits=[3.0, np.nan, 5.0], misses=[1.0, np.nan, 1.0]))
    assert card(with_history, "Hit rate").figure == "80.0"
    assert card(with_history, "Hit rate").note == "20.0 points above target"
    assert card(with_history, "Lookups").note == "8 hits, 2 misses"
    assert card(board(assets), "Hit rate").note == "6.7 points above target, since counting began"


def test_churn_is_per_minute_and_gaps_stay_gaps(assets: Attachment) -> None:
    made = board(assets, series=series(4, every=30.0, stored=[10, 20, np.nan, 30], removed=[0, 5, np.nan, 1]))
    _, stored, removed = made.churn()
    np.testing.assert_allclose(stored, [20, 40, np.nan, 60])
    np.testing.assert_allclose(removed, [0, 10, np.nan, 2])
    assert made.moved() == (60, 6)
    assert card(made, "Churn").figure == "+40 −4.0"


def test_a_servers_rate_is_called_so_and_a_low_one_warns(assets: Attachment) -> None:
    counters = Counters(40, 60, Source.RECORDED, Scope.SERVER)
    standing = replace(assets.standing, counters=counters)
    place = replace(assets.place, format=get_format("redis-response"))
    made = board(assets, standing=standing, place=place)
    assert card(made, "Hit rate").source == "recorded, whole server"
    assert card(made, "Hit rate").tone == "warn"
    assert words.warning(made) == "Fewer than half of the lookups are hits (40.0 %). A longer TTL may help."
    assert words.warning(board(assets, standing=standing)) == ""


def test_unknown_is_never_0(assets: Attachment) -> None:
    nothing = replace(assets.standing, view=None, volume=Volume(None), counters=Counters(None, None, Source.RECORDED))
    made = board(assets, standing=nothing, totals=None)
    assert [card(made, title).figure for title in ("Hit rate", "Lookups", "Entries", "Volume")] == [None] * 4


@pytest.mark.parametrize(
    ("seconds", "said"), [(5.0, "5 s"), (180.0, "3 min"), (240.5, "4 min"), (7200.0, "2 h"), (86_400.0, "1 d")]
)
def test_the_interval_is_said(seconds: float, said: str) -> None:
    assert words.interval_words(seconds) == f"one point every {said}"


def test_all_begins_with_the_history(studio: Studio, assets: Attachment) -> None:
    assert studio.monitor is not None
    now = time.time()
    made = board_of(assets, studio.monitor, None, now)
    assert made.since <= now - 60


def test_levels_of_a_running_cache_have_a_line_each():
    counted = {"hits": 3, "misses": 1, "evictions": 2, "mean_lookup_ms": 0.25}
    levels = {"memory": counted | {"entries": 7}, "disk": {"entries": 9, "bytes": 100}}
    lines = words.level_lines({"recorder": {**counted, "levels": levels}})
    assert [line.level for line in lines] == ["whole cache", "memory", "disk"]
    assert (lines[1].entries, lines[1].lookups, lines[1].hit_rate) == ("7", "4", "75.0 %")
    assert lines[2].hit_rate == "no lookups"
    assert words.level_lines({"recorder": {**counted, "levels": {"disk": {}}}}) == []
    assert words.level_lines({}) == []
