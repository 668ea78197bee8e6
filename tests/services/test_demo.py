import pytest

from cache_studio.services.demo import Demo
from cache_studio.services.studio import Studio


@pytest.mark.timeout(120)
def test_every_cache_of_the_demo_is_attached_and_counts(tmp_path):
    with Demo() as demo:
        studio = Studio(follow=False)
        try:
            attached = [studio.attach(studio.resolve(target)) for target in demo.start()[:4]]
            kept = [studio.remember(attachment.place) for attachment in attached]
            standings = [attachment.listed().result(30) for attachment in attached]
        finally:
            studio.close()
        folder = demo.folder
        remembered = studio.profiles.all()
    assert [len(standing.view) > 5 for standing in standings] == [True] * 4
    assert [standing.counters.source for standing in standings] == ["recorded"] * 4
    assert all(standing.counters.hits for standing in standings)
    assert not folder.exists()
    assert (remembered, len(kept)) == ([], 4)
