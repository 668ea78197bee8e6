"""Cache Studio: see what your caches hold, and clean them without fear."""

__version__ = "0.1.0"
