import threading

import pytest
from scripted import ScriptedAdapter

from cache_studio.model.errors import CacheUnavailable, UnsupportedAction
from cache_studio.model.plans import Verb
from cache_studio.services import act
from cache_studio.services.plans import plan_clear, plan_invalidate_ids
from cache_studio.services.studio import Studio
from cache_studio.trash.index import State


@pytest.fixture
def before(script):
    return dict(script.entries)


@pytest.fixture
def clear(attached, studio):
    """Remove everything."""

    def run(on_progress=lambda progress: None):
        return act.run(attached, plan_clear(attached, None, 0.0), studio.trash, "command", on_progress)

    return run


def undone(attachment, studio, action_id=None):
    return act.undo(attachment, act.find_action(studio.trash, action_id), studio.trash).future.result(5)


def test_removes_into_the_trash_and_brings_back(before, clear, attached, studio, script):
    progress = []
    outcome = clear(progress.append).future.result(5)
    assert (outcome.action, outcome.planned, outcome.removed, outcome.freed_bytes) == (Verb.CLEAR, 6, 6, 21)
    assert outcome.is_whole
    assert [step.done for step in progress] == [2, 4, 6]
    assert script.entries == {}
    assert len(attached.listed().result(5).view) == 0
    back = undone(attached, studio)
    assert (back.undo_id, back.restored, back.newer_kept, back.failed) == (outcome.undo_id, 6, 0, 0)
    assert script.entries == before
    assert studio.trash.action(outcome.undo_id).state is State.UNDONE


def test_what_changed_since_it_was_seen_stays(clear, script):
    plan_made = dict(script.entries)
    script.entries["key 2"] = b"newer"
    del script.entries["key 3"]
    outcome = clear().future.result(5)
    assert (outcome.removed, outcome.changed_meanwhile, outcome.gone) == (4, 1, 1)
    assert not outcome.is_whole
    assert script.entries == {"key 2": b"newer"}
    assert len(plan_made) == outcome.planned


def test_a_newer_value_stays_and_its_copy_waits(clear, attached, studio, script):
    outcome = clear().future.result(5)
    script.entries["key 1"] = b"newer"
    back = undone(attached, studio)
    assert (back.restored, back.newer_kept) == (5, 1)
    assert script.entries["key 1"] == b"newer"
    action = studio.trash.action(outcome.undo_id)
    assert (action.waiting, action.state) == (1, State.PARTLY)


def test_single_entries_come_back_and_the_others_wait(before, clear, attached, studio, script):
    outcome = clear().future.result(5)
    action = studio.trash.action(outcome.undo_id)
    progress = []
    only = studio.trash.named(action.id, ["key 2", "key 5"])
    back = act.undo(attached, action, studio.trash, progress.append, only).future.result(5)
    assert (back.restored, back.failed) == (2, 0)
    assert [(step.done, step.planned) for step in progress] == [(2, 2)]
    assert script.entries == {key: before[key] for key in ("key 2", "key 5")}
    action = studio.trash.action(outcome.undo_id)
    assert (action.waiting, action.state) == (4, State.PARTLY)
    assert undone(attached, studio, outcome.undo_id).restored == 4
    assert script.entries == before
    assert studio.trash.action(outcome.undo_id).state is State.UNDONE


def test_stopped_it_says_what_it_did_and_undo_brings_that_back(before, clear, attached, studio, script):
    stop_now = threading.Event()
    started = clear(lambda progress: (stop_now.set(), going_on.wait(5)))
    going_on = threading.Event()
    assert stop_now.wait(5)
    started.stop()
    going_on.set()
    outcome = started.future.result(5)
    assert outcome.stopped
    assert not outcome.is_whole
    assert outcome.removed == 2 == len(before) - len(script.entries)
    undone(attached, studio)
    assert script.entries == before


def test_a_server_that_goes_in_the_middle_of_a_batch_loses_nothing(before, clear, attached, studio, script):
    def go(number):
        if number == 1:
            raise CacheUnavailable("The server is gone.", "Start it.")

    script.before_remove = go
    outcome = clear().future.result(5)
    assert (outcome.removed, outcome.failed) == (3, 3)
    assert outcome.reasons == ("The server is gone. Start it.",)
    assert len(script.entries) == 3
    script.before_remove = lambda number: None
    assert undone(attached, studio, outcome.undo_id).restored == 3
    assert script.entries == before


def test_an_error_before_anything_was_done_is_the_answer(clear, script, attached):
    script.before_remove = lambda number: (_ for _ in ()).throw(CacheUnavailable("Gone."))
    script.entries = dict(list(script.entries.items())[:1])
    attached.refresh()
    attached.listed().result(5)
    with pytest.raises(CacheUnavailable):
        clear().future.result(5)


