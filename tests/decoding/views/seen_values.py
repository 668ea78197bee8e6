"""Values for the views: those of real libraries, from the program that writes them, and what a child makes of one."""

import base64
from io import BytesIO

from applications import running

from cache_studio.decoding.decode import decode
from cache_studio.decoding.views.look import look, look_flat
from cache_studio.decoding.views.shapes import Views
from cache_studio.isolation.wire import read_frame, write_frame


def real_values(function: str, libraries: str = "current") -> dict[str, bytes]:
    """What a function of the program wrote, by name."""
    with running("views_program", libraries) as application:
        return {name: base64.b64decode(text) for name, text in application.call(function).items()}


def seen(data: bytes, **beside: bytes) -> Views:
    """The views of a value whose other pieces are `beside`, after their way from the child."""
    pieces = {name: [part, len(part)] for name, part in beside.items()}
    wire = BytesIO()
    write_frame(wire, look_flat(data, "", len(data), pieces))
    wire.seek(0)
    flat = read_frame(wire)
    assert isinstance(flat, list)
    views = Views.from_list(flat[1])
    # NaN differs from itself, so the two are compared as they are written.
    assert repr(views) == repr(look(decode(data), {name: (part, len(part)) for name, part in beside.items()}))
    return views
