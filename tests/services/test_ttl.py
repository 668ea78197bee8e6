import math
import threading
import time

import numpy as np
import pytest
from expiring import Cache, place_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cache_studio.model.errors import BadRequest, CacheUnavailable, UnsupportedAction
from cache_studio.model.ttl import Kind, TtlChange
from cache_studio.services import act, ttl
from cache_studio.services.studio import Studio
from cache_studio.trash.index import State

NOW = 1_700_000_000.0
HOUR = 3_600.0
SET = TtlChange(Kind.SET, 2 * HOUR)
EXTEND = TtlChange(Kind.EXTEND, HOUR)
PERSIST = TtlChange(Kind.PERSIST)


@pytest.fixture
def cache():
    """A stale entry, two fresh ones, one that never expires, one of which nothing is recorded."""
    now = time.time()
    return Cache({"stale": now - 60, "fresh": now + 60, "later": now + 900, "forever": math.inf, "unknown": math.nan})


@pytest.fixture
def attached(studio, cache, request):
    return listed(studio, cache, request.node.name)


def listed(studio, cache, name, **how):
    attachment = studio.attach(place_of(cache, name, **how))
    attachment.listed().result(5)
    return attachment


def planned(attachment, change, keys=None, now=None):
    view = attachment.listed().result(5).view
    rows = [row for row in view.rows().tolist() if keys is None or view.keys[row] in keys]
    return ttl.plan_ttl(attachment, view, np.asarray(rows, np.intp), change, time.time() if now is None else now, None)


def changed(attachment, studio, change, keys=None):
    return ttl.run(attachment, planned(attachment, change, keys), studio.trash, "command").future.result(5)


def undone(attachment, studio, action_id=None):
    return act.undo(attachment, act.find_action(studio.trash, action_id), studio.trash).future.result(5)


def known(cache):
    return {key: moment for key, moment in cache.expires.items() if not math.isnan(moment)}


def test_a_plan_says_what_changes_from_when_to_when_and_what_stays(attached, cache):
    now = time.time()
    plan = planned(attached, SET, now=now)
    assert (plan.count, plan.left_out, plan.stale) == (4, 1, 1)
    assert (plan.before.first, plan.before.last, plan.before.forever) == (
        cache.expires["stale"], cache.expires["later"], 1,
    )  # fmt: skip
    assert (plan.after.first, plan.after.last, plan.after.forever) == (now + 2 * HOUR, now + 2 * HOUR, 0)
    assert plan.notes == (
        "1 entry among them is stale and fresh again then.", "1 entry left out: expiry not recorded.",
    )  # fmt: skip
    plan = planned(attached, EXTEND, now=now)
    assert (plan.count, plan.after.first, plan.after.last) == (3, now + HOUR, cache.expires["later"] + HOUR)
    assert "1 entry left out: no expiry to extend." in plan.notes
    assert plan.notes[0].endswith("; what is added counts from now.")
    plan = planned(attached, PERSIST)
    assert (plan.count, plan.after.first, plan.after.forever) == (3, None, 3)
    assert "1 entry left out: no expiry to take away." in plan.notes


def test_a_change_is_done_in_batches_and_put_back(attached, studio, cache):
    before = known(cache)
    progress = []
    began = time.time()
    outcome = ttl.run(attached, planned(attached, SET), studio.trash, "window", progress.append).future.result(5)
    assert (outcome.change, outcome.planned, outcome.set, outcome.is_whole) == (Kind.SET, 4, 4, True)
    assert [(step.done, step.planned) for step in progress] == [(2, 4), (4, 4)]
    assert all(began <= moment - 2 * HOUR <= time.time() for moment in known(cache).values())
    (action,) = studio.trash.actions()
    assert (action.verb, action.removed, action.waiting, action.by) == ("ttl", 4, 4, "window")
    assert action.note == "TTL set to 2 h."
    back = undone(attached, studio)
    assert (back.undo_id, back.restored, back.newer_kept, back.failed) == (outcome.undo_id, 4, 0, 0)
    assert known(cache) == before
    assert studio.trash.action(outcome.undo_id).state is State.UNDONE


@pytest.mark.parametrize("change", [EXTEND, PERSIST], ids=["extend", "persist"])
def test_extend_and_persist_are_put_back(attached, studio, cache, change):
    before, now = known(cache), time.time()
    assert changed(attached, studio, change).set == 3
    if change is PERSIST:
        assert set(known(cache).values()) == {math.inf}
    else:
        assert cache.expires["later"] == before["later"] + HOUR
        assert cache.expires["stale"] >= now + HOUR
    assert undone(attached, studio).restored == 3
    assert known(cache) == before


