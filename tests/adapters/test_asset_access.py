"""The runtime's door to an asset cache, on real folders."""

from access_contract import AccessContract


class TestAssetCacheAccess(AccessContract):
    """What every key access promises."""

    format_name = "asset-cache"
    location = ""
    namespaces = ("", "tts", "two")
    keeps_accessed = keeps_hits = keeps_metadata = True

    def listed(self, namespace: str) -> str:
        """Without a namespace an entry is an image."""
        return namespace or "image"
