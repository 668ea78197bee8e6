"""Commands run as a user runs them, each with a studio of its own, but in this process.

A start of the program takes most of a command's time; `tests/cli/test_cli_process.py` starts the program itself. For
the same reason a path is recognised here and not in a child; `tests/services/test_proposals.py` does that.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO, StringIO, TextIOWrapper
from typing import Any

import pytest

from cache_studio.cli.main import run
from cache_studio.services import act, proposals


@dataclass(frozen=True)
class Ended:
    """How a run of the program ended."""

    code: object
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed."""
        return json.loads(self.out)


class _Here:
    """Stands for `isolation` where a bounded look at a path is all that is asked of a child."""

    @staticmethod
    def call(function: str, *arguments: object, **_limits: object) -> object:
        module, _, name = function.partition(":")
        return getattr(importlib.import_module(module), name)(*arguments)


def runner(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """A function that runs a command; `answer` is what somebody at a terminal types, None without a terminal."""

    def run_here(*arguments: object, answer: str | None = None) -> Ended:
        out, err = TextIOWrapper(BytesIO(), "utf-8"), TextIOWrapper(BytesIO(), "utf-8")
        typed = StringIO(answer or "")
        monkeypatch.setattr(typed, "isatty", lambda: answer is not None, raising=False)
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdin", typed)
            patched.setattr(sys, "stdout", out)
            patched.setattr(sys, "stderr", err)
            patched.setattr("click.termui.visible_prompt_func", lambda prompt="": typed.readline().rstrip("\n"))
            code = run([str(argument) for argument in arguments])
        texts = []
        for stream in (out, err):
            stream.flush()
            texts.append(stream.buffer.getvalue().decode("utf-8", "surrogateescape"))
        return Ended(code, *texts)

    monkeypatch.setattr(act, "LOOK_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(proposals, "isolation", _Here)
    return run_here