def test_after_a_restart_it_is_put_back_and_what_the_application_set_stays(attached, studio, cache):
    before = known(cache)
    outcome = changed(attached, studio, SET)
    cache.store("fresh", NOW)
    cache.remove("later")
    studio.close()
    again = Studio(follow=False)
    try:
        attachment = again.attach(attached.place)
        attachment.listed().result(5)
        back = undone(attachment, again, outcome.undo_id)
        assert (back.restored, back.newer_kept, back.failed) == (2, 2, 0)
        assert set(back.reasons) == {"The application gave it another expiry.", "The application removed it meanwhile."}
        assert known(cache) == {"stale": before["stale"], "forever": math.inf, "fresh": NOW}
        assert again.trash.action(outcome.undo_id).state is State.UNDONE
        with pytest.raises(UnsupportedAction, match="nothing to undo"):
            act.find_action(again.trash)
    finally:
        again.close()


def test_what_changed_since_it_was_seen_keeps_its_expiry(attached, studio, cache):
    plan = planned(attached, SET)
    cache.store("fresh", NOW)
    cache.remove("later")
    outcome = ttl.run(attached, plan, studio.trash, "command").future.result(5)
    assert (outcome.set, outcome.changed_meanwhile, outcome.gone, outcome.is_whole) == (2, 1, 1, False)
    assert cache.expires["fresh"] == NOW
    assert studio.trash.action(outcome.undo_id).waiting == 2


def test_a_cache_that_stores_whole_seconds_is_put_back_too(attached, studio, cache):
    cache.whole_seconds = True
    cache.store("fresh", NOW)
    attached.refresh()
    assert changed(attached, studio, SET, {"fresh"}).set == 1
    cache.store("fresh", cache.expires["fresh"])  # the same moment: nothing newer
    assert undone(attached, studio).restored == 1
    assert cache.expires["fresh"] == NOW


def test_stopped_it_says_what_it_did_and_that_is_put_back(attached, studio, cache):
    before = known(cache)
    reached, going_on = threading.Event(), threading.Event()
    running = ttl.run(
        attached, planned(attached, SET), studio.trash, "command", lambda _: (reached.set(), going_on.wait(5))
    )
    assert reached.wait(5)
    running.stop()
    going_on.set()
    outcome = running.future.result(5)
    assert (outcome.stopped, outcome.set, outcome.is_whole) == (True, 2, False)
    assert undone(attached, studio).restored == 2
    assert known(cache) == before


def test_a_server_that_goes_in_the_middle_of_a_batch_loses_no_old_expiry(attached, studio, cache):
    def go(number):
        if number == 3:
            raise CacheUnavailable("The server is gone.", "Start it.")

    before = known(cache)
    cache.before_set = go
    outcome = changed(attached, studio, SET)
    assert (outcome.set, outcome.failed, outcome.reasons) == (3, 1, ("The server is gone. Start it.",))
    cache.before_set = lambda number: None
    assert undone(attached, studio).restored == 3
    assert known(cache) == before


@pytest.mark.parametrize("whole_seconds", [False, True])
@pytest.mark.parametrize("killed_at", [0, 1, 2, 3])
def test_a_kill_leaves_old_or_new_and_what_is_new_can_be_put_back(
    attached, studio, cache, killed_at, whole_seconds, monkeypatch
):
    class Killed(BaseException):
        """Nothing after it runs, as after a kill."""

    def kill(number):
        if number == killed_at:
            raise Killed

    if whole_seconds:
        cache.whole_seconds = True
        for key, moment in known(cache).items():
            cache.store(key, moment if math.isinf(moment) else math.floor(moment))
        attached.refresh()
        attached.listed().result(5)
    before = known(cache)
    cache.before_set = kill
    with monkeypatch.context() as dead:
        dead.setattr(ttl, "settle_left_open", lambda *_: None)
        with pytest.raises(Killed):
            changed(attached, studio, SET)
    cache.before_set = lambda number: None
    studio.close()
    moved = {key for key in before if cache.expires[key] != before[key]}
    assert len(moved) == killed_at
    again = Studio(follow=False)
    try:
        attachment = again.attach(attached.place)
        attachment.listed().result(5)
        assert again.trash.unsettled() == []
        if killed_at:
            action = act.find_action(again.trash)
            assert (action.waiting, action.state) == (killed_at, State.DONE)
            assert undone(attachment, again).restored == killed_at
        assert known(cache) == before
    finally:
        again.close()


