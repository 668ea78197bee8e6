"""The caches an application runs, over the format modules of `adapters`."""
