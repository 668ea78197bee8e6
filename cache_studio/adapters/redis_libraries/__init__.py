"""Caches that libraries keep in Redis with one key an entry; each is a format made of its row in `redis_specs`."""

from cache_studio.adapters import redis_specs as specs
from cache_studio.adapters.base import Format
from cache_studio.adapters.redis_keys import ACCESSED_OPTION, recognise
from cache_studio.adapters.redis_options import LINK_OPTIONS, SCHEMES
from cache_studio.model.capabilities import Ability
from cache_studio.model.options import Option, OptionKind


def format_of(name: str, title: str, prefix: str, adapter: str, abilities: frozenset[Ability]) -> Format:
    """The format of a library's cache in Redis; `adapter` is "module:Class"."""
    option = Option("prefix", OptionKind.TEXT, "Prefix", "Literal start of the library's keys.", prefix)
    options = (option, ACCESSED_OPTION, *LINK_OPTIONS)
    return Format(name, title, options, recognise, adapter, schemes=SCHEMES, abilities=abilities)


def format_of_library(library: specs.Library, adapter: str) -> Format:
    """The format that a row of `redis_specs` makes; `adapter` is "module:Class"."""
    return format_of(library.name, library.title, library.prefix, adapter, library.abilities)


def _format(library: specs.Library, adapter: str) -> Format:
    return format_of_library(library, f"{__name__}.adapter:{adapter}")


DJANGO = _format(specs.DJANGO, "DjangoAdapter")
FLASK = _format(specs.FLASK, "FlaskAdapter")
FASTAPI = _format(specs.FASTAPI, "FastapiAdapter")
AIOCACHE = _format(specs.AIOCACHE, "AiocacheAdapter")
LANGCHAIN = _format(specs.LANGCHAIN, "LangchainAdapter")
DOGPILE = _format(specs.DOGPILE, "DogpileAdapter")
CACHECONTROL = _format(specs.CACHECONTROL, "CachecontrolAdapter")
BEAKER = _format(specs.BEAKER, "BeakerAdapter")
CELERY = _format(specs.CELERY, "CeleryAdapter")
RQ = _format(specs.RQ, "RQAdapter")
