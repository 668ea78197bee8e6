"""Item models over frozen views of a cache."""
