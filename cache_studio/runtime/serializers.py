"""How a value becomes the bytes that a layout stores: a protocol of two methods, JSON unless chosen otherwise."""

import json
import pickle
from typing import Any, Protocol

from cache_studio.model.errors import BadRequest


class Serializer(Protocol):
    """Turns values into bytes and back."""

    def dumps(self, value: Any) -> bytes:
        """The bytes of a value; BadRequest for one that cannot be stored."""

    def loads(self, data: bytes) -> Any:
        """The value of bytes; ValueError when they are none of this serializer's."""


class Json:
    """JSON text in UTF-8; non-ASCII kept."""

    def dumps(self, value: Any) -> bytes:
        """The text of a value; NaN and infinity are refused, since JSON has neither."""
        try:
            return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "surrogatepass")
        except (TypeError, ValueError, RecursionError) as error:
            raise BadRequest(
                f"The value cannot be stored as JSON: {error}.", "Store bytes, or give a serializer."
            ) from error

    def loads(self, data: bytes) -> Any:
        """The value of a text."""
        try:
            return json.loads(data.decode("utf-8", "surrogatepass"))
        except RecursionError as error:
            raise ValueError("the text is nested too deeply") from error


class Raw:
    """Bytes as they are."""

    def dumps(self, value: Any) -> bytes:
        """The bytes themselves; BadRequest for anything else."""
        if not isinstance(value, bytes | bytearray | memoryview):
            raise BadRequest(f"A {type(value).__name__} is not bytes.", "Store bytes, or use the JSON serializer.")
        return bytes(value)

    def loads(self, data: bytes) -> bytes:
        """The bytes themselves."""
        return data


class Pickle:
    """Any object of Python, by pickle. Only on request, for a cache that nobody else can write.

    Reading a pickle runs what stands in it: whoever can write the cache can run code in the application. Values
    that JSON holds, or a serializer of your own, do not have that door.
    """

    def dumps(self, value: Any) -> bytes:
        """The pickle of a value; BadRequest for one that has none."""
        try:
            return pickle.dumps(value, protocol=4)
        except Exception as error:  # an object says itself how it is pickled, and may raise anything
            raise BadRequest(f"The value cannot be pickled: {error}.", "Store data, not open things.") from error

    def loads(self, data: bytes) -> Any:
        """The object of a pickle; ValueError when it cannot be read."""
        try:
            return pickle.loads(data)
        except Exception as error:  # a broken pickle may raise anything
            raise ValueError(f"not a pickle of this program: {error}") from error


class AsIs:
    """No bytes at all: the object itself, for a cache in memory. Its size is not known."""

    def dumps(self, value: Any) -> bytes:
        """Nothing: a cache in memory keeps the object."""
        return b""

    def loads(self, data: bytes) -> Any:
        """ValueError: there are no bytes to read."""
        raise ValueError("an object as it is was not kept")
