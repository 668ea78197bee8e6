"""Where a cache is, in words; what its server is for; and when it may be changed without being asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from cache_studio.config.profiles import Profile
from cache_studio.model.environments import Environment, guessed_environment
from cache_studio.model.targets import parse_target
from cache_studio.services.studio import Studio
from cache_studio.services.whereabouts import is_unchecked, place_words, whereabouts, why_read_only


@pytest.fixture
def studio() -> Iterator[Studio]:
    made = Studio(follow=False)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("redis://me@db.example:7000/3?prefix=a:", "db.example:7000, database 3"),
        ("redis://h?db=4", "h:6379, database 4"),
        ("redis://[::1]/0", "[::1]:6379, database 0"),
        ("rediss://h/1?ssh=me@hop:22", "h:6379, database 1, through ssh me@hop:22"),
        ("redis+sentinel://a,b:2/orders/5", "orders of a:26379, b:2, database 5"),
        ("redis+cluster://me@a:1,b:2", "cluster of a:1, b:2"),
        ("unix:///run/r.sock?db=2", "/run/r.sock, database 2"),
        ("redis://h/none", "h/none"),
        ("/a/cache", "/a/cache"),
    ],
)
def test_host_and_database_are_named_without_the_user(text: str, words: str) -> None:
    assert whereabouts(parse_target(text)) == words


@pytest.mark.parametrize(
    ("text", "guess"),
    [
        ("redis://localhost", "development"),
        ("unix:///s", "development"),
        ("redis://localhost?ssh=me@h", "none"),
        ("redis://db.example", "none"),
        ("redis+cluster://localhost,db.example", "none"),
        ("./cache", "none"),
    ],
)
def test_only_what_is_certain_is_guessed(text: str, guess: str) -> None:
    assert guessed_environment(parse_target(text)) == guess


def test_only_tls_that_looks_away_is_loud() -> None:
    loud = [text for text in ("rediss://h?verify=off", "rediss://h", "redis://h?verify=off", "rediss+sentinel://h/m?verify=off")
            if is_unchecked(parse_target(text))]  # fmt: skip
    assert loud == ["rediss://h?verify=off", "rediss+sentinel://h/m?verify=off"]


@pytest.mark.redis
def test_a_mark_belongs_to_the_server_and_production_opens_read_only(studio: Studio, redis_url: str) -> None:
    place = studio.resolve(f"{redis_url}?prefix=a:&format=redis")
    assert (place.environment, place.writable) == (Environment.DEVELOPMENT, True)
    studio.remember(replace(place, environment=Environment.PRODUCTION))
    for text in (str(place.target), f"{redis_url.replace('/0', '/5')}?prefix=b:&format=redis"):
        again = studio.resolve(text)
        assert (again.environment, again.writable) == (Environment.PRODUCTION, False)
        assert why_read_only(again) == "it is in production"
        assert place_words(again).startswith("PRODUCTION, 127.0.0.1:")


def test_another_port_or_way_is_another_server(studio: Studio) -> None:
    def known(text: str, environment: Environment) -> None:
        studio.remember(replace(studio.place_of(parse_target(text)), environment=environment))

    known("redis://me@localhost:7000/0?prefix=a:&format=redis", Environment.PRODUCTION)
    assert studio.environment_of(parse_target("redis://localhost:7000/3?prefix=b:")) is Environment.PRODUCTION
    assert studio.environment_of(parse_target("redis://localhost:7001")) is Environment.DEVELOPMENT
    assert studio.environment_of(parse_target("redis://localhost:7000?ssh=me@hop")) is Environment.NONE
    known("redis://localhost:7000/0?prefix=c:&format=redis", Environment.STAGING)
    assert studio.environment_of(parse_target("redis://localhost:7000")) is Environment.STAGING, "what was said last"


def test_a_server_elsewhere_that_was_switched_stays_switched_unless_in_production(studio: Studio) -> None:
    place = studio.place_of(parse_target("redis://db.example/0?format=redis"))
    assert (place.writable, why_read_only(place)) == (False, "it is on another host")
    for environment, writable in ((Environment.STAGING, True), (Environment.PRODUCTION, False)):
        kept = studio.remember(replace(place, name="orders", writable=True, environment=environment))
        assert studio.resolve(kept.name).writable is writable


def test_a_profile_of_before_and_one_with_nonsense_fall_back_to_the_guess(studio: Studio) -> None:
    for word in ("", "nonsense"):
        studio.profiles.remember(Profile("old", "redis://localhost:7000/0?format=redis", "redis", environment=word))
        assert studio.resolve("old").environment is Environment.DEVELOPMENT