def test_an_empty_plan_leaves_no_trace(attached, studio):
    outcome = act.run(attached, plan_invalidate_ids(attached, [], 0.0), studio.trash, "command").future.result(5)
    assert (outcome.planned, outcome.undo_id, outcome.is_whole) == (0, None, True)
    assert studio.trash.actions() == []


def test_what_cannot_be_undone_is_said_before_and_written_down(attach, script, studio):
    script.no_undo = "This server gives no copies."
    attachment = attach()
    attachment.listed().result(5)
    plan = plan_clear(attachment, None, 0.0)
    assert plan.no_undo == "This server gives no copies."
    outcome = act.run(attachment, plan, studio.trash, "window").future.result(5)
    assert (outcome.removed, outcome.undo_id) == (6, None)
    (action,) = studio.trash.actions()
    assert (action.verb, action.removed, action.waiting, action.by) == ("clear", 6, 0, "window")
    with pytest.raises(UnsupportedAction, match="nothing"):
        act.find_action(studio.trash, action.id)


def test_read_only_removes_nothing(attach):
    attachment = attach(writable=False)
    attachment.listed().result(5)
    with pytest.raises(UnsupportedAction, match="read-only"):
        plan_clear(attachment, None, 0.0)
    with pytest.raises(UnsupportedAction, match="read-only"):
        act.plan_compact(attachment).result(5)


def test_undo_takes_the_newest_that_waits(attached, studio, script):
    for key in ("key 1", "key 2"):
        act.run(attached, plan_invalidate_ids(attached, [key], 0.0), studio.trash, "command").future.result(5)
        attached.listed().result(5)
    undone(attached, studio)
    assert "key 2" in script.entries
    assert "key 1" not in script.entries
    undone(attached, studio)
    assert "key 1" in script.entries
    with pytest.raises(UnsupportedAction, match="nothing to undo"):
        act.find_action(studio.trash)


def test_an_action_is_undone_once(clear, attached, studio):
    outcome = clear().future.result(5)
    undone(attached, studio, outcome.undo_id)
    with pytest.raises(UnsupportedAction, match="undone already") as caught:
        act.find_action(studio.trash, outcome.undo_id)
    assert caught.value.hint
    with pytest.raises(UnsupportedAction, match="no action"):
        act.find_action(studio.trash, "zzzzz")


def test_what_a_kill_left_open_is_settled_when_the_cache_is_attached_again(before, attached, studio, script):
    place = attached.place
    bin_ = studio.trash.begin("clear", str(place.target), "scripted", {}, place.name, 6, "command", 1.0)

    def as_far_as_the_kill(adapter):
        seen = [adapter_seen for batch in plan_clear(attached, None, 0.0).batches(4) for adapter_seen in batch][:4]
        adapter.remove(seen, bin_)
        script.entries["key 1"] = before["key 1"]  # its copy was taken, but it was not removed yet

    attached.call(as_far_as_the_kill).result(5)
    bin_._claim.retire()  # as the end of the process does
    assert act.find_action(studio.trash).id == bin_.action_id
    studio.close()

    again = Studio(follow=False)
    try:
        attachment = again.attach(place)
        attachment.listed().result(5)
        action = act.find_action(again.trash)
        assert (action.id, action.waiting, action.removed) == (bin_.action_id, 3, 3)
        assert undone(attachment, again).restored == 3
        assert script.entries == before
    finally:
        again.close()


def test_looks_again_and_counts_what_came_back(attached, studio, script, before):
    plan = plan_clear(attached, None, 0.0)
    outcome = act.run(attached, plan, studio.trash, "command").future.result(5)
    assert act.came_back(attached, plan, outcome, lambda: script.entries.update({"key 1": b"v", "key 9": b"n"})) == 1


def test_a_damaged_copy_is_said_and_the_others_come_back(clear, attached, studio, script):
    outcome = clear().future.result(5)
    with studio.trash._database.transaction() as write:
        write.execute("UPDATE copies SET data=x'00' WHERE id=(SELECT min(id) FROM copies)")
    back = undone(attached, studio, outcome.undo_id)
    assert (back.restored, back.failed) == (5, 1)
    assert "damaged" in back.reasons[0]


def test_an_undo_that_fails_in_the_middle_keeps_no_copy_of_what_is_back(
    before, clear, attached, studio, script, monkeypatch
):
    outcome = clear().future.result(5)
    whole = ScriptedAdapter.restore

    def restore_three(adapter, copies, kept):
        whole(adapter, copies[:3], kept)
        raise CacheUnavailable("The disk is gone.")

    monkeypatch.setattr(ScriptedAdapter, "restore", restore_three)
    with pytest.raises(CacheUnavailable, match="The disk is gone"):
        undone(attached, studio)
    action = studio.trash.action(outcome.undo_id)
    assert (action.state, action.restored, action.waiting) == (State.PARTLY, 3, 3)
    monkeypatch.setattr(ScriptedAdapter, "restore", whole)
    assert undone(attached, studio).restored == 3
    assert script.entries == before
