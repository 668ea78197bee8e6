"""One module or folder a format, and the registry."""
