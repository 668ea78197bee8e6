#!/usr/bin/env python3
"""Run, test and check Cache Studio from a checkout: `python3 packaging/dev.py run|test|check`.

Needs Python 3.11 with its venv module, and nothing else: what is missing is installed (as root), or the
one line that installs it is printed. CACHE_STUDIO_NO_APT=1 makes it only print, also as root.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "packaging" / "requirements.lock"
STAMP = VENV / "cache-studio.stamp"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
LINUX = sys.platform.startswith("linux")

# What Qt loads: the first row always, the second only for a real window.
OFFSCREEN = "libglib-2.0.so.0 libGL.so.1 libEGL.so.1 libxkbcommon.so.0 libfontconfig.so.1 libdbus-1.so.3"
XCB = "libxcb-cursor.so.0 libxcb-icccm.so.4 libxcb-keysyms.so.1 libxcb-xkb.so.1 libxcb-shape.so.0 libxkbcommon-x11.so.0"
BENCHMARKS = tuple(f"tests/benchmarks/{name}.py" for name in ("bench", "runtime"))
LAYERS = "-c 'from importlinter.cli import lint_imports_command as main; main()' --no-logo"


class Command(NamedTuple):
    """A word of the command line: the arguments of Python it stands for, run one after the other."""

    about: str
    steps: tuple[str, ...]
    default: tuple[str, ...] = ()
    window: bool = False  # shows one, and takes paths from where the user stands


COMMANDS = {
    "run": Command("open the window; without arguments on the demo", ("-m cache_studio",), ("demo",), True),
    "test": Command("run the tests; arguments go to pytest", ("-m pytest",)),
    "pictures": Command("make the pictures of the README", ("packaging/pictures.py",)),
    "bench": Command("measure against floors, peers and goals; --quick: small", BENCHMARKS),
    "faults": Command("print the promises with this run's figures; --quick: small", ("tests/faults/faults.py",)),
    "libraries": Command("install the caching libraries that tests attach to", ("packaging/libraries.py",)),
    "check": Command("lint, types, layers", ("-m ruff check", "-m ruff format --check", "-m mypy", LAYERS)),
}


def qt_platform(window: bool) -> str:
    """The Qt platform plugin to ask for; empty: let Qt choose, there is a display."""
    chosen = os.environ.get("QT_QPA_PLATFORM", "")
    if chosen or not window:
        return chosen or "offscreen"
    if not LINUX or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return ""
    print("There is no display here, so the window is drawn where nobody sees it.", file=sys.stderr)
    return "offscreen"


def loads(soname: str) -> bool:
    """Whether the dynamic linker finds this library."""
    try:
        return bool(ctypes.CDLL(soname))
    except OSError:
        return False


def package_of(soname: str) -> str:
    """Debian's package for a library: libGL.so.1 comes with libgl1, libdbus-1.so.3 with libdbus-1-3."""
    name, _, number = soname.lower().replace("libglib-", "libglib").partition(".so.")
    return f"{name}-{number}" if name[-1].isdigit() else name + number


def missing_packages(platform: str) -> list[str]:
    """Debian packages of what this machine lacks, in a fixed order."""
    wanted = OFFSCREEN if platform == "offscreen" else f"{OFFSCREEN} {XCB}"
    packages = [package_of(soname) for soname in wanted.split() if not loads(soname)]
    if not shutil.which("uv") and importlib.util.find_spec("ensurepip") is None:
        packages.append("python3-venv")
    return packages


def install_packages(platform: str) -> None:
    """Make sure the system libraries are there, or say in one line how to get them and exit 1."""
    packages = missing_packages(platform) if LINUX else []
    if not packages:
        return
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if shutil.which("apt-get") and os.geteuid() == 0 and not os.environ.get("CACHE_STUDIO_NO_APT"):
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for step in (["apt-get", "update"], install):  # an old list may do: what counts is what is there after
            subprocess.run(step, env=env, check=False)
        importlib.invalidate_caches()
        packages = missing_packages(platform)
    if packages:
        sys.exit(f"System packages are missing. Install them, then run this again:\nsudo {shlex.join(install)}")


def make_venv() -> None:
    """Bring .venv to what the lock says; at once when its stamp says that it is."""
    wanted = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
    if PYTHON.exists() and STAMP.is_file() and STAMP.read_text() == wanted:
        return
    print(f"Installing {LOCK.relative_to(ROOT)} into {VENV.name}: a minute the first time.", file=sys.stderr)
    same = PYTHON.exists() and f"= {sys.version.split()[0]}\n" in (VENV / "pyvenv.cfg").read_text()
    fresh = [] if same else ["--clear"]
    create = [sys.executable, "-m", "venv", *fresh, str(VENV)]
    install = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    if uv := shutil.which("uv"):
        create.append("--without-pip")
        install = [uv, "pip", "install", "--python", str(PYTHON)]
    locked = ["--require-hashes", "--only-binary", ":all:", "-r", str(LOCK)]
    for step in (create, [*install, *locked]):
        subprocess.run(step, check=True)
    STAMP.write_text(wanted)


def main(argv: list[str]) -> int:
    """Set up, then run every step of one command; returns the first failed step's code, else 0."""
    if sys.version_info < (3, 11):  # noqa: UP036 - whatever Python is on PATH starts this file
        sys.exit("Cache Studio needs Python 3.11 or newer, this is " + sys.version)
    command = COMMANDS.get(argv[0]) if argv else None
    if command is None:
        print("usage: dev.py COMMAND [ARGUMENT...]", *(f"  {w:10}{c.about}" for w, c in COMMANDS.items()), sep="\n")
        return 2
    platform = qt_platform(command.window)
    install_packages(platform)
    make_venv()
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))}
    env |= {"QT_QPA_PLATFORM": platform, "PYTHONDONTWRITEBYTECODE": ""}  # "": not set; children need compiled modules
    args = argv[1:] or command.default
    cwd = None if command.window else ROOT
    runs = [subprocess.run([PYTHON, *shlex.split(s), *args], cwd=cwd, env=env) for s in command.steps]
    return next((run.returncode for run in runs if run.returncode), 0)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
    except subprocess.CalledProcessError as error:
        sys.exit(f"This step failed: {shlex.join(map(str, error.cmd))}")
