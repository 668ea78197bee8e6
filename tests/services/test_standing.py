import time

import numpy as np
import pytest
import redis

from cache_studio.model.columns import Reach
from cache_studio.services.attachment import Attachment
from cache_studio.services.standing import News, Phase, Standing, reading_words
from cache_studio.services.studio import Studio


@pytest.mark.parametrize(
    ("reach", "words"),
    [
        (None, "reading, 0 so far"),
        (Reach(1_000_000, each=True), "reading, 0 of about 1,000,000"),
        (Reach(1_000_000), "reading, 0 found among about 1,000,000 keys"),
        (Reach(1_000_000, each=True, part=2, parts=3), "reading, 0 of about 1,000,000, node 2 of 3"),
    ],
)
def test_the_words_say_what_is_known(reach: Reach | None, words: str) -> None:
    assert reading_words(Standing(Phase.READING, time.time(), reach=reach)) == words


@pytest.mark.redis
@pytest.mark.parametrize(("options", "end"), [("", "of about 3,000"), ("?prefix=a:", "found among about 3,000 keys")])
def test_a_listing_says_of_about_how_many(redis_url: str, options: str, end: str) -> None:
    with redis.Redis.from_url(redis_url, protocol=2) as client:
        client.mset({f"{'ab'[number % 2]}:{number}": "value" for number in range(3_000)})
    heard: list[str] = []

    def listen(attachment: Attachment, news: News) -> None:
        if news is News.VIEW and attachment.standing.reach is not None:
            heard.append(reading_words(attachment.standing))

    studio = Studio(follow=False, listener=listen)
    try:
        standing = studio.attach(studio.resolve(redis_url + options)).listed().result(20)
    finally:
        studio.close()
    assert heard
    assert all(words.endswith(end) for words in heard)
    assert 0 < int(heard[0].split()[1].replace(",", "")) < 3_000
    assert standing.reach is None
    assert standing.view is not None
    assert np.count_nonzero(standing.view.alive) == (1_500 if options else 3_000)
