"""The commands rename and flush: asked for by name, noted, and never more than was agreed to."""

import pytest
import redis

pytestmark = pytest.mark.redis


@pytest.fixture
def client(redis_url):
    with redis.Redis.from_url(redis_url, protocol=2) as found:
        yield found


def test_an_entry_is_renamed_and_noted(command, client, redis_url):
    client.set("old", "value", px=500_000)
    target = f"{redis_url}?format=redis"
    looked = command("rename", target, "old", "new", "--dry-run", "--format", "json")
    assert (looked.code, looked.json["renamed"], client.keys()) == (0, 0, [b"old"])
    assert command("rename", target, "old", "new").code == 1  # nobody is asked
    done = command("rename", target, "old", "new", "--yes", "--format", "json")
    assert (done.code, done.json) == (0, {"action": "rename", "key": "old", "new_key": "new", "renamed": 1})
    assert (client.get("new"), client.exists("old")) == (b"value", 0)
    assert command("rename", target, "old", "other", "--yes").code == 1
    client.set("taken", "other")
    refused = command("rename", target, "new", "taken", "--yes")
    assert refused.code == 1
    assert "already" in refused.err


def test_a_database_is_emptied_only_by_its_name(command, client, redis_url):
    client.mset({"a": 1, "b": 2})
    target, place = f"{redis_url}?format=redis", redis_url.removeprefix("redis://")
    assert command("flush", target, "--yes").code == 1
    wrong = command("flush", target, "--yes", "--confirm", f"{place}1")
    assert wrong.code == 2
    assert place in wrong.err
    assert command("flush", target, "--dry-run", "--format", "json").json["removed"] == 0
    assert client.dbsize() == 2
    done = command("flush", target, "--confirm", place, "--format", "json")
    assert (done.code, done.json) == (0, {"action": "flush", "place": place, "removed": 2})
    assert "cannot be undone" in done.err
    assert client.dbsize() == 0


def test_other_formats_say_that_they_cannot(command, tmp_path):
    (tmp_path / "cache").mkdir()
    refused = command("flush", f"json-directory:{tmp_path / 'cache'}", "--confirm", "x")
    assert refused.code == 1
    assert "clear" in refused.err
