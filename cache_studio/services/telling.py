"""Tells running applications that what is stored was changed, so that they read again what they keep in memory."""

from contextlib import suppress

from cache_studio.model.errors import BadRequest
from cache_studio.recording.generation import bump_where_used
from cache_studio.recording.places import generation_path
from cache_studio.services.attachment import Attachment


def tell_applications(attachment: Attachment) -> None:
    """Make a new generation of the cache where any application uses it. In Redis the server tells by itself."""
    target = attachment.place.target
    if target.is_url:
        return
    with suppress(BadRequest):  # a place without a name has nothing beside it
        bump_where_used(generation_path(attachment.place.format.home(target.location)))