def test_an_undo_that_was_killed_goes_on_where_it_ended(attached, studio, cache):
    before = known(cache)
    outcome = changed(attached, studio, SET)
    view = attached.listed().result(5).view
    entry = ttl.Seen("fresh", view.stamp(view.row_of("fresh")))
    try:
        with studio.trash.undoing(outcome.undo_id):
            attached.call(lambda adapter: adapter.set_expiry([entry], [before["fresh"]])).result(5)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert [action.id for action in studio.trash.unsettled()] == [outcome.undo_id]
    assert act.recover(attached, studio.trash).result(5) == 1
    action = studio.trash.action(outcome.undo_id)
    assert (action.state, action.restored, action.waiting) == (State.PARTLY, 1, 3)
    assert undone(attached, studio).restored == 3
    assert known(cache) == before


def test_many_entries_are_put_back_by_one_listing_where_looking_up_costs_one_each(studio, request, monkeypatch):
    monkeypatch.setattr("cache_studio.services.ttl_undo.UNDO_BATCH", 2)
    cache = Cache({f"key {number}": NOW + number for number in range(40)})
    cache.can_look_up = False
    before = dict(cache.expires)
    attachment = listed(studio, cache, request.node.name)
    assert changed(attachment, studio, SET).set == 40
    attachment.listed().result(5)
    cache.scans = 0
    assert undone(attachment, studio).restored == 40
    assert cache.scans <= 6
    assert cache.expires == before


def test_it_does_not_lie_in_the_trash_but_can_be_undone(attached, studio):
    outcome = changed(attached, studio, SET)
    assert studio.trash.usage() == (0, 0)
    assert studio.trash.search() == []
    assert studio.trash.empty() == (0, 0)
    assert act.find_action(studio.trash).id == outcome.undo_id
    assert studio.trash.empty([outcome.undo_id])[0] == 4


def test_an_empty_plan_leaves_no_trace(attached, studio):
    assert changed(attached, studio, EXTEND, {"forever"}).planned == 0
    assert studio.trash.actions() == []


def test_read_only_is_refused_with_the_reason(studio, cache, request):
    attachment = listed(studio, cache, request.node.name, writable=False)
    with pytest.raises(UnsupportedAction, match="read-only"):
        planned(attachment, SET)


@pytest.mark.parametrize("seconds", [0.0, -5.0, math.nan, math.inf, 1e12])
def test_a_duration_that_makes_no_sense_is_refused(seconds):
    for kind in (Kind.SET, Kind.EXTEND):
        with pytest.raises(BadRequest):
            TtlChange(kind, seconds)


KEYS = st.sampled_from("abcdef")
MOMENTS = st.one_of(st.floats(NOW - 1e6, NOW + 1e6), st.just(math.inf))
CHANGES = st.sampled_from([SET, EXTEND, PERSIST])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("change"), CHANGES, st.frozensets(KEYS, min_size=1)),
        st.tuples(st.just("store"), KEYS, MOMENTS),
        st.tuples(st.just("remove"), KEYS),
        st.tuples(st.just("undo")),
    ),
    max_size=8,
)


@given(st.dictionaries(KEYS, MOMENTS, min_size=1), STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_against_a_model(studio, entries, steps):
    """The model: a dict of expiries, and a stack of what each change found and left."""
    cache = Cache(entries)
    attachment = listed(studio, cache, "model")
    model, done = dict(entries), []
    try:
        for step in steps:
            attachment.refresh()
            match step:
                case ("change", change, keys):
                    before = dict(model)
                    outcome = changed(attachment, studio, change, keys)
                    now = {key: cache.expires[key] for key in before}
                    chosen = [k for k in keys & before.keys() if change.kind is Kind.SET or before[k] != math.inf]
                    assert outcome.set == len(chosen)
                    assert {k: v for k, v in now.items() if k not in chosen} == {
                        k: v for k, v in before.items() if k not in chosen
                    }
                    if chosen:
                        done.append((outcome.undo_id, {key: (before[key], now[key]) for key in chosen}))
                    model = now
                case ("store", key, moment):
                    cache.store(key, moment)
                    model[key] = moment
                case ("remove", key) if key in model:
                    cache.remove(key)
                    del model[key]
                case ("undo",) if done:
                    action_id, of = done.pop()
                    ours = {key: old for key, (old, new) in of.items() if model.get(key) == new}
                    back = undone(attachment, studio, action_id)
                    assert (back.restored, back.newer_kept) == (len(ours), len(of) - len(ours))
                    model |= ours
            assert cache.expires == model
    finally:
        studio.detach(attachment)
