"""What the studio removes and brings back is told to the applications that keep entries in memory."""

import json
from pathlib import Path

from cache_studio.recording.generation import Generation
from cache_studio.recording.places import generation_path
from cache_studio.services import act
from cache_studio.services.plans import plan_clear
from cache_studio.services.studio import Studio


def test_a_removal_and_its_undo_each_make_a_new_generation(tmp_path: Path, studio: Studio) -> None:
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps({"a": {"response": "one", "created_at": 1.0}}))
    application = Generation(generation_path(str(answers)))
    attachment = studio.attach(studio.resolve(f"json-file:{answers}"))
    attachment.listed().result(10)
    tokens = [application.look()]
    outcome = act.run(attachment, plan_clear(attachment, None, 0.0), studio.trash, "command").future.result(10)
    assert outcome.removed == 1
    tokens.append(application.look())
    action = act.find_action(studio.trash, outcome.undo_id)
    assert act.undo(attachment, action, studio.trash).future.result(10).restored == 1
    tokens.append(application.look())
    assert len(set(tokens)) == 3


def test_a_cache_of_another_application_gets_no_file(tmp_path: Path, studio: Studio) -> None:
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps({"a": {"response": "one", "created_at": 1.0}}))
    attachment = studio.attach(studio.resolve(f"json-file:{answers}"))
    attachment.listed().result(10)
    act.run(attachment, plan_clear(attachment, None, 0.0), studio.trash, "command").future.result(10)
    assert not generation_path(str(answers)).exists()
