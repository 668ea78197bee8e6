"""What a place could be attached as: asks every format, in a child, and puts the answers in order."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from cache_studio import isolation
from cache_studio.adapters.base import Certainty, Format
from cache_studio.adapters.registry import all_formats, format_names, get_format
from cache_studio.config import project
from cache_studio.model.errors import BadRequest, CacheUnavailable, WrongFormat
from cache_studio.model.targets import Target, parse_target

LOOK_LIMITS = isolation.Limits(seconds=20.0)
"""A look at a place is bounded; a slow disk gets this long."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One way to attach a place. `options` are guesses to be shown and changed."""

    format: str
    certainty: Certainty
    target: Target
    note: str = ""
    places: tuple[str, ...] = ()
    """Several caches below a folder: which of them is to be chosen."""
    options: Mapping[str, str] = field(default_factory=dict)


def parse(text: str) -> Target:
    """The target a user wrote, paths made absolute; BadRequest when it makes no sense."""
    target = parse_target(text, format_names())
    if target.is_url:
        return target
    location = os.path.abspath(os.path.expanduser(target.location))
    return Target(location, target.format, target.options, target.password)


def propose(target: Target) -> list[Proposal]:
    """Every way to attach `target`, the surest first. Options that the target names win over guesses.

    CacheUnavailable for a missing path or an unreachable server, WrongFormat for what no format knows.
    """
    answers = _url_answers(target) if target.is_url else _path_answers(target)
    proposals = [_proposal(target, answer) for answer in answers]
    if target.format:
        proposals = [found for found in proposals if found.format == target.format]
        if not proposals:
            get_format(target.format)
            proposals = [Proposal(target.format, Certainty.LOOK, target)]
    if not proposals:
        raise WrongFormat(
            f"“{os.path.basename(target.location) or target.location}” is no cache of a known format.",
            "Name the format before a colon, as in json-table:./file.json; `formats` lists them.",
        )
    return proposals


def choose(proposals: list[Proposal]) -> Proposal:
    """The best proposal, or BadRequest with the places when several caches lie below the target."""
    best = proposals[0]
    several = [other for other in proposals if other.places]
    if len(several) > 1 and all(other.note == best.note for other in several):
        listed = ", ".join(place for other in several for place in other.places)
        raise BadRequest(f"Several caches lie here: {listed}.", "Attach one of them by its own path.")
    if len(best.places) > 1:
        listed = ", ".join(best.places[:5])
        raise BadRequest(f"Several caches lie here: {listed}.", "Attach one of them by its own path.")
    if best.places:
        target = Target(best.places[0], best.format, best.target.options, best.target.password)
        return Proposal(best.format, best.certainty, target, best.note, (), best.options)
    return best


def _proposal(target: Target, answer: Mapping[str, object]) -> Proposal:
    name = str(answer["format"])
    guessed = answer["options"]
    assert isinstance(guessed, Mapping)
    declared = {option.name for option in get_format(name).options}
    options = {key: str(value) for key, value in guessed.items()} | dict(target.options)
    known = {key: value for key, value in options.items() if key in declared or key in target.options}
    places = answer.get("places") or ()
    assert isinstance(places, list | tuple)
    return Proposal(
        format=name,
        certainty=Certainty(str(answer["certainty"])),
        target=target.with_options(known, name),
        note=str(answer.get("note", "")),
        places=tuple(str(place) for place in places),
        options=known,
    )


def _path_answers(target: Target) -> list[Mapping[str, object]]:
    if not os.path.lexists(target.location):
        raise CacheUnavailable(f"There is nothing at {target.location}.", "Check the path; nothing was created.")
    if not os.access(target.location, os.R_OK):
        raise CacheUnavailable(f"{target.location} cannot be read: no permission.", "Ask its owner for read access.")
    said = _project_answers(target.location)
    if said and said[0]["places"]:
        return said  # the folder of the project: what its file names, not what it looks like
    found = isolation.call("cache_studio.adapters.registry:recognise", target.location, limits=LOOK_LIMITS)
    assert isinstance(found, list)
    return [*said, *found]


def _project_answers(location: str) -> list[Mapping[str, object]]:
    """What the file of the project says of this path: of the cache itself, or of the caches below its folder.

    WrongFormat where the file is broken.
    """
    file = project.file_of(location)
    named = [cache for cache in project.caches_of(file) if cache.format in format_names()] if file else []
    here = os.path.realpath(location)
    if file is not None and here == os.path.realpath(file.parent):
        return [_answer(cache, [cache.path]) for cache in named if os.path.lexists(cache.path)]
    return [_answer(cache, []) for cache in named if os.path.realpath(cache.path) == here]


def _answer(cache: project.ProjectCache, places: list[str]) -> Mapping[str, object]:
    note = f"As {project.FILE_NAME} says."
    return {"format": cache.format, "certainty": "sure", "options": cache.options, "note": note, "places": places}


def _url_answers(target: Target) -> list[Mapping[str, object]]:
    if not formats_for(target):
        raise WrongFormat(f"No format opens {target.location.partition('://')[0]}:// targets.", "`formats` lists them.")
    from cache_studio.adapters.redis_opening import recognise_url  # loads the driver, which only a URL needs

    return list(recognise_url(target))


def formats_for(target: Target) -> list[Format]:
    """The formats that open this kind of target."""
    scheme = target.location.partition("://")[0] if target.is_url else ""
    return [known for known in all_formats() if (scheme in known.schemes if scheme else not known.schemes)]
