"""A studio without a window, and a scripted cache attached to it."""

from collections.abc import Callable, Iterator

import pytest
from scripted import Script, place_of

from cache_studio.services.attachment import Attachment
from cache_studio.services.studio import Studio


@pytest.fixture
def studio() -> Iterator[Studio]:
    """Closed at the end, with everything attached to it."""
    opened = Studio(follow=False)
    yield opened
    opened.close()


@pytest.fixture
def script(request: pytest.FixtureRequest) -> Script:
    """Six entries of one to six bytes."""
    return Script({f"key {number}": b"v" * number for number in range(1, 7)})


@pytest.fixture
def attach(studio: Studio, script: Script, request: pytest.FixtureRequest) -> Callable[..., Attachment]:
    """Attach the script; `listed()` it yourself."""
    return lambda **how: studio.attach(place_of(script, request.node.name, **how))


@pytest.fixture
def attached(attach: Callable[..., Attachment]) -> Attachment:
    """The script attached and completely listed."""
    attachment = attach()
    attachment.listed().result(5)
    return attachment
