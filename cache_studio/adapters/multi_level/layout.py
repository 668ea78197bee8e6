"""The layout: `<cache_dir>/l3/<namespace>/<key>.cache`, a pickle of a dict of builtins.

A value is kept as text (`str`) where its bytes are UTF-8, which JSON text is, and as `bytes` otherwise:
it comes back to the byte, and nothing has to be run to read it. Values that the original application
pickled as objects can be looked at in the studio but are a miss for the runtime.
"""

import json
import math
import os
import pickle
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from cache_studio.adapters.file_names import escape, is_hash, unescape
from cache_studio.adapters.json_text import metadata_text
from cache_studio.adapters.key_access import Held
from cache_studio.adapters.mapping import FieldMap
from cache_studio.decoding.pickled.header import pickle_header
from cache_studio.decoding.pickled.read import read_pickle
from cache_studio.decoding.pickled.values import Collection
from cache_studio.model.errors import BadRequest
from cache_studio.model.times import number_of

FOLDER = "l3"
"""The folder of the disk level in the cache's folder."""
SUFFIX = ".cache"
SIGNATURE: Mapping[str, str] = {"created": "created_at", "ttl_field": "ttl", "tags": "tags"}
"""The fields of the original application, by the part they play."""
STORED_NAMESPACE = "namespace"
METADATA = "metadata"
"""The runtime's own field for what a put carries beside the value, as JSON text; there only where it is given."""
STORED = (*SIGNATURE.values(), "key", STORED_NAMESPACE, METADATA)
DEEPEST = 8
"""How many folders a namespace may take: deeper ones are not listed."""
_PLAIN = ":" if os.name != "nt" else ""
"""What stays in a name here: `:` is written as `%3A` on Windows only."""
_PROTOCOL = 4
_ORIGINAL = FieldMap(SIGNATURE, None, "auto", "utc")


def home(location: str) -> str:
    """The folder of the disk level, whether a target names the cache's folder, the level or one namespace."""
    place = os.path.normpath(location)
    if os.path.basename(place) == FOLDER:
        return place
    parent = os.path.dirname(place)
    return parent if os.path.basename(parent) == FOLDER else os.path.join(place, FOLDER)


def file_name(key: str) -> str:
    """What the file of a key is called."""
    return escape(key, _PLAIN) + SUFFIX


def folder_parts(namespace: str) -> tuple[str, ...]:
    """The folders of a namespace, a name each; none for the cache itself."""
    return tuple(escape(part, _PLAIN) for part in namespace.split("/")) if namespace else ()


def key_of(name: str, fields: Mapping[str, object]) -> str:
    """The key of a file: its name, or for a hashed name what the content says."""
    stem = name.removesuffix(SUFFIX)
    found = fields.get("key")
    return found if is_hash(stem) and isinstance(found, str) else unescape(stem)


def namespace_of(parent: str) -> str:
    """The namespace of a folder, `/` between the names."""
    return "/".join(unescape(part) for part in parent.split("/")) if parent else ""


def operation_of(key: str) -> str:
    """What stands before the first `:`, "" where there is none."""
    head, colon, _rest = key.partition(":")
    return head if colon else ""


def created_at(found: Mapping[str, object], fields: FieldMap) -> float:
    """When the entry was made, NaN where that cannot be read."""
    return fields.moment("created", found)


def first_stale(created: float, found: Mapping[str, object], fields: FieldMap) -> float:
    """The first moment at which the entry is stale: *after* its age reaches the TTL, or its own expiry.

    A TTL or expiry that is stored as None is never; one that is missing or unreadable is unknown (NaN).
    """
    if "expires" in fields.fields:
        name = fields.fields["expires"]
        return math.inf if name in found and found[name] is None else fields.moment("expires", found)
    ttl = number_of(fields.ttl)
    if "ttl_field" in fields.fields:
        name = fields.fields["ttl_field"]
        ttl = math.inf if name in found and found[name] is None else number_of(found.get(name))
    if ttl == math.inf:
        return math.inf
    if ttl != ttl or created != created:
        return math.nan
    return math.nextafter(created + ttl, math.inf) if ttl > 0 else created


def tags_of(found: Mapping[str, object], name: str = SIGNATURE["tags"]) -> tuple[str, ...]:
    """The tags, sorted."""
    tags = found.get(name)
    return tags if isinstance(tags, tuple) else (tags,) if isinstance(tags, str) else ()


def encode(key: str, namespace: str, held: Held) -> bytes:
    """The file of an entry; a key that its name cannot hold stands in it, too."""
    value: str | bytes
    try:
        value = held.value.decode()
    except UnicodeDecodeError:
        value = held.value
    try:
        created = datetime.fromtimestamp(held.created, UTC)
        ttl = None if held.expires is None else timedelta(seconds=held.expires - held.created)
    except (ValueError, OverflowError, OSError) as error:
        raise BadRequest("A time of the entry is not of the years 1 to 9999.") from error
    entry: dict[str, object] = {
        "value": value,
        "created_at": created,
        "ttl": ttl,
        "tags": set(held.tags),
        STORED_NAMESPACE: namespace,
    }
    if held.metadata:
        entry[METADATA] = metadata_text(held.metadata)
    if is_hash(escape(key, _PLAIN)):
        entry["key"] = key
    return pickle.dumps(entry, _PROTOCOL)


def decode(content: bytes) -> tuple[str, Held] | None:
    """Key ("" where the name of the file says it) and entry of a file; None where its value is an object.

    ValueError when it is broken. Nothing in it is run.
    """
    header = pickle_header(content, STORED)
    found, created = header.fields, number_of(header.fields.get(SIGNATURE["created"]))
    if header.problem or created != created:
        raise ValueError(header.problem or "It does not say when it was made.")
    value = _value(content)
    if value is None:
        return None
    held = Held(value, created, own_expiry(created, found), tags=tags_of(found), metadata=_metadata(found))
    key = found.get("key")
    return key if isinstance(key, str) else "", held


def own_expiry(created: float, found: Mapping[str, object]) -> float | None:
    """The first moment *after* the TTL of the entry, None for never; with a TTL of 0 it is stale at once."""
    moment = first_stale(created, found, _ORIGINAL)
    return moment if math.isfinite(moment) else None


def _metadata(found: Mapping[str, object]) -> Mapping[str, object]:
    text = found.get(METADATA)
    try:
        read = json.loads(text) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return {}  # another application's field
    return read if isinstance(read, dict) else {}


def _value(content: bytes) -> bytes | None:
    root = read_pickle(content).root
    value = dict(_text_pairs(root)).get("value") if isinstance(root, Collection) and root.kind == "dict" else None
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return bytes(value) if isinstance(value, bytes | memoryview) else None


def _text_pairs(root: Collection) -> Iterator[tuple[str, object]]:
    return ((key, value) for key, value in root.pairs() if isinstance(key, str))
