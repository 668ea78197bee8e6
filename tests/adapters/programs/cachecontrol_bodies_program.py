"""CacheControl with its SeparateBodyFileCache, as newer versions of pip use it."""

import cachecontrol_program
from cachecontrol.caches import SeparateBodyFileCache
from cachecontrol_program import *  # noqa: F403

cachecontrol_program.KIND = SeparateBodyFileCache
