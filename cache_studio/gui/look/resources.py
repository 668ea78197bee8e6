"""Where fonts, icons and demo data lie, in a wheel and in a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[2]


def resource(name: str) -> Path:
    """Path of a file or folder below `resources/`: the package's copy if there is one, else the checkout's."""
    packaged = _PACKAGE / "resources" / name
    return packaged if packaged.exists() else _PACKAGE.parent / "resources" / name
