from dataclasses import dataclass, field

import pytest
from views import INF, NAN, NOW, view_of

from cache_studio.model.capabilities import Ability, Capabilities
from cache_studio.model.columns import View
from cache_studio.model.entries import entry_at
from cache_studio.model.errors import BadRequest, EntryNotFound, UnsupportedAction
from cache_studio.model.matching import match
from cache_studio.model.selection import parse_selection
from cache_studio.services.plans import plan_clear, plan_evict, plan_invalidate, plan_purge, with_room
from cache_studio.services.standing import Phase, Standing
from cache_studio.trash.files import RESERVE, FileFolder
from cache_studio.trash.trash import Trash


@dataclass(frozen=True)
class Named:
    name: str = "cache"


@dataclass(frozen=True)
class Standing_:
    """What a plan looks at of an attachment."""

    standing: Standing
    place: Named = field(default_factory=Named)


def attachment_of(view: View | None, *abilities: Ability, **more: object) -> Standing_:
    given = abilities or (Ability.REMOVE, Ability.UNDO)
    return Standing_(Standing(Phase.LIVE, NOW, view, capabilities=Capabilities.of(given), **more))


@pytest.fixture
def view():
    return view_of(
        {"key": "stale", "ns": "x", "size": 10, "created": NOW - 90_000, "accessed": NOW - 50, "expires": NOW - 7200},
        {"key": "fresh", "ns": "x", "size": 20, "created": NOW - 600, "accessed": NOW - 500, "expires": NOW + 60},
        {"key": "forever", "ns": "y", "size": 400, "created": NOW - 30, "accessed": NOW - 30, "expires": INF},
        {"key": "unknown", "size": NAN, "expires": NAN},
    )


def keys_of(plan):
    return [plan.view.keys[row] for row in plan.rows]


def test_purge_takes_what_is_certainly_stale(view):
    plan = plan_purge(attachment_of(view), NOW)
    assert keys_of(plan) == ["stale"]
    assert (plan.count, plan.size, plan.kept, plan.kept_size) == (1, 10, 3, 420)
    assert plan.notes == ("1 entries left out: expiry not recorded.",)
    assert plan.first(5)[0].reason == "expired 2 h ago"
    assert [(group.name, group.entries) for group in plan.stale_for if group.entries] == [("1 hour to 1 day", 1)]
    assert plan.no_undo == ""


def test_a_selection_names_what_it_left_out(view):
    matched = match(parse_selection("idle>1m"), view, NOW)
    plan = plan_invalidate(attachment_of(view), matched, view, "idle>1m", NOW)
    assert keys_of(plan) == ["fresh"]
    assert plan.first(1)[0].reason == "matches idle>1m"
    assert plan.notes == ("1 entries left out: last access not recorded.",)


def test_clear_takes_all_or_one_namespace(view):
    assert plan_clear(attachment_of(view), None, NOW).count == 4
    plan = plan_clear(attachment_of(view), "x", NOW)
    assert keys_of(plan) == ["stale", "fresh"]
    assert [(group.name, group.entries) for group in plan.by_namespace] == [("x", 2)]
    with pytest.raises(EntryNotFound, match="z"):
        plan_clear(attachment_of(view), "z", NOW)


@pytest.mark.parametrize(
    ("policy", "limit", "keys"),
    [
        ("lru", {"to_entries": 2}, ["fresh", "stale"]),
        ("fifo", {"to_entries": 3}, ["stale"]),
        ("size", {"to_size": 30}, ["forever"]),
        ("size", {"to_size": 29}, ["forever", "fresh"]),
        ("ttl", {"to_entries": 2}, ["stale", "fresh"]),
        ("lru", {"to_size": 0}, ["fresh", "stale", "forever"]),
        ("lru", {"to_entries": 9}, []),
        ("lru", {"to_size": 430}, []),
    ],
)
def test_evict_goes_down_to_the_limit_and_not_below(view, policy, limit, keys):
    plan = plan_evict(attachment_of(view), policy, NOW, **limit)
    assert keys_of(plan) == keys
    if "to_size" in limit:
        assert plan.kept_size <= limit["to_size"]
        assert any("no recorded size" in note for note in plan.notes)


@pytest.mark.parametrize("limit", [{}, {"to_entries": 1, "to_size": 1}, {"to_entries": -1}, {"to_size": -1}])
def test_evict_needs_one_sensible_limit(view, limit):
    with pytest.raises(BadRequest):
        plan_evict(attachment_of(view), "lru", NOW, **limit)


def test_evict_refuses_where_the_policy_has_nothing_to_go_by(view):
    with pytest.raises(UnsupportedAction, match="hits"):
        plan_evict(attachment_of(view), "lfu", NOW, to_entries=1)


def test_a_plan_says_what_may_return_and_what_cannot_be_undone(view):
    plan = plan_clear(attachment_of(view, Ability.REMOVE, returns_entries="They may return."), None, NOW)
    assert plan.notes == ("They may return.",)
    assert plan.no_undo


def test_a_database_that_keeps_its_size_is_named_before(view):
    plan = plan_clear(attachment_of(view, Ability.REMOVE, frees_at_once=False), None, NOW)
    assert plan.notes == ("The database keeps its size until it is compacted.",)
    assert not plan.frees_at_once


def test_entries_that_are_too_large_to_be_copied_are_named_before(view):
    assert plan_clear(attachment_of(view, largest_copy=400), None, NOW).notes == ()
    assert plan_clear(attachment_of(view, largest_copy=399), None, NOW).notes == (
        "1 entry is larger than 399 B, which is not copied for undo: what is not copied stays.",
    )


def test_where_the_copies_have_no_room_a_plan_says_so_before(view, tmp_path, monkeypatch):
    trash = Trash(tmp_path, NOW)
    try:
        plan = plan_clear(attachment_of(view), None, NOW)
        assert with_room(plan, trash, plan.size) == plan
        assert "more than the 429 B that the trash keeps" in with_room(plan, trash, 429).notes[-1]
        monkeypatch.setattr(FileFolder, "free_bytes", lambda self: RESERVE + 100)
        full = with_room(plan, trash, plan.size)
        assert "need 430 B" in full.no_undo
        assert "room for 100 B" in full.no_undo
    finally:
        trash.close()


def test_nothing_is_planned_without_rights_or_before_the_listing(view):
    with pytest.raises(UnsupportedAction):
        plan_purge(attachment_of(view, Ability.READ), NOW)
    with pytest.raises(UnsupportedAction, match="opened"):
        plan_purge(attachment_of(None), NOW)


def test_the_largest_entries_come_first_in_what_is_shown(view):
    plan = plan_clear(attachment_of(view), None, NOW)
    assert [line.entry.key for line in plan.first(2)] == ["forever", "fresh"]
    batches = list(plan.batches(3))
    assert [len(batch) for batch in batches] == [3, 1]
    for seen in [one for batch in batches for one in batch]:
        row = view.row_of(seen.id)
        assert (seen.stamp, seen.title) == (view.stamp(row), (view.keys[row], entry_at(view, row).namespace))
