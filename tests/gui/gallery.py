"""Pictures of every widget and chart, light and dark, to be held beside the target pictures.

Run by hand: `python tests/gui/gallery.py FOLDER` (offscreen or in a real window system); no test.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QEventLoop, QModelIndex, QPersistentModelIndex, Qt, QTimer
from PySide6.QtWidgets import QApplication, QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cache_studio.gui.look import theme
from cache_studio.gui.look.icon_paths import PATHS, format_icon
from cache_studio.gui.look.icons import set_icon
from cache_studio.gui.look.text import display_text, plain_label
from cache_studio.gui.plots.expiry_plot import ExpiryPlot
from cache_studio.gui.plots.time_plots import ChurnPlot, HitRatePlot, entries_plot, volume_plot
from cache_studio.gui.widgets.bar_list import Bar, BarList, namespace_bars
from cache_studio.gui.widgets.bars import BusyLine, EmptyState, NoticeBar, StateDot, UndoBar
from cache_studio.gui.widgets.buttons import DangerButton, IconButton, LinkButton, PrimaryButton, SecondaryButton
from cache_studio.gui.widgets.cache_list import CacheListModel, CacheListView
from cache_studio.gui.widgets.cards import Card, FigureCard
from cache_studio.gui.widgets.cells import FigureDelegate, KeyDelegate, NoteDelegate, QuietFigureDelegate, TagDelegate
from cache_studio.gui.widgets.chips import Chip, ConditionChip, ToggleChip
from cache_studio.gui.widgets.entry_table import EntryTableView
from cache_studio.gui.widgets.facets import Facet, FacetGroup
from cache_studio.gui.widgets.roles import CacheRow, CacheState, PlaceRow, Role
from cache_studio.gui.widgets.search_box import SearchBox
from cache_studio.gui.widgets.segmented import SegmentedButtons
from cache_studio.gui.widgets.tabs import PageTabs
from cache_studio.gui.widgets.ttl_cell import MINIMUM_WIDTH, TtlDelegate

NAN, INF = float("nan"), float("inf")
COLUMNS = ("key", "namespace", "type", "size", "age", "TTL", "last read", "hits", "tags")
RIGHT = {3, 4, 5, 6, 7}
ENTRIES = (
    ("0019be77c1f9a2d6", "tts", "wav", "2.1 kB", "6 h", 65_520, 0.76, "9 s", "141", ("en", "nova"), ""),
    ("0054f02c18be73d9", "tts", "wav", "4.0 kB", "19 h", 17_880, 0.2, "4 min", "18", ("en", "nova"), ""),
    ("0086c4d5e91a7f32", "tts", "wav", "1.9 kB", "24 h", 24, 0.0003, "21 s", "8", ("de", "piper"), ""),
    ("00b1907fd4416ae3", "tts", "wav", "148 kB", "27 h", -10_800, 0, "5 h", "2", ("en", "draft"), ""),
    ("00e42c41d07ab3e5c60b2f94d7a81e35", "tts", "wav", "8.4 kB", "23 h", 2528, 0.03, "4 s", "27", ("en", "piper"), ""),
    (
        "0113de05a91c83fb",
        "tts",
        "wav",
        "5.6 kB",
        "2 h",
        79_380,
        0.92,
        "38 s",
        "63",
        ("en", "piper", "intro", "more"),
        "",
    ),
    ("014a8304bd95c7f0", "tts", "wav", "3.3 kB", "24 h", 231, 0.003, "1 min", "12", ("fr", "nova"), ""),
    ("0179f3cc26e0b194", "tts", "wav", "2.7 kB", "11 d", INF, NAN, "2 min", "904", ("en", "intro"), ""),
    ("<img src=x>\u202etxt.exe", "tts", "", "412 B", "15 h", NAN, NAN, "3 min", "35", (), "not valid JSON"),
    ("01d6e6b8190fd57a", "tts", "wav", "6.8 kB", "31 h", -25_200, 0, "9 h", "1", ("en", "draft"), ""),
    ("0205d0e7cb3f1624", "tts", "wav", "2.4 kB", "23 h", None, None, "6 min", "5", ("fr", "piper"), ""),
)


class Entries(QAbstractTableModel):
    """Sample rows under the roles that the delegates read."""

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(ENTRIES)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> object:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole and section in RIGHT:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = 0) -> object:
        row = ENTRIES[index.row()]
        shown = (display_text(row[0]), row[1], row[2], row[3], row[4], "", row[7], row[8], "")
        by_role = {
            Qt.ItemDataRole.DisplayRole: shown[index.column()],
            Role.TTL: row[5],
            Role.TTL_SHARE: row[6],
            Role.TAGS: row[9],
            Role.PROBLEM: row[10],
        }
        return by_role.get(role)


def entry_table() -> EntryTableView:
    """The table with all TTL states, a broken entry and a selected row."""
    view = EntryTableView()
    model = Entries(view)
    view.setModel(model)
    kinds = {0: KeyDelegate, 2: NoteDelegate, 3: FigureDelegate, 4: QuietFigureDelegate, 5: TtlDelegate}
    kinds |= {6: QuietFigureDelegate, 7: FigureDelegate, 8: TagDelegate}
    for column, kind in kinds.items():
        view.setItemDelegateForColumn(column, kind(view))
    for column, width in enumerate((144, 84, 100, 68, 56, 104, 78, 56, 140)):
        view.setColumnWidth(column, width)
    view.set_minimum_width(5, MINIMUM_WIDTH)
    view.horizontalHeader().setSortIndicator(0, Qt.SortOrder.AscendingOrder)
    view.selectRow(4)
    return view


def wave(count: int, base: float, seed: int) -> np.ndarray:
    """A hit rate that wanders."""
    steps = np.random.default_rng(seed).normal(0, 0.02, count)
    return np.clip(base + np.cumsum(steps - steps.mean()) * 0.5 + 0.08 * np.sin(np.arange(count) / 20), 0.3, 0.95)


def left_panel() -> QWidget:
    """Attached caches in every state, and recent ones."""
    panel = QWidget()
    panel.setFixedWidth(240)
    attached = [
        CacheRow(
            "image comparisons",
            "json-directory",
            entries=1862,
            volume=214e6,
            hit_rate=0.83,
            spark=tuple(wave(40, 0.8, 1)),
        ),
        CacheRow("AI responses", "json-file", read_only=True, entries=97, volume=412e3),
        CacheRow(
            "AI operations",
            "multi-level",
            CacheState.READING,
            entries=2318,
            volume=64.2e6,
            hit_rate=0.71,
            spark=(*wave(14, 0.7, 2), *[NAN] * 4, *wave(22, 0.75, 3)),
        ),
        CacheRow(
            "media assets", "asset-cache", entries=48310, volume=393e6, hit_rate=0.64, spark=tuple(wave(40, 0.6, 4))
        ),
        CacheRow(
            "API responses",
            "redis",
            CacheState.UNREACHABLE,
            entries=9406,
            volume=71.8e6,
            hit_rate=0.48,
            spark=tuple(wave(40, 0.5, 5)),
        ),
        CacheRow("a cache with a very long name that goes on", "strange-plugin", CacheState.PAUSED),
    ]
    places = [PlaceRow("staging sessions", "redis", "2 days ago"), PlaceRow("page cache", "diskcache", "88.1 MB")]
    layout = QVBoxLayout(panel)
    layout.setContentsMargins(0, 8, 0, 8)
    for title, rows in (("Attached", attached), ("Recent", places)):
        head = QHBoxLayout()
        head.setContentsMargins(16, 4, 12, 4)
        head.addWidget(plain_label(title, "label"))
        head.addStretch(1)
        head.addWidget(IconButton("attach", "Attach a cache"))
        layout.addLayout(head)
        view, model = CacheListView(title), CacheListModel(panel)
        model.set_rows(rows)
        view.setModel(model)
        view.fit()
        layout.addWidget(view)
        if title == "Attached":
            view.setCurrentIndex(model.index(3))
    layout.addStretch(1)
    return panel


def header() -> QFrame:
    """The cache header with its tabs."""
    frame = QFrame()
    frame.setProperty("ground", "header")
    tabs = PageTabs("Views of the cache", ("Entries", "Dashboard", "Activity"))
    top = QHBoxLayout()
    mark = IconButton(format_icon("asset-cache"), "asset-cache", role="text")
    for widget in (mark, plain_label("media assets", "heading"), plain_label("asset-cache", "badge")):
        top.addWidget(widget)
    top.addWidget(plain_label("~/projects/lessons/cache", "mono-note"))
    top.addStretch(1)
    top.addWidget(plain_label("Hit rate 64 %, recorded", "note"))
    top.addWidget(plain_label("target 60 % met", "badge-good"))
    layout = QVBoxLayout(frame)
    layout.setContentsMargins(16, 10, 16, 0)
    layout.addLayout(top)
    layout.addWidget(tabs)
    return frame


def search_row() -> QWidget:
    """A search with foretold result, and one that is wrong."""
    box = QWidget()
    layout = QVBoxLayout(box)
    layout.setContentsMargins(16, 12, 16, 10)
    layout.setSpacing(10)
    row = QHBoxLayout()
    search = SearchBox()
    search.set_text("ns:tts stale size>100kb")
    search.set_colors([(0, 3, "accent"), (7, 12, "stale"), (13, 18, "accent")])
    search.set_result("4 entries, 0.6 MB")
    search.set_hint_visible(True)
    save = SecondaryButton("Save view", "save")
    row.addWidget(search, 1)
    row.addWidget(save, 0, Qt.AlignmentFlag.AlignTop)
    wrong = SearchBox()
    wrong.set_text("stale size>100qb")
    wrong.set_problem("“100qb” is no size. Write it like 100kb, 5mb or 1gb.", (11, 16))
    chips = QHBoxLayout()
    chips.setSpacing(8)
    chips.addWidget(plain_label("Shown", "note"))
    chips.addWidget(ConditionChip("ns:tts"))
    chips.addSpacing(8)
    chips.addWidget(plain_label("Add", "note"))
    for text, count in (("stale", 312), ("unread", 47), ("ttl<1h", 38), ("problem", 0)):
        chips.addWidget(Chip(text, count))
    toggled = ToggleChip("forever", 40)
    toggled.setChecked(True)
    chips.addWidget(toggled)
    chips.addStretch(1)
    layout.addLayout(row)
    layout.addWidget(wrong)
    layout.addLayout(chips)
    return box


def facets() -> QWidget:
    """Namespaces, lifetimes and a hostile tag."""
    panel = QFrame()
    panel.setProperty("ground", "facets")
    panel.setFixedWidth(184)
    layout = QVBoxLayout(panel)
    layout.setContentsMargins(16, 0, 12, 8)
    groups = {
        "Namespaces": (Facet("image", 47_106, 388e6), Facet("tts", 1204, 3.2e6)),
        "Lifetime": (Facet("fresh", 852, 2e6), Facet("stale", 312, 1.1e6), Facet("forever", 40, 1e5)),
        "Tags": (Facet("<b>a long hostile tag</b>", 812, 2.1e6), Facet("de", 214)),
    }
    for title, rows in groups.items():
        group = FacetGroup(title)
        group.set_facets(rows)
        group.set_chosen(frozenset({"tts"}))
        layout.addWidget(group)
    layout.addStretch(1)
    return panel


def entries_page() -> QWidget:
    """What stands around the table of entries."""
    page = QFrame()
    middle = QFrame()
    middle.setProperty("ground", "surface")
    undo, notice, busy = UndoBar(), NoticeBar(), BusyLine()
    undo.show_done("Purged 312 entries, 1.1 MB.")
    notice.show_problem("The server does not answer.", "Start it, then try again. Shown is what was read at 14:59.")
    busy.set_busy(True, 0.6)
    table = QVBoxLayout()
    table.setSpacing(0)
    for widget in (busy, entry_table()):
        table.addWidget(widget)
    bar = QHBoxLayout()
    bar.setContentsMargins(16, 8, 16, 8)
    bar.addWidget(undo)
    table.addLayout(bar)
    row = QHBoxLayout()
    row.setSpacing(0)
    row.addWidget(facets())
    row.addLayout(table, 1)
    inside = QVBoxLayout(middle)
    inside.setContentsMargins(0, 0, 0, 0)
    inside.setSpacing(0)
    for widget in (header(), notice, search_row()):
        inside.addWidget(widget)
    inside.addLayout(row, 1)
    layout = QHBoxLayout(page)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    layout.addWidget(left_panel())
    layout.addWidget(middle, 1)
    page.resize(1290, 860)
    return page


def figures() -> QHBoxLayout:
    """The six figures of the Dashboard, one of them not recorded."""
    row = QHBoxLayout()
    row.setSpacing(16)
    samples = (
        ("Hit rate", "71.4", "%", "recorded", "11.4 points above target", "good"),
        ("Lookups", "18,642", "", "recorded", "13,310 hits, 5,332 misses", "plain"),
        ("Entries", "2,318", "", "recorded", "2,104 fresh, 214 stale", "plain"),
        ("Volume", "64.2", "MB", "sampled", "9.6 MB reclaimable, 15 %", "stale"),
        ("Churn", "+42 −31", "/min", "derived", "stored, removed", "plain"),
        ("Time saved", None, "", "", "no access recorded", "plain"),
    )
    for title, figure, unit, source, note, tone in samples:
        card = FigureCard(title)
        card.set_figure(figure, unit, source)
        card.set_note(note, tone)
        row.addWidget(card)
    return row


def charts() -> QGridLayout:
    """All charts with the gaps of the target picture."""
    grid = QGridLayout()
    grid.setSpacing(16)
    now = 1_795_186_800.0
    times = now - np.arange(480)[::-1] * 180.0
    rates = wave(480, 0.7, 7)
    volume, entries = np.linspace(52e6, 64e6, 480), np.linspace(2000, 2318, 480)
    stored = np.abs(np.random.default_rng(1).normal(40, 18, 60))
    removed = np.abs(np.random.default_rng(2).normal(30, 20, 60))
    churn_times = now - np.arange(60)[::-1] * 1440.0
    for series in (rates, volume, entries):
        series[84:138] = NAN
        series[336:360] = NAN
    stored[10:17], removed[10:17] = NAN, NAN
    hit_rate = HitRatePlot()
    hit_rate.set_target(0.6)
    hit_rate.set_series(times, rates)
    sizes, counts, churn, expiry = volume_plot(), entries_plot(), ChurnPlot(), ExpiryPlot()
    sizes.set_series(times, [volume, volume * 0.16])
    counts.set_series(times, [entries, entries * 0.12])
    churn.set_series(churn_times, stored, removed)
    expiry.set_counts(214, [45, 75, 138, 220, 305, 390, 345, 268, 196, 92, 30, 0])
    spaces = [
        ("summarize", 704, 20.9e6, 3e6),
        ("extract", 512, 15.8e6, 2.4e6),
        ("analyze", 468, 12.7e6, 1.2e6),
        ("translate", 341, 8.3e6, 1e6),
        ("classify", 201, 4.2e6, 7e5),
        ("generate", 92, 2.3e6, 4e5),
    ]
    biggest = BarList("Biggest namespaces")
    biggest.set_bars(namespace_bars(spaces))
    rate_legend = (("accent", "hit rate"), ("soon", "target 60 %"), ("control", "nothing recorded"))
    layout = (
        (hit_rate, "Hit rate per interval", rate_legend, "recorded", (0, 0, 1, 3)),
        (biggest, "Biggest namespaces", (("accent", "fresh"), ("stale", "stale")), "recorded", (0, 3, 1, 1)),
        (sizes, "Volume", (("accent", "total"), ("stale", "reclaimable")), "sampled", (1, 0, 1, 1)),
        (counts, "Entries", (("fresh", "fresh"), ("stale", "stale")), "recorded", (1, 1, 1, 1)),
        (churn, "Churn", (("fresh", "stored"), ("control", "removed")), "derived", (1, 2, 1, 1)),
        (expiry, "What expires when", (), "recorded", (1, 3, 1, 1)),
    )
    for content, title, legend, source, place in layout:
        card = Card(title, source, legend)
        card.body.addWidget(content)
        if content is biggest:
            card.body.addStretch(1)
        grid.addWidget(card, *place)
    grid.setRowStretch(0, 1)
    grid.setRowStretch(1, 1)
    for column in range(4):
        grid.setColumnStretch(column, 1)
    return grid


def dashboard_page() -> QWidget:
    """Ranges, figures and charts."""
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(16, 16, 16, 16)
    layout.setSpacing(16)
    ranges = SegmentedButtons("Range", ("5 min", "15 min", "1 h", "6 h", "24 h", "7 d", "30 d", "All"))
    ranges.choose("24 h")
    top = QHBoxLayout()
    top.addWidget(ranges)
    top.addWidget(plain_label("one point every 3 min", "note"))
    top.addStretch(1)
    top.addWidget(SecondaryButton("Pause", "pause"))
    layout.addLayout(top)
    layout.addLayout(figures())
    layout.addLayout(charts(), 1)
    page.resize(1200, 760)
    return page


def parts_page() -> QWidget:
    """Buttons, icons, plan bars, empty state, figure without values."""
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setSpacing(16)
    buttons = QHBoxLayout()
    small = SecondaryButton("Attach")
    small.setProperty("row", "true")
    off, primary_off = SecondaryButton("Compact", "compact"), PrimaryButton("Purge")
    off.setEnabled(False)
    primary_off.setEnabled(False)
    kinds = (
        PrimaryButton("Purge 312 entries"),
        DangerButton("Clear 97 entries"),
        SecondaryButton("Cancel"),
        SecondaryButton("Stop", "stop"),
        small,
        LinkButton("Show all 312"),
        off,
        primary_off,
        IconButton("settings", "Settings"),
        StateDot("fresh"),
        plain_label("5 caches attached", "note"),
    )
    for button in kinds:
        buttons.addWidget(button)
    buttons.addStretch(1)
    icons = QGridLayout()
    for at, name in enumerate(PATHS):
        tool = IconButton(name, name, role="text")
        icons.addWidget(tool, at // 22, at % 22)
    plan, row = BarList("Stale for"), QHBoxLayout()
    plan.use_text_font()
    ages = (("under 1 hour", 41, 2e5, 0.22), ("1 hour to 1 day", 183, 7e5, 1.0), ("over 1 day", 88, 2e5, 0.48))
    plan.set_bars([Bar(name, count, size, (("stale", share),)) for name, count, size, share in ages])
    card = Card("Stale for")
    card.body.addWidget(plan)
    row.addWidget(card, 1)
    row.addWidget(EmptyState("size>100mb: 0 of 48,310 entries", "Clear search"), 1)
    views = SegmentedButtons("Value as", ("Tree", "Text", "Hex", "Response"))
    views.set_available("Response", False)
    row.addWidget(views, 0, Qt.AlignmentFlag.AlignTop)
    layout.addLayout(buttons)
    layout.addLayout(icons)
    layout.addLayout(row)
    layout.addStretch(1)
    page.resize(1000, 360)
    set_icon(off, "compact")
    return page


PAGES: dict[str, Callable[[], QWidget]] = {"entries": entries_page, "dashboard": dashboard_page, "parts": parts_page}


def main(folder: Path) -> None:
    """Write `<page>-<mode>.png` for every page; the last mode is reached by a live switch."""
    folder.mkdir(parents=True, exist_ok=True)
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    theme.apply(app, "light")
    for name, build in PAGES.items():
        page = build()
        page.show()
        for mode in ("light", "dark"):
            theme.apply(app, mode)
            loop = QEventLoop()
            QTimer.singleShot(400, loop.quit)  # charts lay their axes out after the first paint
            loop.exec()
            page.grab().save(str(folder / f"{name}-{mode}.png"))
        page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
