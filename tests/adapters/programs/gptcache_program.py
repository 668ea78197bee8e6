"""GPTCache's scalar store: questions, answers of one and more, sessions and served hits."""

from pathlib import Path

import numpy as np
from gptcache.manager.scalar_data.base import Answer, CacheData, DataType
from gptcache.manager.scalar_data.sql_storage import SQLStorage

QUESTIONS = ["what is a fox?", "two answers", "плитка", "emoji 🦊", "<b>html</b>", "line\nbreak", "with\0nul"]
QUESTIONS += ["hit 1", "hit 2", "long " * 400, "picture", "last"]
_storage = None


def _data(key, text, count=1):
    answers = [Answer(f"{text} {n}", DataType.STR) for n in range(count)]
    return CacheData(key, answers, np.arange(8, dtype=np.float32), session_id="session 1" if key == "last" else None)


def make(folder):
    path = Path(folder) / "sqlite.db"
    open(str(path))
    _storage.batch_insert([_data(key, f"answer to {key}", 2 if "two" in key else 1) for key in QUESTIONS])
    for key, count in (("hit 1", 1), ("hit 2", 3)):
        for _ in range(count):
            _storage.report_cache(f"like {key}", key, _id(key), "the answer", 0.75, 0.1)
    _storage.batch_insert([_data("soft deleted", "gone")])
    delete("soft deleted")
    _storage._engine.dispose()
    return {"location": "sqlite.db"}


def _id(key):
    with _storage.Session() as session:
        found = session.query(_storage._ques.id).filter(_storage._ques.question == key, _storage._ques.deleted == 0)
        return found.scalar()


def truth(location):
    open(location)
    return [{"key": _storage.get_data_by_id(one).question, "expires": None} for one in _storage.get_ids(deleted=False)]


def open(location):
    global _storage
    _storage = SQLStorage(url=f"sqlite:///{location}")


def holds(key):
    found = _id(key)
    return found is not None and _storage.get_data_by_id(found) is not None


def complaints():
    ids = _storage.get_ids(deleted=False)
    found = [] if _storage.count() == len(ids) else ["its count is another"]
    return found + [f"{one} has no answer" for one in ids if not _storage.get_data_by_id(one).answers]


def rewrite(key):
    found = _id(key)
    if found is None:
        _storage.batch_insert([_data(key, "another, longer answer " * 50)])
        return
    with _storage.Session() as session:
        answers = session.query(_storage._answer).filter(_storage._answer.question_id == found)
        answers.update({"answer": "another, longer answer " * 50})
        session.commit()


def delete(key):
    _storage.mark_deleted([_id(key)])


def clear():
    """What GPTCache does now and then: remove for good what is marked."""
    _storage.clear_deleted_data()


def marked():
    return len(_storage.get_ids(deleted=True))
