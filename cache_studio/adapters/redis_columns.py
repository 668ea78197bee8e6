"""Columns of described keys: whole lists at once, because a call a key would cost as much as the server does."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cache_studio.adapters.redis_listing import NEVER, Described
from cache_studio.model.columns import STAMP_WIDTH, Floats

KINDS = ("none", "string", "list", "set", "zset", "hash", "stream")
FORBIDDEN = "The user of this connection may not look at this key."
_CODES = {kind: code for code, kind in enumerate(KINDS)}


def kind_code(kind: str) -> int:
    """A number for a type, the same in every process."""
    return _CODES.get(kind, len(KINDS))


def stamps_of(page: Described) -> NDArray[np.int64]:
    """Type, size and expiry of each key."""
    stamps = np.empty((len(page.names), STAMP_WIDTH), np.int64)
    stamps[:, 0] = [_CODES.get(kind, len(KINDS)) for kind in page.kinds]
    stamps[:, 1], stamps[:, 2] = page.sizes, page.expiries
    return stamps


def types_of(page: Described) -> list[str]:
    """The types as they are shown."""
    return ["" if kind == "?" else kind for kind in page.kinds] if "?" in page.kinds else page.kinds


def seconds_of(expiries: Sequence[int]) -> Floats:
    """The column `expires` of epoch milliseconds, NEVER or NOT_TOLD."""
    moments = np.asarray(expiries, np.float64)
    return np.where(moments >= 0, moments / 1000, np.where(moments == NEVER, np.inf, np.nan))


def known_or_nan(numbers: Sequence[int]) -> Floats:
    """A column of numbers where -1 is not told."""
    column = np.asarray(numbers, np.float64)
    return np.where(column < 0, np.nan, column)


def forbidden(page: Described) -> dict[int, str]:
    """The problems of keys that may not be looked at."""
    return {row: FORBIDDEN for row, kind in enumerate(page.kinds) if kind == "?"} if "?" in page.kinds else {}
